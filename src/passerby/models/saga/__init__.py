"""SAGA's network, and its official files."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.saga.network import Saga, SagaTokens, fuse
    from passerby.models.saga.official_files import from_official, recognise_saga, to_official
    from passerby.models.saga.shape import AnchorShape, EmbeddingShape, SagaShape, SagaSizes, shape_from_description

__all__ = [
    "AnchorShape",
    "EmbeddingShape",
    "Saga",
    "SagaShape",
    "SagaSizes",
    "SagaTokens",
    "from_official",
    "fuse",
    "recognise_saga",
    "shape_from_description",
    "to_official",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "network": ["Saga", "SagaTokens", "fuse"],
        "official_files": ["from_official", "recognise_saga", "to_official"],
        "shape": ["AnchorShape", "EmbeddingShape", "SagaShape", "SagaSizes", "shape_from_description"],
    },
)
