"""What a recipe of SAGA-ReID says; the defaults are the published numbers of its Market-1501 configuration."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from passerby.config import NotNegative, Recipe, Section
from passerby.errors import RecipeError
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.clip import PromptStageSection, TowersSection
from passerby.models.saga.domain_anchors import DomainKind
from passerby.models.saga.shape import PoolingKind

Probability = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]

PUBLISHED_BEHAVIOUR: dict[str, dict[str, Any]] = {
    "augmentation": {"test_interpolation": "bilinear"},
    "stage2": {"train_neck_bias": True, "sampler_milestones": True},
    "anchors": {"dropped_weights": True},
}
"""What `official: true` sets: where the published code differs from what we would do, and numbers change."""


class ModelSection(TowersSection):
    """The network that anchors are put on."""

    architecture: str = "ViT-B-16"
    """An open_clip model name with a vision transformer, or vit-tiny-6 for work on two cores."""
    stride: Count | None = 12
    """Distance between patches; null: the patch size, as public CLIP-ReID checkpoints mostly have it."""


class SagaAugmentationSection(AugmentationSection):
    """From pixels to the network's input."""

    test_interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """Resizing elsewhere; the published code trains with bicubic and tests with bilinear (`official`)."""


class WordsStageSection(PromptStageSection):
    """Stage 1: the words of each identity."""

    epochs: int = Field(default=100, ge=0)
    """Passes over the cached features; 0: none."""


class BatchSection(Section):
    """Batches of P identities and what is asked of them."""

    identities_per_batch: int = Field(default=16, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=4, ge=2)
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


class BackboneStageSection(BatchSection):
    """Stage 2: the image tower, against the words of stage 1."""

    epochs: int = Field(default=80, ge=0)
    """Passes over the training identities; 0: none, the tower of `init` or of CLIP stays as it is."""
    lr: NotNegative = 5e-6
    """Learning rate after warm-up."""
    decay: Literal["steps", "cosine"] = "steps"
    """Decay at milestones as published, or a cosine down to a hundredth."""
    warmup_steps: int = Field(default=10, ge=0)
    """Steps of linear warm-up."""
    warmup_start_factor: NotNegative = 0.1
    """Where the warm-up begins, as a fraction of the learning rate."""
    milestones: tuple[Count, ...] = (40, 70)
    """Epochs after which the learning rate falls to a tenth."""
    sampler_milestones: bool = False
    """Count milestones in steps of the sampler's estimate of an epoch, which is some per cent long (`official`)."""
    weight_decay: NotNegative = 1e-4
    """Coupled L2, as in Adam; biases too."""
    loss_weights: BackboneLossWeights = BackboneLossWeights()
    """Weights of the losses."""
    train_neck_bias: bool = False
    """Let the bias of the neck learn, which bag-of-tricks freezes at 0 (`official`)."""


class AnchorsSection(Section):
    """Anchors and refinement."""

    kind: Literal["text", "free"] = "text"
    """Anchors of text, or free vectors (ablation)."""
    count: Count = 24
    """Anchors that all images share."""
    phrase_slots: int = Field(default=12, ge=0, le=15)
    """Words of a text anchor that stay as they were spelt, of 16; the others learn."""
    domain: DomainKind = "image"
    """Image-conditioned anchors: from patches, patches and camera, or the projected class token; or none."""
    domain_count: Count = 3
    """How many image-conditioned anchors."""
    token_layers: tuple[Count, ...] = (9,)
    """Block (from 1) whose patch tokens are refined; two blocks for two paths."""
    layers: Count = 2
    """Layers of the refinement."""
    heads: Count = 8
    """Heads of its attention."""
    dropout: Probability = 0.1
    """Dropout in the refinement."""
    dropped_weights: bool = False
    """Pool with attention weights after dropout (`official`)."""


class TokensSection(Section):
    """Patch tokens of the frozen image tower, from which stage 3 learns."""

    cache: Literal["disk", "none"] = "disk"
    """Compute tokens of some augmented views once and keep them (float16), or compute them anew in every step."""
    views: Count = 4
    """Augmented views of each image in the cache."""
    folder: Path | None = None
    """Where the cache lies: kept, and shared by runs of one tower. Default: in the run, removed after stage 3."""


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
    """Dropout before the classifiers, in stage 3a and with several classifiers also in 3b."""
    classifier_lr_factor: NotNegative = 1.0
    """Learning rate of the classifiers, relative to the others."""
    loss_weights: AnchorLossWeights = AnchorLossWeights()
    """Weights of the losses."""
    weight_decay: NotNegative = 1e-4
    """Decoupled, as in AdamW; norms and biases too."""
    warm_start: bool = True
    """Start the refinement from the image tower's block that its tokens come from."""
    poolings: tuple[PoolingKind, ...] = ()
    """Other ways to pool, trained beside the anchors to be compared with them: gem, query, free."""


