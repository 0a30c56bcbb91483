"""What a method of learning gives to the rest of passerby."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.config import Recipe
from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.loading.loaders import PixelSource
from passerby.data.split import LabelScope, Split
from passerby.errors import RecipeError
from passerby.methods import METHODS
from passerby.methods.stage import Stage


class EmbeddingModel(Protocol):
    """A network that turns images into retrieval features."""

    embed_dim: int

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """Normalised images [B, 3, H, W] → float32 [B, embed_dim], L2-normalised."""
        ...


@dataclass(frozen=True)
class TrainingData:
    """Training images, ready to be read.

    Attributes:
        split: the images, identities `0..C-1`.
        training: their pixels as the training transform wants them.
        open_plain: opens their pixels as the test transform wants them; see `plain`.
        train_transform: from pixels to the network's input, with augmentation.
        test_transform: the same without.
    """

    split: Split
    training: PixelSource
    open_plain: Callable[[], PixelSource]
    train_transform: TrainTransform
    test_transform: TestTransform

    @cached_property
    def plain(self) -> PixelSource:
        """Pixels as the test transform wants them, opened (and decoded) when a stage first asks for them."""
        return self.open_plain()

    @property
    def identities(self) -> NDArray[np.int64]:
        """Labels of the images, int64 [N]."""
        return self.split.identities

    @property
    def classes(self) -> int:
        """Number of training identities."""
        return len(self.split.identity_names)


@dataclass(frozen=True)
class InitialWeights:
    """What a recipe's `init` names.

    Attributes:
        source: names it in messages.
        tensors: by name.
        description: what the file says of itself; None for files that are not ours.
    """

    source: str
    tensors: Mapping[str, Tensor]
    description: Mapping[str, Any] | None


@dataclass(frozen=True)
class Method:
    """A way to learn, as functions.

    Attributes:
        recipe: the schema of its recipes.
        transforms: the recipe's training and test transforms.
        check: (recipe, training images) → nothing; raises RecipeError, before any work, if the recipe cannot be learned
            from these images.
        build: (recipe, classes, cameras, initial weights or None) → a model with weights as the recipe says. Those of
            `init` are loaded by the caller; the method reads off them what it must build.
        describe: (recipe, model) → what `restore` needs to build the model again, as JSON.
        stages: (recipe, model, data, run folder) → the stages, in order.
        restore: (description, tensors, name of the file) → a model for embedding.
        recognise: tensors of somebody else's checkpoint → a description, or None if they are not this method's.
        class_sized: prefixes of tensors whose size is that of the training set; `init=FILE` leaves those that differ.
        training_only: prefixes of tensors that embedding does not need, and that a file for `init` may lack.
        adopt: (recipe, what `init` names) → the same under the method's own names, for files of other methods.
        draws_images: the method draws what it learns from, and reads no data set.
        label_scope: `"camera"` for methods that take one person in one camera for a class; labels that hold everywhere
            are then made camera-local before the method sees them.
    """

    recipe: type[Recipe]
    transforms: Callable[[Any], tuple[TrainTransform, TestTransform]]
    check: Callable[[Any, Split], None]
    build: Callable[[Any, int, int, InitialWeights | None], nn.Module]
    describe: Callable[[Any, Any], dict[str, Any]]
    stages: Callable[..., list[Stage]]
    restore: Callable[[Mapping[str, Any], Mapping[str, Tensor], str], nn.Module]
    recognise: Callable[[Mapping[str, Tensor]], dict[str, Any] | None]
    class_sized: tuple[str, ...]
    training_only: tuple[str, ...]
    adopt: Callable[[Any, InitialWeights], InitialWeights] = lambda _recipe, init: init
    draws_images: bool = False
    label_scope: LabelScope = "global"


def find_method(name: object) -> Method:
    """The method that a recipe or a description names.

    Raises:
        RecipeError: no such method.
    """
    if name not in METHODS:
        near = difflib.get_close_matches(str(name), METHODS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known methods: {', '.join(METHODS)}"
        raise RecipeError(f"method: unknown name {name!r}; {hint}")
    method: Method = import_module(METHODS[str(name)]).METHOD
    return method
