"""A trained model with its transform: from pixels or sentences to embeddings."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.inference.camera_embedding import (
        CameraUse,
        TrainedCameras,
        cameras_set_aside,
        describe_training_sets,
        find_trained_cameras,
    )
    from passerby.inference.embedder import Embedder, check_batch_size
    from passerby.inference.embedding_table import EMBEDDING_SUFFIXES, WrittenTable, embed_to_table
    from passerby.inference.image_input import ImageInput
    from passerby.inference.loading import as_embedder, load
    from passerby.inference.text_embedding import TextEmbeddingModel, embed_texts
    from passerby.inference.unreadable_images import explaining_unreadable

__all__ = [
    "EMBEDDING_SUFFIXES",
    "CameraUse",
    "Embedder",
    "ImageInput",
    "TextEmbeddingModel",
    "TrainedCameras",
    "WrittenTable",
    "as_embedder",
    "cameras_set_aside",
    "check_batch_size",
    "describe_training_sets",
    "embed_texts",
    "embed_to_table",
    "explaining_unreadable",
    "find_trained_cameras",
    "load",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "camera_embedding": [
            "CameraUse",
            "TrainedCameras",
            "cameras_set_aside",
            "describe_training_sets",
            "find_trained_cameras",
        ],
        "embedder": ["Embedder", "check_batch_size"],
        "embedding_table": ["EMBEDDING_SUFFIXES", "WrittenTable", "embed_to_table"],
        "image_input": ["ImageInput"],
        "loading": ["as_embedder", "load"],
        "text_embedding": ["TextEmbeddingModel", "embed_texts"],
        "unreadable_images": ["explaining_unreadable"],
    },
)
