"""The text tower of a model file, which is a file beside it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.errors import CheckpointError
from passerby.extras import naming_extras
from passerby.inference.runtimes.onnx_session import explain_onnx, onnx_ports, open_onnx
from passerby.inference.runtimes.session import default_threads
from passerby.models.clip.word_tokens import WordTokenizer
from passerby.models.zoo.card import TextSection
from passerby.models.zoo.card_files import file_digest

_BATCH = 256


class TextTower:
    """An ONNX file that turns CLIP's token numbers into features.

    Args:
        model: the file of the model whose tower it is.
        section: of the model's card.

    Raises:
        CheckpointError: the file is missing, another one, damaged, or has other inputs and outputs.
    """

    def __init__(self, model: Path, section: TextSection) -> None:
        self.file, self._section = model.parent / section.file, section
        if Path(section.file).name != section.file or self.file.suffix != ".onnx":
            raise CheckpointError(
                f"{model}: its card's text.file must name an .onnx file beside it, not {section.file!r}"
            )
        if not self.file.is_file():
            raise CheckpointError(f"{self.file}: is missing: it embeds the sentences of {model.name}; get it too")
        if section.sha256 and file_digest(self.file) != section.sha256:
            raise CheckpointError(f"{self.file}: is not the file that the card of {model.name} names: get both again")
        self._words = WordTokenizer(section.vocabulary, section.unknown) if section.vocabulary else None
        self._session = open_onnx(self.file, default_threads())
        inputs, outputs = onnx_ports(self._session)
        self._input = _chosen(self.file, "input", section.input, [port.name for port in inputs])
        self._output = _chosen(self.file, "output", section.output, [port.name for port in outputs])

    def count(self, text: str) -> int:
        """How many tokens a text has, start and end included.

        Raises:
            DeviceError: the card has no vocabulary, and CLIP's tokenizer is not installed.
        """
        if self._words is not None:
            return self._words.count(text)
        with naming_extras():
            from passerby.models.clip.vocabulary import token_count
        return token_count(text)

    def features(self, texts: list[str]) -> NDArray[np.float32]:
        """Features of sentences, float32 [N, D], as the tower gives them.

        Raises:
            CheckpointError: the tower gives NaN, or something else than a feature for each text.
        """
        parts = [self._features(texts[first : first + _BATCH]) for first in range(0, len(texts), _BATCH)]
        found = np.concatenate(parts)
        if not np.isfinite(found).all():
            raise CheckpointError(f"{self.file}: gives NaN or infinite values: its weights are damaged; get it again")
        return found

    def _features(self, texts: list[str]) -> NDArray[np.float32]:
        try:
            [found] = self._session.run([self._output], {self._input: self._tokens(texts)})
        except Exception as error:
            raise explain_onnx(self.file, error) from error
        features: NDArray[Any] = np.asarray(found, np.float32)
        if features.ndim != 2 or len(features) != len(texts):
            raise CheckpointError(
                f"{self.file}: gives {list(features.shape)} for {len(texts)} texts, not a feature each"
            )
        return features

    def _tokens(self, texts: list[str]) -> NDArray[np.int64]:
        """CLIP's token numbers, int64 [N, context]."""
        if self._words is not None:
            return self._words.tokenise(texts, self._section.context)
        with naming_extras():
            from passerby.models.clip.vocabulary import tokenise
        return np.asarray(tokenise(texts), np.int64)[:, : self._section.context]


def _chosen(file: Path, kind: str, name: str, names: list[str]) -> str:
    if name and name not in names:
        raise CheckpointError(f"{file}: has no {kind} {name!r} as the card says, but {', '.join(names)}")
    if not name and len(names) != 1:
        raise CheckpointError(f"{file}: has the {kind}s {', '.join(names)}: name one in the card, text.{kind}")
    return name or names[0]
