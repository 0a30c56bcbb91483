"""MGN: features of the whole body and of its parts, each with an identity loss of its own.

Three branches share the lower layers of a residual network. All see the whole body; the second also sees halves, the
third thirds. Wang et al., "Learning Discriminative Features with Multiple Granularities", ACM MM 2018, with the circle
loss of FastReID's form.
"""

import copy

import torch
from tiny_world import SIZE, batches, learn, report, world
from torch import Tensor, nn
from torch.nn.functional import normalize

from passerby.losses import batch_hard_triplet, circle_logits, cross_entropy_smoothed_over_others
from passerby.models import CosineClassifier, GeneralisedMean, bn_neck
from passerby.models.backbones import create

WIDTH, STRIPES = 64, (1, 2, 3)


def head(channels: int) -> nn.Module:
    """The places of a stripe [B, n, D] → a feature [B, WIDTH]: pooled, made short, normalised over the batch."""
    return nn.Sequential(GeneralisedMean(), nn.Linear(channels, WIDTH), bn_neck(WIDTH))


class Mgn(nn.Module):
    """Eight features: three of the whole body, two of halves, three of thirds."""

    def __init__(self, people: int) -> None:
        super().__init__()
        backbone = create("resnet_tiny_ibn", SIZE)
        net = backbone.network
        self.trunk = nn.Sequential(net.conv1, net.bn1, net.act1, net.maxpool, net.layer1, net.layer2, net.layer3)
        self.branches = nn.ModuleList(copy.deepcopy(net.layer4) for _ in STRIPES)
        self.heads = nn.ModuleList(head(backbone.feature_dim) for _ in range(8))
        self.classifiers = nn.ModuleList(CosineClassifier(WIDTH, people) for _ in range(8))

    def forward(self, images: Tensor) -> list[Tensor]:
        """The eight features [B, WIDTH], branch by branch, each whole first."""
        shared, heads, found = self.trunk(images), iter(self.heads), []
        for branch, stripes in zip(self.branches, STRIPES, strict=True):
            maps = branch(shared)
            parts = maps.chunk(stripes, dim=2) if stripes > 1 else ()
            found += [next(heads)(part.flatten(2).transpose(1, 2)) for part in (maps, *parts)]
        return found

    def embed(self, images: Tensor) -> Tensor:
        """All features in a row."""
        return torch.cat(self(images), 1)


def main() -> None:
    """Learn, and compare before with after."""
    torch.manual_seed(0)
    benchmark = world()
    people = benchmark.training_split()
    network = Mgn(len(people.identity_names))
    report("before", network, benchmark)

    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=5e-4)
    network.train()
    for batch in batches(people, epochs=4):
        features, labels = network(batch.images), batch.identities
        loss = torch.zeros(())
        for feature, classifier in zip(features, network.classifiers, strict=True):
            logits = circle_logits(classifier(normalize(feature)), labels)
            loss = loss + cross_entropy_smoothed_over_others(logits, labels)
        first, second, upper, lower, third, *thirds = features
        for compared in (first, second, third, torch.cat([upper, lower], 1), torch.cat(thirds, 1)):
            loss = loss + batch_hard_triplet(compared, labels, margin=None)
        learn(optimiser, loss)
    report("after", network, benchmark)


if __name__ == "__main__":
    main()
