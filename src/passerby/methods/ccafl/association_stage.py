"""Around the steps of CCAFL's stages 2 and 3: association and memory before every epoch, and the classifier's own step.

The losses of the steps are in `passerby.methods.ccafl.method`.
"""

from abc import ABC
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.camera_labels import CameraLabels
from passerby.data.constraints import constraints_of_run
from passerby.data.loading.sampling import continued_class_batches
from passerby.distributed.roles import is_main_process
from passerby.errors import PasserbyError
from passerby.losses.centroids import class_centroids
from passerby.losses.hybrid_memory import HybridMemory
from passerby.methods.ccafl.association.associate import UNASSOCIATED, Association, associate
from passerby.methods.ccafl.association.files import kept_constraints
from passerby.methods.ccafl.association.linkages import centred_by_camera
from passerby.methods.ccafl.association.record import AssociationRecord
from passerby.methods.ccafl.classifier import ClassifierStep
from passerby.methods.ccafl.losses import CameraIdentities
from passerby.methods.ccafl.memories import InterMemory
from passerby.methods.ccafl.network import Ccafl
from passerby.methods.ccafl.recipe import CcaflRecipe
from passerby.methods.method import TrainingData
from passerby.methods.stage import EpochLoader, keyed_seed
from passerby.methods.stages.features import features_of_settled_neck
from passerby.methods.stages.memory_stage import MemoryStage
from passerby.methods.stages.text_features import TextFeatures

Associate = Callable[[NDArray[np.float32]], Association]
"""Mean features of the camera identities, float32 [N, D] → links between them."""


def association_function(recipe: CcaflRecipe, labels: CameraLabels, folder: Path | None) -> Associate:
    """How camera identities are linked: by their mean features, under the constraints that a person gave."""
    section = recipe.association
    begun = folder is not None and (folder / "recipe.yaml").is_file()
    constraints = constraints_of_run(
        None if folder is None else kept_constraints(folder),
        section.constraints,
        labels,
        keep=begun and is_main_process(),
    )
    cameras = labels.class_cameras
    return lambda features: associate(
        centred_by_camera(features, cameras) if section.centre_cameras else features,
        cameras,
        section.pairs_per_class,
        linkage=section.linkage,
        stranger_share=section.stranger_share,
        one_class_per_camera=section.one_class_per_camera,
        must_link=constraints.must_link,
        cannot_link=constraints.cannot_link,
        persons=constraints.persons,
    )


class AssociationStage(MemoryStage[HybridMemory | InterMemory], ABC):
    """Associates camera identities before every epoch, and makes the memory of its losses.

    Args:
        recipe: of the method.
        model: with prompts learned.
        data: training images; their labels are camera identities.
        labels: which camera identities there are.
        associate: links those of different cameras; None where there is one camera only.
        record: keeps every association.
    """

    model: Ccafl

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
            "stage2-cameras",
            model,
            recipe,
            data,
            section,
            epochs=section.epochs,
            learning_rate=section,
            iterations=section.iterations,
            memory_momentum=recipe.memory.momentum,
        )
        self.recipe, self.section = recipe, section
        self.associate, self.record = associate, record
        self.camera_identities = CameraIdentities.of(labels)
        self.text_features = TextFeatures(model.prompt_learner, model.text_encoder)
        self._classifier_step: ClassifierStep | None = None

    def train_dataloader(self) -> EpochLoader:
        """Lightning's hook, called at every epoch.

        Raises:
            PasserbyError: links form fewer than two clusters, of which nothing could be learned.
        """
        loader = super().train_dataloader()
        if isinstance(self.memory, InterMemory) and len(self.memory.centroids) < 2:
            raise PasserbyError(
                f"{self.name}: the links before epoch {self._epoch + 1} form fewer than two clusters: start a new run "
                f"with a larger association.{self.recipe.association.governing_key}, or with more "
                "stages2and3.intra_epochs"
            )
        return loader

    def features_before(self, epoch: int) -> Tensor:
        """Retrieval features; before the first epoch the neck's statistics may be taken from the training images."""
        if epoch or not self.section.neck_from_data:
            return super().features_before(epoch)
        model = self.model
        return features_of_settled_neck(
            self, lambda images: model.pooled(images)[0], model.bottleneck, model.after_bnneck, self.data
        )

    def begin_epoch(self, epoch: int, features: Tensor) -> None:
        """Associate camera identities, and make the memory of stage 2 or of stage 3."""
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
            self.memory = HybridMemory(features, labels, instances=drawn, generator=generator)
        else:
            self.memory = InterMemory(features, labels, clusters, self.text_features())

    def restored_memory(self, state: Mapping[str, Tensor]) -> HybridMemory | InterMemory:
        """That of stage 2 holds instances, that of stage 3 clusters."""
        kind: type[HybridMemory] | type[InterMemory] = HybridMemory if "instances" in state else InterMemory
        return kind.restored(state, self.device)

    def rows(self, epoch: int, process: int, processes: int) -> Any:
        """P camera identities × K images, going on from epoch to epoch."""
        return continued_class_batches(
            self.data.identities,
            classes_per_batch=self.sizes.identities_per_batch,
            images_per_class=self.sizes.images_per_identity,
            first=epoch * self.iterations,
            count=self.iterations,
            seed=self.seed,
            rank=process,
            processes=processes,
        )

    def on_stage_start(self) -> None:
        """Bring the numbers of cameras to the device."""
        super().on_stage_start()
        self.camera_identities = self.camera_identities.to(self.device)

    def example_batch(self) -> Any:
        """Noise, and a memory of noise as most epochs have it."""
        features = torch.randn(len(self.data.split), self.model.embed_dim, device=self.device)
        self.begin_epoch(self.epochs - 1, features)
        return super().example_batch()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the optimiser of the classifier too."""
        super().on_save_checkpoint(checkpoint)
        if self._classifier_step is not None:
            checkpoint["passerby"]["classifier"] = self._classifier_step.state()

    def classifier_step(self, features: Tensor, labels: Tensor) -> Tensor:
        """Train the classifier on features [B, D] without gradient; its loss before the step."""
        if self._classifier_step is None:  # made when its parameters are on the device that they will stay on
            state = self._restored.pop("classifier", None)
            self._classifier_step = ClassifierStep(self.model.classifier, self.recipe.ical, state)
        return self._classifier_step(features.detach(), labels)
