"""Everything needed to build SAGA's network, as values that a description in JSON can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from passerby.errors import RecipeError
from passerby.models.clip.towers import ClipShape
from passerby.models.saga.domain_anchors import DomainKind

PoolingKind = Literal["gem", "query", "free"]


@dataclass(frozen=True)
class AnchorShape:
    """The part of the network that is SAGA's own.

    Attributes:
        kind: anchors of text, or free vectors (ablation).
        count: K, anchors that all images share.
        phrase_slots: words of a text anchor that stay as they were spelt, of 16.
        domain: what image-conditioned anchors are made from.
        domain_count: M, image-conditioned anchors.
        token_layers: 1-based blocks whose raw patch tokens are refined. One, or two with a refinement each: the first
            sees the first half of the anchors, the second the rest and the domain anchors, and their features are
            added.
        layers: of the refinement.
        heads: of its attention.
        dropout: in the refinement, in training.
        dropped_weights: pool with attention weights after dropout, as the published code does in training.
    """

    kind: Literal["text", "free"] = "text"
    count: int = 24
    phrase_slots: int = 12
    domain: DomainKind = "image"
    domain_count: int = 3
    token_layers: tuple[int, ...] = (9,)
    layers: int = 2
    heads: int = 8
    dropout: float = 0.1
    dropped_weights: bool = False

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
        if width % self.heads:
            raise RecipeError(f"anchors.heads: {self.heads} heads do not divide the width {width} of the image tower")
        if self.count < len(self.token_layers):
            raise RecipeError(f"anchors.count: {self.count} is too few for {len(self.token_layers)} token layers")


@dataclass(frozen=True)
class EmbeddingShape:
    """What the retrieval feature is made of.

    Attributes:
        weights: of the branches refined, class token and projected, each of length 1 before it is weighted; cosines
            of the whole are the weighted means of the branches' cosines. A weight of 0 leaves a branch out.
        flip: average each branch over the image and its mirror image.
        parts: instead of the branches, the features of so many anchors that drew the most attention, at the places of
            their anchors among zeros; 0: the branches.
    """

    weights: tuple[float, float, float] = (2.0, 0.2, 0.05)
    flip: bool = False
    parts: int = 0

    def __post_init__(self) -> None:
        if min(self.weights) < 0 or max(self.weights) == 0:
            raise RecipeError(f"embedding.weights: {list(self.weights)} must not be negative, nor all 0")


@dataclass(frozen=True)
class SagaShape:
    """The whole network, but for what depends on the training set."""

    clip: ClipShape
    anchors: AnchorShape = field(default_factory=AnchorShape)
    embedding: EmbeddingShape = field(default_factory=EmbeddingShape)
    poolings: tuple[PoolingKind, ...] = ()


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
    """The shape that `dataclasses.asdict` made JSON of."""

    def tuples(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}

    return SagaShape(
        ClipShape(**tuples(content["clip"])),
        AnchorShape(**tuples(content["anchors"])),
        EmbeddingShape(**tuples(content["embedding"])),
        tuple(content["poolings"]),
    )
