"""Fine-tuning a backbone: identity loss behind a batch-normalised neck, triplet loss before it.

Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification", CVPR Workshops 2019.
"""

import torch
from tiny_world import SIZE, batches, learn, report, world
from torch import Tensor, nn

from passerby.losses import batch_hard_triplet, smoothed_cross_entropy
from passerby.models import bn_neck, identity_classifier
from passerby.models.backbones import create


class Network(nn.Module):
    """The backbone embeds; neck and classifier serve the identity loss only."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.backbone = create("resnet_tiny_ibn", SIZE)
        self.neck = bn_neck(self.backbone.feature_dim)
        self.classifier = identity_classifier(self.backbone.feature_dim, people)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, D] and logits [B, C]."""
        features = self.backbone(images)
        return features, self.classifier(self.neck(features))

    def embed(self, images: Tensor) -> Tensor:
        """The feature to search with, [B, D]."""
        return self.backbone(images)


def main() -> None:
    """Learn, and compare before with after."""
    torch.manual_seed(0)
    benchmark = world()
    people = benchmark.training_split()
    network = Network(len(people.identity_names))
    report("before", network, benchmark)

    learned = [parameter for name, parameter in network.named_parameters() if name != "neck.bias"]  # which stays 0
    optimiser = torch.optim.SGD(learned, lr=0.02, momentum=0.9, weight_decay=1e-4)
    network.train()
    for batch in batches(people, epochs=6):
        features, logits = network(batch.images)
        identity = smoothed_cross_entropy(logits, batch.identities, label_smoothing=0.1)
        triplet = batch_hard_triplet(features, batch.identities, margin=None)  # the soft form
        learn(optimiser, identity + triplet)

    report("after", network, benchmark)


if __name__ == "__main__":
    main()
