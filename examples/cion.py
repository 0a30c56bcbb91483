"""CION: pre-training by self-distillation between all images of a person, not only between views of one image.

A student learns to say of any view of a person what its teacher says of any other, also where the views are of two
images; the teacher is an average of the students so far. What they say it in, a distribution over many outputs, is
thrown away afterwards: the backbone stays. Zuo et al., "Cross-video Identity Correlating", NeurIPS 2024.
"""

import copy
from collections.abc import Sequence
from itertools import groupby

import torch
from tiny_world import learn, report, world
from torch import Tensor, nn
from torch.nn.functional import normalize

from passerby.data import PerImageSource, View, ViewLoader, ViewsTransform, identity_groups
from passerby.losses import identity_distillation, moved_centre
from passerby.models import CosineClassifier
from passerby.models.backbones import create

SIZE = (64, 32)
OUTPUTS, IMAGES, EPOCHS = 256, 3, 8
MOST, PART = View(SIZE, (0.5, 1.0), blur=0.5), View((32, 16), (0.2, 0.5))
VIEWS = ViewsTransform(views=(MOST, MOST, PART, PART))  # the teacher sees the first two


class Network(nn.Module):
    """A backbone, and a head of cosines with `OUTPUTS` directions."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = create("resnet_tiny_ibn", SIZE)
        self.head = nn.Sequential(nn.Linear(self.backbone.feature_dim, 256), nn.GELU(), nn.Linear(256, 64))
        self.directions = CosineClassifier(64, OUTPUTS)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Logits [V, B, OUTPUTS]; views of one size pass the backbone together."""
        groups = (torch.cat(list(group)) for _, group in groupby(views, key=lambda view: view.shape))
        features = torch.cat([self.backbone(group) for group in groups])
        return self.directions(normalize(self.head(features))).view(len(views), -1, OUTPUTS)

    def embed(self, images: Tensor) -> Tensor:
        """The backbone's feature."""
        return self.backbone(images)


def main() -> None:
    """Pre-train from nothing, and compare the teachers' features before and after."""
    torch.manual_seed(0)
    benchmark = world()
    people = benchmark.training_split()
    student = Network()
    teacher = copy.deepcopy(student).requires_grad_(False)
    report("before", copy.deepcopy(teacher), benchmark, SIZE)

    learned = [p for name, p in student.named_parameters() if not name.startswith("directions.")]  # too few images
    optimiser, centre = torch.optim.AdamW(learned, lr=1e-3, weight_decay=0.04), torch.zeros(1, OUTPUTS)
    for epoch in range(EPOCHS):
        keyed = {"images_per_identity": IMAGES, "seed": 0, "epoch": epoch}
        rows = identity_groups(people.identities, batch_size=12, **keyed)
        for batch in ViewLoader(PerImageSource(people), VIEWS, rows, SIZE, **keyed):
            with torch.no_grad():
                targets = teacher(batch.views[:2])
            loss = identity_distillation(student(batch.views), targets, centre, images_per_identity=IMAGES)
            learn(optimiser, loss)
            centre = moved_centre(centre, targets.mean((0, 1)))
            with torch.no_grad():
                for own, other in zip(teacher.parameters(), student.parameters(), strict=True):
                    own.lerp_(other, 1 - 0.98)
    report("after", teacher, benchmark, SIZE)


if __name__ == "__main__":
    main()
