"""The contract of a method: what it offers to the rest of passerby, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.config import Recipe
from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.loading.loaders import PixelSource
from passerby.data.split import LabelScope, Split
from passerby.errors import CheckpointError
from passerby.methods.batch_sizes import BatchSizes, check_identity_count
from passerby.methods.stage import Stage

if TYPE_CHECKING:
    from passerby.models.inspection.attention_maps import AttentionMaps


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
    """The weights that a recipe's `init` names.

    Attributes:
        source: names the file in messages.
        tensors: by name.
        description: what the file declares about itself; None for files that passerby did not write.
    """

    source: str
    tensors: Mapping[str, Tensor]
    description: Mapping[str, Any] | None


class _ModelSection(Protocol):
    @property
    def image_size(self) -> tuple[int, int]: ...


class _AugmentationSection(Protocol):
    def transforms(self, size: tuple[int, int]) -> tuple[TrainTransform, TestTransform]: ...


@runtime_checkable
class _AugmentedRecipe(Protocol):
    @property
    def model(self) -> _ModelSection: ...

    @property
    def augmentation(self) -> _AugmentationSection: ...


RecipeT = TypeVar("RecipeT", bound=Recipe)
ModelT = TypeVar("ModelT", bound=nn.Module)


class Method(ABC, Generic[RecipeT, ModelT]):
    """A way to train a network. A subclass has a name, a recipe, a network and stages, and overrides what is its own.

    Attributes:
        name: of the method in recipes and files.
        recipe: the schema of its recipes.
        class_sized: prefixes of tensors whose size is that of the training set; `init=FILE` leaves those that differ.
        training_only: prefixes of tensors that embedding does not need, and that a file for `init` may lack.
        draws_images: whether the method draws what it learns from, and reads no data set.
        label_scope: `"camera"` for methods whose classes are one person in one camera; labels that hold in all cameras
            are then made camera-local before the method sees them.
        networks: names of the networks in one file of weights, if there are several to choose from.
        run_artifacts: folders that the method keeps in a run besides checkpoints, caches, logs and the report.
        resumable_changes: keys of its recipes that a resumed run may change, because they change no result.
    """

    name: str
    recipe: type[RecipeT]
    class_sized: tuple[str, ...] = ()
    training_only: tuple[str, ...] = ()
    draws_images: bool = False
    label_scope: LabelScope = "global"
    networks: tuple[str, ...] = ()
    run_artifacts: tuple[str, ...] = ()
    resumable_changes: tuple[str, ...] = ()

    # Before training

    def transforms(self, recipe: RecipeT) -> tuple[TrainTransform, TestTransform]:
        """The training and the test transform; by default those of `recipe.augmentation` for `recipe.model`."""
        if not isinstance(recipe, _AugmentedRecipe):
            raise NotImplementedError(f"{type(self).__name__}.transforms: its recipe has no augmentation or model")
        return recipe.augmentation.transforms(recipe.model.image_size)

    def batch_sizes(self, recipe: RecipeT) -> Mapping[str, BatchSizes]:
        """The sections of a recipe, by key, whose batches take P training identities × K images; by default none."""
        return {}

    def check(self, recipe: RecipeT, train: Split) -> None:
        """Refuse, before any work, a recipe that cannot be learned from these images.

        By default that is one whose batches take more identities than the images show; see `batch_sizes`.

        Raises:
            RecipeError: names the key and the remedy.
        """
        for key, sizes in self.batch_sizes(recipe).items():
            check_identity_count(key, sizes, train.identity_count, recipe.trainer.processes)

    def adopt(self, recipe: RecipeT, init: InitialWeights) -> InitialWeights:
        """What `init` names, under this method's own tensor names; by default unchanged."""
        return init

    @abstractmethod
    def build(self, recipe: RecipeT, classes: int, cameras: int, init: InitialWeights | None = None) -> ModelT:
        """The network before its first stage, with weights as the recipe says.

        Args:
            recipe: of this method.
            classes: training identities.
            cameras: of the training images.
            init: adopted weights. The caller loads them; the method reads off them what it must build.
        """

    @abstractmethod
    def stages(self, recipe: RecipeT, model: ModelT, data: TrainingData, folder: Path | None) -> list[Stage]:
        """The stages of training in order; `folder` is the run's, None where only their cost is estimated."""

    # After training

    @abstractmethod
    def describe(self, recipe: RecipeT, model: ModelT) -> dict[str, Any]:
        """What `restore` needs to build the network again, as JSON."""

    @abstractmethod
    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> nn.Module:
        """A network for embedding, from what `description` gave and the tensors of the file `source`."""

    def description(self, recipe: RecipeT, model: ModelT) -> dict[str, Any]:
        """What a file of this method's weights declares about itself: `describe`, its method and its transform."""
        _, transform = self.transforms(recipe)
        common = {"method": self.name, "camera_count": 0, "transform": asdict(transform)}
        return {**common, **self.describe(recipe, model)}

    def freeze(self, model: nn.Module) -> nn.Module:
        """A restored network that will only embed, changed in place: what no image changes is computed once.

        By default there is nothing of that kind.
        """
        return model

    def recognise(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """The description of a checkpoint that others published; by default None: there are none of this method."""
        return None

    def backbone_prefix(self, description: Mapping[str, Any]) -> str | None:
        """What stands before the tensors of a backbone in this method's files; by default None: they hold none."""
        return None

    def after_training(self, folder: Path) -> tuple[str, ...]:
        """Finish a trained run in `folder`; return the kinds of pages to write about it, by default none.

        Kinds are the keys of `passerby.workflows.train.PAGES`.
        """
        return ()

    # Inspection of a trained network

    def feature_variants(self, model: nn.Module, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
        """Every feature that one forward pass of a restored network gives, by name, [B, D] each; to compare them.

        Args:
            model: as `restore` returns it.
            images: normalised, [B, 3, H, W].
            camera_ids: see `EmbeddingModel.embed`.
        """
        return {"embedding": cast(EmbeddingModel, model).embed(images, camera_ids)}

    def attention_maps(self, model: nn.Module, images: Tensor, *, anchors: int = 3) -> "list[AttentionMaps]":
        """Maps of where a restored network looks, for each of the normalised images [B, 3, H, W].

        Args:
            model: as `restore` returns it.
            images: on the network's device.
            anchors: how many anchors to show, for networks that have any.

        Raises:
            CheckpointError: networks of this method have no attention.
        """
        raise no_attention(model)


def no_attention(model: nn.Module) -> CheckpointError:
    """The error for a network of which no attention maps can be drawn."""
    return CheckpointError(
        f"{type(model).__name__} has no attention of which maps could be drawn: give a model of SAGA or CLIP-ReID"
    )
