"""What a recipe of CCAFL says; the defaults are the published code's where it is the same for all data sets, and for
custom data where it differs."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from passerby.config import Finite, NotNegative, Positive, Probability, Recipe, Section
from passerby.errors import RecipeError
from passerby.methods.ccafl.association.linkages import Linkage
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.clip import ImageTowerSection, PromptStageSection, TowersSection
from passerby.methods.sections.learning_rate import Epoch

Count = Annotated[int, Field(ge=1)]
EpochFrom0 = Annotated[int, Field(ge=0)]


class ModelSection(TowersSection):
    """The network."""

    architecture: str = "RN50"
    """An open_clip name (RN50, ViT-B-16, …), or vit-tiny-6, … for work on two cores."""
    prompt_prefix: Literal[4, 5, 6] = 4
    """Words before the learnable ones; 5 or 6, as also published, lose later words."""


class CcaflAugmentationSection(AugmentationSection):
    """From pixels to the network's input."""

    mean: tuple[Finite, Finite, Finite] = (0.485, 0.456, 0.406)
    """Subtracted from each channel (of values 0–1)."""
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)
    """Divides each channel."""

    TEST_INTERPOLATION = "bicubic"


class PromptsSection(PromptStageSection):
    """Stage 1: the words of each class."""

    epochs: int = Field(default=60, ge=0)
    """Passes over the cached features."""


class LoopSection(ImageTowerSection):
    """Stages 2 and 3, which share one optimiser and one learning rate; epochs count from 0."""

    epochs: int = Field(default=80, ge=1)
    """Of the whole loop."""
    intra_epochs: EpochFrom0 = 5
    """Epochs of intra-camera learning (stage 2); the others are stage 3."""
    iterations: Count = 200
    """Steps of an epoch."""
    identities_per_batch: Count = 16
    """P, classes per process and step."""
    images_per_identity: int = Field(default=8, ge=2, le=4096)
    """K, images of each."""
    lr: NotNegative = 3.5e-4
    """Learning rate after warm-up."""
    warmup_start_factor: NotNegative = 0.01
    """Where the warm-up begins, as a fraction of lr."""
    milestones: tuple[Epoch, ...] = (40, 50)
    """Epochs of the steps, with decay=steps."""
    weight_decay: NotNegative = 5e-4
    """Coupled L2, as in Adam; biases too."""
    neck_from_data: bool = False
    """Begin the neck's statistics with the training images': short epochs need it."""
    margin: NotNegative = 0.3
    """Of all triplet losses."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Label smoothing of the image-to-text losses."""

    COUNT_FROM = 0


class MemorySection(Section):
    """What is remembered of classes and clusters within an epoch."""

    temperature: Positive = 0.05
    """Divides the cosines with what is remembered."""
    momentum: Probability = 0.1
    """How much of a centroid an update keeps."""
    instances: Annotated[int, Field(ge=1, le=4096)] | Literal["all"] = 32
    """Images that stand for each class, drawn with replacement; all: every image."""


class IntraSection(Section):
    """Losses of stage 2; all are sums over the cameras of a batch."""

    icdl: Literal["both", "centroid", "instance"] = "both"
    """Contrast with centroids, with the hardest instances, or with both."""
    centroid_share: Probability = 0.6
    """Weight of the centroids where it is both; the instances have the rest."""
    text: bool = True
    """Images pick the text of their class among those of their camera."""
    memory_triplet: bool = True
    """Triplets with the centroids of the camera."""
    batch_triplet: bool = True
    """Triplets within the images of the camera."""


