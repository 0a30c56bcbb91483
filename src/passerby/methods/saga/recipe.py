"""What a recipe of SAGA-ReID says; the defaults are the published numbers of its Market-1501 configuration."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from passerby.config import NotNegative, Recipe, Section
from passerby.data.occlusion.occlude import Condition
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.clip import PromptStageSection, TowersSection
from passerby.methods.sections.learning_rate import Decay, Epoch, LearningRate, Position
from passerby.models.saga.shape import AnchorShape, EmbeddingShape, PoolingKind

Probability = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1024)]


class ModelSection(TowersSection):
    """The network that anchors are put on."""

    architecture: str = "ViT-B-16"
    """An open_clip name of a vision transformer, or vit-tiny-6 for work on two cores."""
    stride: Count | None = 12
    """Distance between patches; null: their size, as in most CLIP-ReID checkpoints."""


class SagaAugmentationSection(AugmentationSection):
    """From pixels to the network's input."""

    TEST_INTERPOLATION = "bicubic"


class PromptsSection(PromptStageSection):
    """Stage 1: the prompt of each identity."""

    epochs: int = Field(default=100, ge=0)
    """Passes over the cached features; 0: none."""

    COUNT_FROM = 0
    COSINE_AFTER_WARMUP = True


class BatchSection(Section):
    """Batches of P identities and what is asked of them."""

    identities_per_batch: int = Field(default=16, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=4, ge=2, le=4096)
    """K."""
    label_smoothing: Probability = 0.1
    """Label smoothing of classification losses."""
    margin: NotNegative | None = 0.3
    """Triplet margin; null: the soft form."""


class BackboneLossWeights(Section):
    """Weights of the losses of stage 2."""

    identity: NotNegative = 0.25
    """Identity loss of the class token."""
    triplet: NotNegative = 1.0
    """Triplet loss of the class token."""
    text: NotNegative = 1.0
    """Image-to-text loss of the projected class token."""

    @property
    def reads_projection(self) -> bool:
        """Whether a loss reads the projected class token; without one its projection has no gradient, and is frozen."""
        return self.text > 0


class BackboneStageSection(LearningRate, BatchSection):
    """Stage 2: the image tower, against the prompts of stage 1."""

    lr: NotNegative = 5e-6
    warmup_steps: int = Field(default=10, ge=0)
    """Steps of linear warm-up, besides those of warmup_epochs."""
    decay: Decay = "steps"
    milestones: tuple[Epoch, ...] = (40, 70)
    min_lr_factor: NotNegative = 0.01
    epochs: int = Field(default=80, ge=0)
    """Passes over the training identities; 0: the tower of init or CLIP stays."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam; biases too."""
    loss_weights: BackboneLossWeights = BackboneLossWeights()
    """Weights of the losses."""

    WARMUP_SCALES_DECAY = True
    COSINE_REACHES_END = True

    def warmup_at(self, position: Position) -> tuple[float, float]:
        """How many steps of the warm-up are done, and how many there are."""
        return position.finished, self.warmup_steps + self.warmup_epochs * position.steps


class VisibilitySection(LearningRate):
    """The visibility head, on images that something hides in part; with anchors.visibility."""

    lr: NotNegative = 1e-3
    epochs: int = Field(default=5, ge=0)
    """Passes over the training identities; 0: the head of init stays."""
    identities_per_batch: int = Field(default=16, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=4, ge=1, le=4096)
    """K."""
    hidden_by: Annotated[tuple[Condition, ...], Field(min_length=1)] = ("rectangle", "bottom", "people")
    """What hides: rectangle, bottom, patches, people of the same batch."""
    largest: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Largest share of an image that is hidden."""
    whole: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of images that nothing hides."""
    masks: Path | None = None
    """Folder of masks that cut people out (`passerby synth --masks`); null: strips."""
    weight_decay: NotNegative = 1e-4
    """Decoupled, as in AdamW."""


class TokensSection(Section):
    """Patch tokens of the frozen image tower, from which stage 3 learns."""

    cache: Literal["disk", "none"] = "disk"
    """Keep tokens of some augmented views (float16), or compute them in every step."""
    views: Count = 4
    """Augmented views of each image in the cache."""
    folder: Path | None = None
    """Where the cache lies and stays; null: in the run, removed after stage 3."""