class RateSection(Section):
    """How long, and how fast."""

    epochs: int = Field(default=0, ge=0)
    """Passes over the training identities."""
    lr: NotNegative = 1e-4
    """Learning rate after warm-up."""
    warmup_epochs: int = Field(default=5, ge=0)
    """Epochs of linear warm-up from a tenth."""
    min_lr_factor: NotNegative = 1.0
    """Where the cosine ends, as a fraction of the learning rate; 1: constant."""


class EndToEndLossWeights(Section):
    """Weights of the losses of stage 4, beside identity and triplet loss."""

    decorrelation: NotNegative = 0.0
    """Correlation between refined feature and class token."""
    text: NotNegative = 0.0
    """Image-to-text loss of the projected class token."""


class EndToEndSection(RateSection):
    """Stage 4: the image tower again, under finished anchors."""

    lr: NotNegative = 5e-6
    """Learning rate after warm-up."""
    warmup_epochs: int = Field(default=10, ge=0)
    """Epochs of linear warm-up from a tenth."""
    min_lr_factor: NotNegative = 0.01
    """Where the cosine ends, as a fraction of the learning rate."""
    loss_weights: EndToEndLossWeights = EndToEndLossWeights()
    """Weights of the losses beside identity and triplet loss."""


class EmbeddingSection(Section):
    """The retrieval feature."""

    weights: tuple[NotNegative, NotNegative, NotNegative] = (2.0, 0.2, 0.05)
    """Of the branches refined, class token, projected."""
    flip: bool = False
    """Average over the image and its mirror image."""
    parts: int = Field(default=0, ge=0)
    """Instead of the branches, features of so many anchors that drew most attention; 0: the branches."""


class SagaRecipe(Recipe):
    """A recipe of SAGA-ReID."""

    official: bool = False
    """Do as the published code does where we differ and numbers change: see docs/methods/saga.md."""
    model: ModelSection = ModelSection()
    """The network that anchors are put on."""
    augmentation: SagaAugmentationSection = SagaAugmentationSection()
    """From pixels to the network's input."""
    stage1: WordsStageSection = WordsStageSection()
    """The words of each identity."""
    stage2: BackboneStageSection = BackboneStageSection()
    """The image tower."""
    anchors: AnchorsSection = AnchorsSection()
    """Anchors and refinement."""
    tokens: TokensSection = TokensSection()
    """What stage 3 learns from."""
    stage3: AnchorStagesSection = AnchorStagesSection()
    """What stages 3a and 3b have in common."""
    stage3a: RateSection = RateSection(epochs=20, lr=3.5e-4)
    """Anchors, refinement and classifiers, at a constant rate."""
    stage3b: RateSection = RateSection(epochs=80, lr=2e-4, min_lr_factor=0.5)
    """The same again, at a falling rate."""
    stage4: EndToEndSection = EndToEndSection()
    """The image tower again, under finished anchors; off by default."""
    embedding: EmbeddingSection = EmbeddingSection()
    """The retrieval feature."""

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, content: Any) -> Any:
        if not (isinstance(content, dict) and content.get("official") is True):
            return content
        filled = dict(content)
        for section, values in PUBLISHED_BEHAVIOUR.items():
            given = filled.get(section) or {}
            for key, value in values.items():
                if isinstance(given, dict) and given.get(key, value) != value:
                    raise RecipeError(
                        f"{section}.{key}={given[key]}, but official=true says {value}: leave one of them out"
                    )
            filled[section] = {**values, **given} if isinstance(given, dict) else given
        return filled

    @model_validator(mode="before")
    @classmethod
    def _complete_rates(cls, content: Any) -> Any:
        """A section that is given in part keeps the other defaults of its own stage."""
        if not isinstance(content, dict):
            return content
        filled = dict(content)
        for name in ("stage3a", "stage3b"):
            if isinstance(filled.get(name), dict):
                filled[name] = {**cls.model_fields[name].default.model_dump(), **filled[name]}
        return filled
