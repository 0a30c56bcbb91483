"""CCAFL: learning from labels that hold inside each camera only; nobody has compared people across cameras.

A class is one person in one camera. Stage 1 learns a description of each class, as CLIP-ReID does of each person. Stage
2 tells the classes of each camera apart. Stage 3 links classes of different cameras that are probably one person, anew
before every epoch, and learns to tell the clusters apart that these links form. Tan et al., IEEE TCSVT 2025; without
its classifier of cameras, and with the simplest rule for links.
"""

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tiny_world import SIZE, batches, learn, plain_batches, report, world
from torch import Tensor, nn
from torch.nn.functional import normalize

from passerby.data import Split, camera_local
from passerby.losses import (
    ClusterMemory,
    HybridMemory,
    centroid_contrast,
    class_centroids,
    grouped_contrastive,
    image_to_text,
    instance_contrast,
)
from passerby.models.clip import ClipShape, clip_weights, encode_all_prompts
from passerby.models.clip_reid import ClipReid, ClipReidSizes


class Network(nn.Module):
    """CLIP's towers, a prompt for each class, and a neck behind which features are compared."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        clip = clip_weights("tiny-clip", "vit-tiny-6")
        shape = ClipShape("vit-tiny-6", SIZE, quick_gelu=clip.quick_gelu)
        self.towers = ClipReid(shape, ClipReidSizes(classes), clip_tensors=clip.tensors)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Retrieval feature of length 1 and the feature in the space of the texts."""
        features = self.towers.features(images)
        return normalize(self.towers.bottleneck(features.final)), features.projected

    def embed(self, images: Tensor) -> Tensor:
        """The retrieval feature."""
        return self(images)[0]


def learn_prompts(model: Network, classes: Split) -> Tensor:
    """Stage 1: images and texts of a class together, compared inside each camera; returns the texts of all classes."""
    with torch.no_grad():
        images = torch.cat([model.eval()(batch.images)[1] for batch in plain_batches(classes)])
    labels, cameras = torch.from_numpy(classes.identities), torch.from_numpy(classes.cameras)
    optimiser = torch.optim.Adam([model.towers.prompt_learner.context], lr=3.5e-3)
    for _ in range(6):
        texts = model.towers.prompt_features(labels)
        loss = grouped_contrastive(images, texts, labels, cameras) + grouped_contrastive(texts, images, labels, cameras)
        learn(optimiser, loss)
    return encode_all_prompts(model.towers.prompt_learner, model.towers.text_encoder)


def linked(centroids: Tensor, cameras: Tensor) -> Tensor:
    """The cluster of each class: classes of two cameras are linked if each is the other's nearest there."""
    similarity = centroids @ centroids.T
    links = torch.zeros_like(similarity, dtype=torch.bool)
    for first in cameras.unique():
        for second in cameras.unique():
            if first != second:
                rows, columns = (cameras == first).nonzero()[:, 0], (cameras == second).nonzero()[:, 0]
                links[rows, columns[similarity[rows][:, columns].argmax(1)]] = True
    return torch.from_numpy(connected_components(coo_array((links & links.T).numpy()))[1]).long()


def main() -> None:
    """All three stages."""
    torch.manual_seed(0)
    benchmark = world()
    classes = camera_local(benchmark.training_split())
    labels, cameras = torch.from_numpy(classes.identities), torch.from_numpy(classes.cameras)
    class_cameras = torch.zeros(len(classes.identity_names), dtype=torch.int64).scatter(0, labels, cameras)
    model = Network(len(class_cameras))
    report("before", model, benchmark)
    texts = learn_prompts(model, classes)

    names = ("towers.image_encoder.", "towers.bottleneck.weight")
    learned = [parameter for name, parameter in model.named_parameters() if name.startswith(names)]
    optimiser = torch.optim.Adam(learned, lr=5e-5, weight_decay=1e-4)
    for epoch in range(4):
        with torch.no_grad():
            features = torch.cat([model.eval().embed(batch.images) for batch in plain_batches(classes)])
        model.train()
        if epoch < 2:  # stage 2
            memory = HybridMemory(features, labels, instances=None, generator=torch.Generator())
            for batch in batches(classes, epochs=1, people=6, images=2):
                images, joint = model(batch.images)
                loss = torch.zeros(())
                for camera in batch.cameras.unique():
                    own, here = batch.cameras == camera, class_cameras == camera
                    local = (here.cumsum(0) - 1)[batch.identities[own]]
                    loss = loss + centroid_contrast(images[own], local, memory.centroids[here])
                    loss = loss + instance_contrast(images[own], local, memory.instances[here])
                    loss = loss + image_to_text(joint[own], texts[here], local)
                learn(optimiser, loss)
                memory.update(images.detach(), batch.identities)
        else:  # stage 3
            clusters = linked(class_centroids(features, labels), class_cameras)
            memory, of_clusters = ClusterMemory(features, clusters[labels]), class_centroids(texts, clusters)
            for batch in batches(classes, epochs=1, people=6, images=2):
                images, joint = model(batch.images)
                own = clusters[batch.identities]
                loss = centroid_contrast(images, own, memory.centroids) + image_to_text(joint, of_clusters, own)
                learn(optimiser, loss)
                memory.update(images.detach(), own)

    report("after", model, benchmark)


if __name__ == "__main__":
    main()
