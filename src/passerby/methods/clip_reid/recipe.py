"""What a recipe of CLIP-ReID says; the defaults are the published numbers of its ViT-B/16 variant."""

from pydantic import Field, model_validator

from passerby.config import Finite, NotNegative, Recipe, Section
from passerby.errors import RecipeError
from passerby.methods.sections.augmentation import AugmentationSection
from passerby.methods.sections.clip import (
    ImageTowerSection,
    PromptStageSection,
    TowersSection,
)


class ModelSection(TowersSection):
    """The network."""

    camera_embedding: bool = False
    """Add a learnable vector of the camera to the class token (SIE)."""
    camera_coefficient: Finite = 3.0
    """Weight of the camera embedding; 1.0 in the published command."""
    prompts: bool = True
    """Learn prompts and use the image-to-text loss; false: the baseline."""


class ImageLossWeights(Section):
    """Weights of the losses."""

    identity: NotNegative = 0.25
    """Identity losses of both heads."""
    triplet: NotNegative = 1.0
    """Triplet losses of the three features."""
    text: NotNegative = 1.0
    """Image-to-text loss (with prompts)."""


class ImageStageSection(ImageTowerSection):
    """Stage 2: the image tower."""

    identities_per_batch: int = Field(default=16, ge=2)
    """P, per process."""
    images_per_identity: int = Field(default=4, ge=1, le=4096)
    """K."""
    loss_weights: ImageLossWeights = ImageLossWeights()
    """Weights of the losses."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Label smoothing of identity and image-to-text losses."""
    margin: NotNegative | None = 0.3
    """Triplet margin; null: the soft form."""
    gather_triplets: bool = False
    """Mine triplets among the batches of all processes instead of within each."""

    @model_validator(mode="after")
    def _triplets_need_positives(self) -> "ImageStageSection":
        if self.images_per_identity == 1 and self.loss_weights.triplet > 0:
            raise RecipeError(
                "stage2.images_per_identity=1 leaves the triplet loss without positives: set it to 2 or more, or "
                "stage2.loss_weights.triplet=0"
            )
        return self


class ClipReidRecipe(Recipe):
    """A recipe of CLIP-ReID."""

    model: ModelSection = ModelSection()
    """The network."""
    augmentation: AugmentationSection = AugmentationSection()
    """From pixels to the network's input."""
    stage1: PromptStageSection = PromptStageSection()
    """Prompts."""
    stage2: ImageStageSection = ImageStageSection()
    """The image tower."""
