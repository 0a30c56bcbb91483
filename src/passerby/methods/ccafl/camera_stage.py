"""Stages 2 and 3 of CCAFL, one loop: before every epoch features, association and memories, then its steps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.data.camera_labels import CameraLabels
from passerby.data.loading.loaders import Batch
from passerby.data.loading.sampling import continued_class_batches
from passerby.distributed.processes import gather_labels
from passerby.losses.centroids import class_centroids
from passerby.losses.hybrid_memory import HybridMemory
from passerby.methods.ccafl.association.associate import UNASSOCIATED, Association
from passerby.methods.ccafl.association.record import AssociationRecord
from passerby.methods.ccafl.classifier import ClassifierStep
from passerby.methods.ccafl.losses import Classes, inter_camera_losses, intra_camera_losses
from passerby.methods.ccafl.memories import InterMemory, IntraMemory, inter_memory, restored_memory
from passerby.methods.ccafl.network import Ccafl, CcaflFeatures
from passerby.methods.ccafl.recipe import CcaflRecipe, loop_schedule
from passerby.methods.method import TrainingData
from passerby.methods.stage import EpochLoader, Preparation, StageOutput, adam_with_faster_biases, keyed_seed
from passerby.methods.stages.features import EXTRACTION_BATCH, current_features, features_of
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.methods.stages.text_features import TextFeatures
from passerby.models.evaluation_mode import evaluation_mode

Associate = Callable[[NDArray[np.float32]], Association]
"""Mean features of the classes, float32 [N, D] → links between them."""


class CameraLoop(ImageBatchStage):
    """The image tower learns inside cameras, then across them; a classifier of all classes learns beside it.

    Args:
        recipe: says everything.
        model: with prompts learned.
        data: training images; their identities are classes, each of one camera.
        labels: what the classes are.
        associate: finds the same people in other cameras; None where there is one camera only.
        record: told of every association.
    """

    model: Ccafl
    takes_added_losses = True

    def __init__(
        self,
        recipe: CcaflRecipe,
        model: Ccafl,
        data: TrainingData,
        labels: CameraLabels,
        associate: Associate | None,
        record: AssociationRecord,
    ) -> None:
        section = recipe.stages2and3
        super().__init__(
            "stage2-cameras", model, epochs=section.epochs, seed=recipe.seed, schedule=loop_schedule(section)
        )
        self.recipe, self.section, self.data, self.sizes = recipe, section, data, section
        self.prefetch = recipe.trainer.prefetch
        self.associate, self.record = associate, record
        self.classes = Classes.of(labels)
        self._memory: IntraMemory | InterMemory | None = None
        self._epoch = 0
        self.text_features = TextFeatures(model.prompt_learner, model.text_encoder)
        self._classifier_step: ClassifierStep | None = None
        self._seen: tuple[Tensor, Tensor] | None = None
        self._restored: dict[str, Any] = {}

    def train_dataloader(self) -> EpochLoader:
        """Lightning's hook, called at every epoch: its memory first, which a run resumed inside it brings along."""
        self._epoch, restored = self.trainer.current_epoch, self._restored.pop("memory", None)
        if restored is not None:
            self._memory = restored_memory(restored, self.device)
        elif self._epoch != self._restored.get("finished_epoch"):  # Lightning asks for that one's batches again
            self.begin_epoch(self._epoch, self.features_before(self._epoch))
        return super().train_dataloader()

    def features_before(self, epoch: int) -> Tensor:
        """Retrieval features of all training images before an epoch (from 0), float32 [n, D]."""
        if epoch or not self.section.neck_from_data:
            return current_features(self, self.model.embed, self.data)
        pooled = current_features(self, lambda images: self.model.pooled(images)[0], self.data)
        neck = self.model.bottleneck
        assert neck.running_mean is not None
        assert neck.running_var is not None
        neck.running_mean.copy_(pooled.mean(0))
        neck.running_var.copy_(pooled.var(0))
        with torch.no_grad(), evaluation_mode(self.model):
            return self.model.after_bnneck(pooled)

    def begin_epoch(self, epoch: int, features: Tensor) -> None:
        """Associate classes and fill the epoch's memory.

        Args:
            epoch: from 0.
            features: of all training images, float32 [n, D], the same in all processes.
        """
        self._epoch, labels = epoch, torch.from_numpy(self.data.identities).to(features.device)
        clusters = torch.full((self.data.classes,), UNASSOCIATED, device=features.device)
        if self.associate is not None:
            association = self.associate(class_centroids(features, labels).cpu().numpy())
            statistics = self.record(epoch + 1, association)
            self.metrics, self.progress_note = statistics.to_dict(), statistics.describe()
            clusters = torch.from_numpy(association.labels).to(features.device)
        if epoch < self.section.intra_epochs or self.associate is None:
            instances, generator = self.recipe.memory.instances, torch.Generator()
            generator.manual_seed(keyed_seed(self.seed, self.name, epoch, "instances"))
            drawn = None if instances == "all" else instances
            self._memory = IntraMemory(HybridMemory(features, labels, instances=drawn, generator=generator))
        else:
            self._memory = inter_memory(features, labels, clusters, self.text_features())

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The classifier learns first; then the losses of stage 2 or 3, all of weight 1.

        Memories learn after the gradient was taken: see `on_after_backward`.
        """
        features: CcaflFeatures = self.model(batch.images)
        identity = self._learned_classifier()(features.retrieval.detach(), batch.identities)
        if isinstance(self._memory, IntraMemory):
            found = intra_camera_losses(
                features, batch.identities, self.classes, self._memory, self.text_features(), self.recipe
            )
        else:
            assert self._memory is not None
            found = inter_camera_losses(
                features, batch.identities, self.classes, self._memory, self.model.classifier.weight, self.recipe,
                self._epoch,
            )  # fmt: skip
        self._seen = features.retrieval.detach(), batch.identities
        self.output = StageOutput(features.retrieval, None, batch.identities, batch.cameras)
        total = torch.stack([*found.values(), _reached(features)]).sum()
        return {"loss": total, **{name: value.detach() for name, value in found.items()}, "classifier": identity}

    def on_after_backward(self) -> None:
        """Let the memory learn from the batch of all processes."""
        assert self._seen is not None
        assert self._memory is not None
        features, labels = (gather_labels(each) for each in self._seen)
        self._memory.update(features, labels, momentum=self.recipe.memory.momentum)
        self._seen = None

    def rows(self, epoch: int, process: int, processes: int) -> Any:
        """P classes × K images, going on from epoch to epoch."""
        return continued_class_batches(
            self.data.identities,
            classes_per_batch=self.sizes.identities_per_batch,
            images_per_class=self.sizes.images_per_identity,
            first=epoch * self.section.iterations,
            count=self.section.iterations,
            seed=self.seed,
            rank=process,
            processes=processes,
        )

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Image tower, exponent of the pooling, and the neck but for its bias; the classifier has a step of its own."""
        learning = ("image_encoder.", "pooling.", "bottleneck.weight")
        return [(name, p) for name, p in self.model.named_parameters() if name.startswith(learning)]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """Adam with coupled weight decay; biases learn faster, as published."""
        section = self.section
        return adam_with_faster_biases(
            parameters, weight_decay=section.weight_decay, bias_lr_factor=section.bias_lr_factor
        )

    def on_stage_start(self) -> None:
        """Let batch statistics move."""
        self.model.train()
        self.classes = self.classes.to(self.device)

    def preparations(self, processes: int) -> Sequence[Preparation]:
        """Before every epoch the features of all images, shared among the processes."""
        images = torch.randn(EXTRACTION_BATCH, 3, *self.data.test_transform.size, device=self.device)
        pieces = -(-len(self.data.split) // (EXTRACTION_BATCH * processes)) * self.epochs
        return (Preparation(pieces, lambda: features_of(self, self.model.embed, images)),)

    def example_batch(self) -> Any:
        """Noise, and a memory of noise as most epochs have it."""
        width = self.model.embed_dim
        self.record.folder = None
        self.begin_epoch(self.epochs - 1, torch.randn(len(self.data.split), width, device=self.device))
        return super().example_batch()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the classifier's optimiser, and inside an epoch its memory: between two it is made anew."""
        super().on_save_checkpoint(checkpoint)
        kept = checkpoint["passerby"]
        if self._classifier_step is not None:
            kept["classifier"] = self._classifier_step.state()
        if not kept["next_step"]:
            kept["finished_epoch"] = self._epoch
        elif self._memory is not None:
            kept |= {"memory": self._memory.state(), "metrics": self.metrics, "progress_note": self.progress_note}

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Continue with them."""
        super().on_load_checkpoint(checkpoint)
        self._restored = dict(checkpoint["passerby"])
        self.metrics, self.progress_note = self._restored.get("metrics", {}), self._restored.get("progress_note", "")

    def _learned_classifier(self) -> ClassifierStep:
        """Made when it is first needed, for then its parameters are on the device that they will stay on."""
        if self._classifier_step is None:
            state = self._restored.pop("classifier", None)
            self._classifier_step = ClassifierStep(self.model.classifier, self.recipe.ical, state)
        return self._classifier_step


def _reached(features: CcaflFeatures) -> Tensor:
    """0, with a gradient of 0 to everything that features are made of.

    Whether an image has a cluster, or an epoch a text loss, then decides neither which parameters decay nor, among
    processes, which of them wait for which gradients.
    """
    return 0.0 * (features.retrieval.sum() + features.joint.float().sum())