class AssociationSection(Section):
    """Which classes of different cameras are probably one person, found anew before every epoch."""

    pairs_per_class: NotNegative = 1.5
    """Nearest pairs gone through, for each class: near the number of true links."""
    linkage: Linkage = "nearest"
    """Pairs that may be linked: nearest, as published, mutual nearest, or average."""
    stranger_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of certain strangers nearer than links of mutual or average may be."""
    centre_cameras: bool = False
    """Compare features relative to the mean of their camera."""
    one_class_per_camera: bool = False
    """Refuse links that would put two classes of one camera into one cluster."""
    constraints: Path | None = None
    """A table of links that are required or forbidden, as `associations` writes it."""

    @property
    def governing_key(self) -> str:
        """The key that says how much is linked."""
        return "pairs_per_class" if self.linkage == "nearest" else "stranger_share"

    def idle_keys(self) -> set[str]:
        """The key of the other linkages."""
        return {"pairs_per_class", "stranger_share"} - {self.governing_key}


class InterSection(Section):
    """Losses of stage 3 besides the contrast with clusters."""

    text: bool = True
    """Images pick the text of their cluster."""
    text_from: EpochFrom0 = 10
    """The first epoch of that."""
    batch_triplet: bool = True
    """Triplets within the images of a batch, by cluster."""


class AdversarySection(Section):
    """The classifier of all classes, and the loss by which features hide the camera from it."""

    enabled: bool = True
    """Use the loss; the classifier learns in any case, and changes nothing without it."""
    first_epoch: EpochFrom0 = 40
    """The first epoch of the loss."""
    end_epoch: EpochFrom0 = 60
    """The first epoch without it again."""
    epsilon: Probability = 0.8
    """ε: 1 treats all classes of a cluster alike, 0 sees the own one only."""
    margin: float = Field(default=0.5, ge=0, lt=math.pi)
    """An angle by which the own class is made harder."""
    camera_reweight: NotNegative = 0.2
    """How much harder other people of the own camera are made."""
    scale: Positive = 16.0
    """Multiplies the cosines."""
    classifier_lr: NotNegative = 3.5e-4
    """Learning rate of the classifier, constant."""
    classifier_weight_decay: NotNegative = 5e-4
    """Coupled L2, as in Adam."""


class CcaflRecipe(Recipe):
    """A recipe of CCAFL."""

    model: ModelSection = ModelSection()
    """The network."""
    augmentation: CcaflAugmentationSection = CcaflAugmentationSection()
    """From pixels to the network's input."""
    stage1: PromptsSection = PromptsSection()
    """The words of each class."""
    stages2and3: LoopSection = LoopSection()
    """Stages 2 and 3 in one loop."""
    memory: MemorySection = MemorySection()
    """What is remembered within an epoch."""
    intra: IntraSection = IntraSection()
    """Losses of stage 2."""
    association: AssociationSection = AssociationSection()
    """Which classes are linked."""
    inter: InterSection = InterSection()
    """Losses of stage 3."""
    ical: AdversarySection = AdversarySection()
    """Adversarial learning in stage 3."""

    @model_validator(mode="after")
    def _gradients_belong_to_one_step(self) -> "CcaflRecipe":
        if self.trainer.accumulate > 1:
            raise RecipeError(
                f"trainer.accumulate={self.trainer.accumulate}: memories and classifier learn at every batch, so CCAFL "
                "takes one step for each: set it to 1"
            )
        return self


def parts_that_never_come(recipe: CcaflRecipe) -> list[str]:
    """Parts that are switched on but whose epochs do not occur in inter-camera learning, one line for each."""
    begin, end = recipe.stages2and3.intra_epochs, recipe.stages2and3.epochs
    if begin >= end:
        return []
    lines, inter, ical = [], recipe.inter, recipe.ical
    if inter.text and inter.text_from >= end:
        lines.append(
            f"inter.text_from={inter.text_from}: stages2and3.epochs={end} ends before, texts of clusters teach nothing"
        )
    if ical.enabled and max(ical.first_epoch, begin) >= min(ical.end_epoch, end):
        lines.append(
            f"ical.first_epoch={ical.first_epoch}, ical.end_epoch={ical.end_epoch}: none of these epochs is one of the "
            f"inter-camera epochs {begin} to {end - 1}, features learn nothing from the adversary"
        )
    return lines
