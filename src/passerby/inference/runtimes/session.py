"""A model file that is ready to run: batches as it wants them, checked going in and coming out."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.data.pixels.reading import thread_count
from passerby.errors import CheckpointError, DataError
from passerby.inference.computing import Precision
from passerby.models.zoo.card import InputSection, ModelCard
from passerby.models.zoo.preprocessing import InputArray, Pixels, prepare

Outputs = list[NDArray[np.float32]]
Arithmetic = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Port:
    """An input or output of a model file.

    Attributes:
        name: as the file calls it.
        shape: its dimensions; None where any number goes.
        dtype: `float32`, `int64`, …
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        dimensions = ", ".join("any" if each is None else str(each) for each in self.shape)
        return f"{self.name} {self.dtype} [{dimensions}]"


class ModelSession(ABC):
    """A model file in a runtime; `passerby.inference.runtimes.open_session` makes one.

    Args:
        file: of the model.
        card: says what it takes and gives.
        inputs: what the file says about its inputs.
        outputs: and about its outputs.
        arithmetic: of the runtime, where weights and graph leave it open.

    Raises:
        CheckpointError: the card and the file contradict each other.
    """

    runtime: str
    """Whose: `ONNX Runtime` or `OpenVINO`."""

    precision: Precision
    """Of its arithmetic; of a file that `passerby export` has made int8, that."""

    def __init__(
        self,
        file: Path,
        card: ModelCard,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        arithmetic: Arithmetic = "fp32",
    ) -> None:
        self.file, self.card = file, card
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.input_name = check_input(file, card.input, inputs)
        self.output_names = _output_names(file, card, outputs)
        self.precision = "int8" if is_int8(card) else arithmetic

    @abstractmethod
    def _compute(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """One call of the runtime: inputs by name → the outputs `output_names`."""

    def run_pictures(self, pictures: Sequence[Pixels]) -> Outputs:
        """What the model gives for pictures of any sizes, uint8 RGB [height, width, 3] each; see `run`.

        Raises:
            DataError: one is no such array.
        """
        sizes = None
        if self.card.input.size_name:
            sizes = np.array([picture.shape[1::-1] for picture in pictures], np.int64).reshape(len(pictures), 2)
        return self.run(prepare(self.card.input, pictures), sizes)

    def run(self, images: InputArray, sizes: NDArray[np.int64] | None = None, names: Sequence[str] = ()) -> Outputs:
        """What the model gives for prepared images, in batches of the size that it takes.

        Args:
            images: as `passerby.models.zoo.preprocessing.prepare` makes them, any number from 1.
            sizes: int64 [N, 2], width and height of each picture, for a card with `input.size_name`.
            names: of the images, for messages; by default their numbers.

        Returns:
            The outputs that the card names, float32, the first dimension over the images.

        Raises:
            CheckpointError: it gives NaN or infinite values, or the runtime fails.
            DataError: the images are not as the card says.
        """
        self._check(images)
        fixed = self.card.input.batch
        count = len(images) if fixed == "dynamic" else fixed
        parts = [self._run_batch(images, sizes, first, count, names) for first in range(0, len(images), count)]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _run_batch(
        self, images: InputArray, sizes: NDArray[np.int64] | None, first: int, count: int, names: Sequence[str]
    ) -> Outputs:
        """The outputs of images from `first` on; a batch that is not full is filled with copies of its last image."""
        rows = np.minimum(np.arange(first, first + count), len(images) - 1)
        real = min(count, len(images) - first)
        feeds: dict[str, NDArray[Any]] = {self.input_name: images if count == len(images) else images[rows]}
        if self.card.input.size_name:
            if sizes is None:
                name = self.card.input.size_name
                raise DataError(f"{self.file}: needs the width and height of each picture, for its input {name}")
            feeds[self.card.input.size_name] = sizes[rows]
        stacked = self.card.output.form == "boxes-score"  # its outputs have no dimension over the images
        outputs = []
        for name, values in zip(self.output_names, self._compute(feeds), strict=True):
            values = np.asarray(values, np.float32)
            values = values[None] if stacked else values[:real]
            if not np.isfinite(values).all():
                row = first + int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
                raise CheckpointError(
                    f"{self.file}: its output {name} holds NaN or infinite values for "
                    f"{names[row] if names else f'image {row + 1}'}: its weights are not those of a working network; "
                    "get the file again"
                )
            outputs.append(values)
        return outputs

    def _check(self, images: InputArray) -> None:
        section = self.card.input
        expected = input_shape(section)
        if images.dtype != np.dtype(section.dtype) or images.shape[1:] != expected or not len(images):
            raise DataError(
                f"{self.file}: takes {section.dtype} [N, {', '.join(map(str, expected))}], at least one image, not "
                f"{images.dtype} {list(images.shape)}"
            )


def is_int8(card: ModelCard) -> bool:
    """Whether a card tells that `passerby export` has made its file int8, and that rankings stayed what they were."""
    return card.facts.get("precision") == "int8" and "ranking" in card.facts


def default_threads() -> int:
    """Threads for a model: `OMP_NUM_THREADS` where it is set, else the processors that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else thread_count()


def input_shape(section: InputSection) -> tuple[int, int, int]:
    """The dimensions of one image as the card says, in the order of its layout."""
    height, width = section.size
    return (3, height, width) if section.layout == "NCHW" else (height, width, 3)


def check_input(file: Path, section: InputSection, inputs: Sequence[Port]) -> str:
    """The name of the input that takes the images.

    Raises:
        CheckpointError: there is none such, or the file says another shape or type of it.
    """
    listed = "; ".join(map(str, inputs))
    names = {port.name: port for port in inputs}
    expected = {section.name, section.size_name} - {""}
    if missing := sorted(expected - set(names)):
        raise CheckpointError(f"{file}: has no input {missing[0]!r} as its card says: it takes {listed}")
    others = [port for port in inputs if port.name != section.size_name]
    if not section.name and len(others) != 1:
        raise CheckpointError(f"{file}: has {len(others)} inputs ({listed}): name the one for images, input.name")
    port = names[section.name] if section.name else others[0]
    if len(inputs) != 1 + bool(section.size_name):
        raise CheckpointError(f"{file}: takes more than its card says: {listed}")
    batch = None if section.batch == "dynamic" else section.batch
    shape = (batch, *input_shape(section))
    fits = len(port.shape) == 4 and all(has in (None, said) for has, said in zip(port.shape, shape, strict=True))
    if not fits or port.dtype != section.dtype:
        said = Port(port.name, shape, section.dtype)
        raise CheckpointError(
            f"{file}: takes {port}, but its card says {said}: correct input.layout, size, batch or dtype of the card"
        )
    return port.name


def _output_names(file: Path, card: ModelCard, outputs: Sequence[Port]) -> tuple[str, ...]:
    known = {port.name: port for port in outputs}
    listed = "; ".join(map(str, outputs))
    names = card.output.names or tuple(known)
    if missing := [name for name in names if name not in known]:
        raise CheckpointError(f"{file}: has no output {missing[0]!r} as its card says: it gives {listed}")
    if card.output.form == "features":
        if len(names) != 1:
            raise CheckpointError(f"{file}: gives {listed}: name the one with the features, output.names")
        said, has = card.output.dim, known[names[0]].shape
        if said and len(has) > 1 and has[1] not in (None, said):
            raise CheckpointError(f"{file}: gives {listed}, but its card says features of length {said}, output.dim")
    return names
