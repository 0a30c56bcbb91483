"""Model files in ONNX Runtime and OpenVINO as embedders, used as their cards say; no torch."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.data.pixels.decoding import read_image, to_rgb
from passerby.data.pixels.reading import check_readable, find_unreadable, log_left_out, thread_count
from passerby.data.split import Split
from passerby.errors import CheckpointError, DataError
from passerby.inference.computing import BATCH_ON_CPU, Computing
from passerby.inference.embedder import BATCH, Embedder, check_batch_size
from passerby.inference.image_input import Channels, ImageInput, list_images, name_images, open_image
from passerby.inference.runtimes.session import ModelSession
from passerby.inference.runtimes.text_tower import TextTower
from passerby.inference.text_input import check_texts, warn_of_unknown
from passerby.models.zoo.card import ModelCard
from passerby.models.zoo.card_files import card_text, file_digest, weights_file
from passerby.models.zoo.preprocessing import Pixels, fit, normalise

if TYPE_CHECKING:
    from passerby.inference.camera_embedding import TrainedCameras

_BATCHES_AHEAD = 2
_SHORTEST = 1e-6


class FileEmbedder(Embedder):
    """A model file that turns images into retrieval features.

    Args:
        session: the file in its runtime, of a card of kind `embedder` or `clip`.

    Raises:
        CheckpointError: the card is that of a detector.
    """

    def __init__(self, session: ModelSession) -> None:
        if session.card.output.form != "features":
            raise CheckpointError(
                f"{session.file}: is a {session.card.kind}, which gives boxes, not features: name a model that embeds"
            )
        self.session = session
        self.file: Path | None = session.file
        self.computing = Computing(session.runtime, session.precision)
        self.description: dict[str, Any] = {"weights": session.card.name, "licence": session.card.licence.weights}

    def __repr__(self) -> str:
        height, width = self.card.input.size
        name = self.card.name or self.session.file.name
        place = self.computing.runtime if self.computing.precision == "fp32" else str(self.computing)
        return f"Embedder({name}, {height}×{width} → {self.embed_dim} dimensions, in {place}, from {self.session.file})"

    @property
    def card(self) -> ModelCard:
        """What the model takes and gives, and what its licence says."""
        return self.session.card

    @cached_property
    def embed_dim(self) -> int:
        """Length of a feature: as the card or the file says, else as a black image gives it."""
        if self.card.output.dim:
            return self.card.output.dim
        port = next(port for port in self.session.outputs if port.name == self.session.output_names[0])
        if len(port.shape) == 2 and port.shape[1] is not None:
            return port.shape[1]
        black = np.zeros((1, *self.card.input.size, 3), np.uint8)
        [found] = self.session.run(normalise(self.card.input, black))
        return int(found[0].size)

    def embed(
        self,
        images: ImageInput | Iterable[ImageInput],
        *,
        cameras: Sequence[int | None] | None = None,
        batch_size: int = BATCH,
        channels: Channels = "rgb",
    ) -> NDArray[np.float32]:
        """Features of images, float32 [N, D], L2-normalised; see `Embedder.embed`. Cameras are ignored."""
        del cameras
        check_batch_size(batch_size)
        listed = list_images(images, channels)
        names = name_images(listed)
        found = [np.empty((0, self.embed_dim), np.float32)]
        for first in range(0, len(listed), batch_size):
            some = slice(first, first + batch_size)
            fitted = [fit(self.card.input, _pixels(image)) for image in listed[some]]
            found.append(self.embed_fitted(fitted, names[some]))
        return np.concatenate(found)

    def embed_text(self, texts: str | Sequence[str]) -> NDArray[np.float32]:
        """Features of sentences about people, float32 [N, D], L2-normalised; see `Embedder.embed_text`."""
        section = self.card.text
        if section is None:
            raise CheckpointError(
                f"{self.file}: its card names no text tower: search by text with passerby.load('tiny-clip'), or "
                "another model of kind clip"
            )
        listed = check_texts(texts, most_tokens=section.context, count=self._text_tower.count)
        warn_of_unknown(listed, section.words or None)
        if not listed:
            return np.empty((0, self.embed_dim), np.float32)
        found = _of_length_1(self._text_tower.features(listed), [repr(text) for text in listed], str(self.file))
        if found.shape[1] != self.embed_dim:
            raise CheckpointError(
                f"{self._text_tower.file}: gives features of length {found.shape[1]}, {self.session.file.name} of "
                f"{self.embed_dim}: it belongs to another model"
            )
        return found

    def open_split(self, split: Split, *, skip_unreadable: bool = False, show_progress: bool = True) -> "FileSplit":
        """The images of a split that can be read; see `Embedder.open_split`."""
        return FileSplit(self, split, skip_unreadable=skip_unreadable, show_progress=show_progress)

    def fingerprint(self) -> bytes:
        """Tells weights and card from others."""
        marks = [file_digest(self.session.file), file_digest(weights_file(self.session.file))]
        return hashlib.blake2b("\n".join([*marks, card_text(self.card)]).encode(), digest_size=16).digest()

    def embed_fitted(self, pictures: Sequence[Pixels], names: Sequence[str]) -> NDArray[np.float32]:
        """Features of pictures that have the model's size already, uint8 RGB [H, W, 3] each; float32 [B, D].

        Raises:
            CheckpointError: the feature of one is not finite, or has no length; `names` tells which.
        """
        parts = [self._embed_some(pictures[first : first + BATCH_ON_CPU], names[first : first + BATCH_ON_CPU])
                 for first in range(0, len(pictures), BATCH_ON_CPU)]  # fmt: skip
        return _of_length_1(np.concatenate(parts), names, str(self.file))

    def _embed_some(self, pictures: Sequence[Pixels], names: Sequence[str]) -> NDArray[np.float32]:
        [found] = self.session.run(normalise(self.card.input, np.stack(pictures)), names=names)
        return found.reshape(len(found), -1)

    @cached_property
    def _text_tower(self) -> TextTower:
        assert self.card.text is not None
        return TextTower(self.session.file, self.card.text)


class FileSplit:
    """The images of a split that can be read, decoded in threads while the model computes.

    Args:
        embedder: the model.
        split: the images.
        skip_unreadable, show_progress: see `Embedder.open_split`.
    """

    def __init__(
        self, embedder: FileEmbedder, split: Split, *, skip_unreadable: bool = False, show_progress: bool = True
    ) -> None:
        self._embedder = embedder
        self.split = _readable(split, show_progress=show_progress) if skip_unreadable else split

    def features(
        self, batch_size: int, *, rows: range | None = None, cameras: "TrainedCameras | None" = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Rows and their features, batch by batch; see `OpenedSplit.features`. Cameras are ignored."""
        del cameras
        check_batch_size(batch_size)
        wanted = np.asarray(range(len(self.split)) if rows is None else rows, np.int64)
        ahead: deque[tuple[NDArray[np.int64], list[Future[Pixels | str]]]] = deque()
        pool = ThreadPoolExecutor(thread_count())
        try:
            for first in range(0, len(wanted), batch_size):
                batch = wanted[first : first + batch_size]
                ahead.append((batch, [pool.submit(self._read, row) for row in batch.tolist()]))
                if len(ahead) > _BATCHES_AHEAD:
                    yield self._finish(*ahead.popleft())
            while ahead:
                yield self._finish(*ahead.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, row: int) -> Pixels | str:
        """The picture at the model's size, or why it cannot be read."""
        try:
            return fit(self._embedder.card.input, np.asarray(read_image(self.split.path(row))))
        except DataError as error:
            return str(error)

    def _finish(
        self, rows: NDArray[np.int64], reading: list[Future[Pixels | str]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        read = [future.result() for future in reading]
        check_readable([each for each in read if isinstance(each, str)], len(self.split), all_read=False)
        pictures = [each for each in read if not isinstance(each, str)]
        return rows, self._embedder.embed_fitted(pictures, [str(self.split.path(row)) for row in rows.tolist()])


def _pixels(image: ImageInput) -> Pixels:
    opened = open_image(image)
    return np.asarray(to_rgb(opened)) if isinstance(opened, Image.Image) else opened


def _readable(split: Split, *, show_progress: bool) -> Split:
    """The split without images that cannot be decoded; their number is reported."""
    complaints = find_unreadable(split, "checking images", show=show_progress)
    if len(complaints) == len(split):
        check_readable(list(complaints.values()), len(split))
    log_left_out(list(complaints.values()), len(split), show=show_progress)
    return split.take(np.setdiff1d(np.arange(len(split)), list(complaints))) if complaints else split


def _of_length_1(features: NDArray[np.float32], names: Sequence[str], source: str) -> NDArray[np.float32]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if short := np.flatnonzero(~(lengths[:, 0] >= _SHORTEST)).tolist():
        more = f" (and those of {len(short) - 1} more images of its batch)" if len(short) > 1 else ""
        raise CheckpointError(
            f"{names[short[0]]}: its feature is zero{more}: the weights of {source} are not those of a working "
            "network; take another file"
        )
    unit: NDArray[np.float32] = (features / lengths).astype(np.float32)
    return unit