class AnchorLossWeights(Section):
    """Weights of the losses of stage 3."""

    identity: NotNegative = 1.0
    """Mean identity loss of the classifiers."""
    triplet: NotNegative = 1.0
    """Triplet loss of the refined feature."""
    anchor_diversity: NotNegative = 0.05
    """Squared cosines between anchors."""
    classifier_diversity: NotNegative = 0.5
    """Squared cosines between classifiers."""
    anchor_triplet: NotNegative = 0.0
    """Triplet loss of each anchor's own feature."""


class AnchorStagesSection(BatchSection):
    """What stages 3a and 3b have in common."""

    classifiers: Count = 4
    """Classifiers of the refined feature, which are kept different."""
    classifier_dropout: Probability = 0.0
    """Dropout before the classifiers; with one classifier in stage 3a only."""
    loss_weights: AnchorLossWeights = AnchorLossWeights()
    """Weights of the losses."""
    weight_decay: NotNegative = 1e-4
    """Decoupled, as in AdamW; norms and biases too."""
    warm_start: bool = True
    """Start the refinement from the image tower's block that its tokens come from."""
    poolings: tuple[PoolingKind, ...] = ()
    """Poolings trained beside the anchors, to be compared with: gem, query, free."""


class HeadStageSection(LearningRate):
    """How long anchors learn, and how fast."""

    warmup_epochs: NotNegative = 5
    epochs: int = Field(default=0, ge=0)
    """Passes over the training identities; 0: none."""

    COSINE_AFTER_WARMUP = True


class FirstAnchorsSection(HeadStageSection):
    """Stage 3a: anchors, refinement and classifiers, at a constant learning rate."""

    decay: Decay = "constant"
    epochs: int = Field(default=20, ge=0)


class SecondAnchorsSection(HeadStageSection):
    """Stage 3b: the same again, at a falling learning rate."""

    lr: NotNegative = 2e-4
    min_lr_factor: NotNegative = 0.5
    epochs: int = Field(default=80, ge=0)


class EndToEndLossWeights(Section):
    """Weights of the losses of stage 4, beside identity and triplet loss."""

    decorrelation: NotNegative = 0.0
    """Correlation between refined feature and class token."""
    text: NotNegative = 0.0
    """Image-to-text loss of the projected class token."""

    @property
    def reads_projection(self) -> bool:
        """Whether a loss reads the projected class token; without one its projection has no gradient, and is frozen."""
        return self.text > 0


class EndToEndSection(HeadStageSection):
    """Stage 4: the image tower again, under finished anchors."""

    lr: NotNegative = 5e-6
    warmup_epochs: NotNegative = 10
    min_lr_factor: NotNegative = 0.01
    loss_weights: EndToEndLossWeights = EndToEndLossWeights()
    """Weights of the losses beside identity and triplet loss."""


class SagaRecipe(Recipe):
    """A recipe of SAGA-ReID."""

    official: bool = False
    """Follow the published code where SAGA's page of the documentation says so."""
    model: ModelSection = ModelSection()
    """The network that anchors are put on."""
    augmentation: SagaAugmentationSection = SagaAugmentationSection()
    """From pixels to the network's input."""
    stage1: PromptsSection = PromptsSection()
    """The prompt of each identity."""
    stage2: BackboneStageSection = BackboneStageSection()
    """The image tower."""
    anchors: AnchorShape = AnchorShape()
    """Anchors and refinement."""
    visibility: VisibilitySection = VisibilitySection()
    """The visibility head, with anchors.visibility."""
    tokens: TokensSection = TokensSection()
    """What stage 3 learns from."""
    stage3: AnchorStagesSection = AnchorStagesSection()
    """What stages 3a and 3b have in common."""
    stage3a: FirstAnchorsSection = FirstAnchorsSection()
    """Anchors, refinement and classifiers, at a constant rate."""
    stage3b: SecondAnchorsSection = SecondAnchorsSection()
    """The same again, at a falling rate."""
    stage4: EndToEndSection = EndToEndSection()
    """The image tower again, under finished anchors; off by default."""
    embedding: EmbeddingShape = EmbeddingShape()
    """The retrieval feature."""

    def idle_keys(self) -> set[str]:
        """The section of a head that is not there."""
        return set() if self.anchors.visibility else {"visibility"}
