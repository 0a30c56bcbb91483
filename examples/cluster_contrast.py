"""Cluster-Contrast: learning from images whose people nobody has named.

Before every epoch all images are clustered; in its steps each image is drawn to the centroid of its cluster and away
from the others, and each centroid moves to the least similar of its images. Dai et al., ACCV 2022.
"""

from dataclasses import replace

import torch
from tiny_world import batches, learn, plain_batches, report, world
from torch import Tensor, nn
from torch.nn.functional import normalize

import passerby
from passerby.losses import ClusterMemory, centroid_contrast
from passerby.metrics import dbscan, jaccard_distances
from passerby.models import bn_neck


class Network(nn.Module):
    """The image tower of tiny-clip, which comes with passerby and has seen drawn people, and a neck behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = passerby.load("tiny-clip", device="cpu").model
        self.neck = bn_neck(self.tower.embed_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Features of length 1, [B, D]."""
        return normalize(self.neck(self.tower.image_features(images)))


def main() -> None:
    """Cluster and learn, in turn; identities are looked at only to say how good the clusters are."""
    torch.manual_seed(0)
    benchmark = world()
    images = benchmark.training_split()
    network = Network()
    report("before", network, benchmark)

    learned = [p for name, p in network.named_parameters() if name.startswith(("tower.visual.", "neck.weight"))]
    optimiser = torch.optim.Adam(learned, lr=3e-5, weight_decay=5e-4)
    for epoch in range(3):
        with torch.no_grad():
            features = torch.cat([network.eval()(batch.images) for batch in plain_batches(images)])
        found = dbscan(jaccard_distances(features.numpy(), k1=8, k2=3), 0.5, min_samples=3)
        print(f"epoch {epoch + 1}: {found.max() + 1} clusters, {(found < 0).sum()} images in none")
        memory = ClusterMemory(features, torch.from_numpy(found))
        clustered = replace(images, identities=found).take(found >= 0)
        network.train()
        for batch in batches(clustered, epochs=1, people=min(4, int(found.max()) + 1)):
            features = network(batch.images)
            learn(optimiser, centroid_contrast(features, batch.identities, memory.centroids))
            memory.update(features.detach(), batch.identities)

    report("after", network, benchmark)


if __name__ == "__main__":
    main()
