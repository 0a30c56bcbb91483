"""A model file that computes for another model: as fast as its runtime, and in everything else that model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.runtimes.session import ModelSession


class StandIn(FileEmbedder):
    """Images are embedded by a file that was made of a model; sentences, names and fingerprint are the model's.

    Args:
        session: the file in its runtime.
        model: of which it was made.
    """

    def __init__(self, session: ModelSession, model: Embedder) -> None:
        super().__init__(session)
        self._model = model
        self.description, self.file = model.description, model.file

    def embed_text(self, texts: str | Sequence[str]) -> NDArray[np.float32]:
        """Features of sentences, as the model gives them; see `Embedder.embed_text`."""
        return self._model.embed_text(texts)

    def fingerprint(self) -> bytes:
        """That of the model: its features are the same."""
        return self._model.fingerprint()
