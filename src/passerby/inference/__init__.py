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
    from passerby.inference.embedder import Embedder, OpenedSplit, check_batch_size
    from passerby.inference.embedding_table import EMBEDDING_SUFFIXES, WrittenTable, embed_to_table
    from passerby.inference.file_embedder import FileEmbedder
    from passerby.inference.image_input import ImageInput
    from passerby.inference.loading import as_embedder, load
    from passerby.inference.text_embedding import TextEmbeddingModel, embed_texts
    from passerby.inference.torch_embedder import TorchEmbedder, in_torch
    from passerby.inference.unreadable_images import explaining_unreadable

__all__ = [
    "EMBEDDING_SUFFIXES",
    "CameraUse",
    "Embedder",
    "FileEmbedder",
    "ImageInput",
    "OpenedSplit",
    "TextEmbeddingModel",
    "TorchEmbedder",
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
    "in_torch",
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
        "embedder": ["Embedder", "OpenedSplit", "check_batch_size"],
        "embedding_table": ["EMBEDDING_SUFFIXES", "WrittenTable", "embed_to_table"],
        "file_embedder": ["FileEmbedder"],
        "image_input": ["ImageInput"],
        "loading": ["as_embedder", "load"],
        "text_embedding": ["TextEmbeddingModel", "embed_texts"],
        "torch_embedder": ["TorchEmbedder", "in_torch"],
        "unreadable_images": ["explaining_unreadable"],
    },
)
