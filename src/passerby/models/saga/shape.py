"""Everything needed to build SAGA's network, as values that a description in JSON can hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from passerby.config import NotNegative, Section
from passerby.errors import RecipeError
from passerby.models.clip.towers import ClipShape
from passerby.models.saga.domain_anchors import DomainKind

PoolingKind = Literal["gem", "query", "free"]
Count = Annotated[int, Field(ge=1, le=1024)]


class AnchorShape(Section):
    """Anchors and refinement, the part of the network that is SAGA's own: a section of its recipe.

    Two token layers have a refinement each: the first sees the first half of the anchors, the second the rest and the
    image-conditioned anchors, and their features are added.
    """

    kind: Literal["text", "free"] = "text"
    """Anchors of text, or free vectors (ablation)."""
    count: Count = 24
    """K, anchors that all images share."""
    phrase_slots: int = Field(default=12, ge=0, le=15)
    """Tokens of a text anchor that keep its phrase, of 16; the others learn."""
    domain: DomainKind = "image"
    """Image-conditioned anchors: from patches, also camera, or class token; or none."""
    domain_count: int = Field(default=3, ge=0, le=1024)
    """M, image-conditioned anchors."""
    token_layers: tuple[Count, ...] = (9,)
    """Block (from 1) whose patch tokens are refined; two blocks for two paths."""
    layers: Count = 2
    """Layers of the refinement."""
    heads: Count = 8
    """Heads of its attention."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout in the refinement."""
    visibility: bool = False
    """Weigh patches by how likely they are not hidden, too; our own addition."""

    def check(self, width: int, blocks: int) -> None:
        """Refuse what cannot be built on an image tower of this width and number of blocks.

        Raises:
            RecipeError: names the key.
        """
        chosen = list(self.token_layers)
        if len(chosen) not in (1, 2) or chosen != sorted(set(chosen)):
            raise RecipeError(f"anchors.token_layers: {chosen} must be one block, or two in ascending order")
        if not all(1 <= layer <= blocks for layer in chosen):
            raise RecipeError(f"anchors.token_layers: {chosen}, but the image tower has blocks 1 to {blocks}")
        if self.domain != "none" and not self.domain_count:
            raise RecipeError("anchors.domain_count: 0, but anchors.domain asks for some: set it to none")
        if width % self.heads:
            raise RecipeError(f"anchors.heads: {self.heads} heads do not divide the width {width} of the image tower")
        if self.count < len(self.token_layers):
            raise RecipeError(f"anchors.count: {self.count} is too few for {len(self.token_layers)} token layers")


class EmbeddingShape(Section):
    """What the retrieval feature is made of: a section of SAGA's recipe.

    The branches (refined feature, class token, projected feature) have length 1 before they are weighted, so cosines of
    the whole are the weighted means of the branches' cosines. A weight of 0 leaves a branch out.
    """

    weights: tuple[NotNegative, NotNegative, NotNegative] = (2.0, 0.2, 0.05)
    """Weights of the branches: refined, class token, projected."""
    flip: bool = False
    """Average over the image and its mirror image."""
    parts: int = Field(default=0, ge=0)
    """Instead of the branches, features of so many anchors; 0: the branches."""

    @model_validator(mode="after")
    def _some_weight(self) -> "EmbeddingShape":
        if max(self.weights) == 0:
            raise RecipeError(f"embedding.weights: {list(self.weights)} must not all be 0")
        return self


@dataclass(frozen=True)
class SagaShape:
    """The whole network, but for what depends on the training set.

    Attributes:
        clip: both towers.
        anchors: and their refinement.
        embedding: the retrieval feature.
        poolings: beside the anchors, to be compared with them.
        dropped_weights: in training, pool with attention weights after dropout, as the published code does.
    """

    clip: ClipShape
    anchors: AnchorShape = field(default_factory=AnchorShape)
    embedding: EmbeddingShape = field(default_factory=EmbeddingShape)
    poolings: tuple[PoolingKind, ...] = ()
    dropped_weights: bool = False

    def description(self) -> dict[str, Any]:
        """What `shape_from_description` reads, as JSON."""
        return {
            "clip": asdict(self.clip),
            "anchors": self.anchors.model_dump(mode="json"),
            "embedding": self.embedding.model_dump(mode="json"),
            "poolings": list(self.poolings),
        }


@dataclass(frozen=True)
class SagaSizes:
    """What of the network depends on the training set.

    Attributes:
        classes: number of training identities; None for embedding only.
        classifiers: how many classify the refined feature.
        cameras: cameras known to camera-conditioned domain anchors; 0 for other anchors.
    """

    classes: int | None
    classifiers: int = 4
    cameras: int = 0


def shape_from_description(content: Mapping[str, Any]) -> SagaShape:
    """The shape that `SagaShape.description` describes."""
    clip: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content["clip"].items()
    }
    return SagaShape(
        ClipShape(**clip),
        AnchorShape(**content["anchors"]),
        EmbeddingShape(**content["embedding"]),
        tuple(content["poolings"]),
    )
