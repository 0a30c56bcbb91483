"""The stage of the visibility head: what is hidden is known, because it was hidden on purpose."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.methods.method import TrainingData
from passerby.methods.saga.hidden_batches import HiddenBatch, HiddenBatches, hidden_example
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.stage import EpochLoader
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.models.saga.network import Saga


class VisibilityStage(ImageBatchStage):
    """The visibility head alone, on patch tokens of the frozen image tower."""

    model: Saga

    def __init__(self, recipe: SagaRecipe, model: Saga, data: TrainingData) -> None:
        section = recipe.visibility
        epochs = section.epochs if recipe.anchors.visibility else 0
        super().__init__("visibility", model, recipe, data, section, epochs=epochs, learning_rate=section)
        self.section = section

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """P identities × K images, hidden in part."""
        key = (self.seed, self.name, "hidden", epoch, process)
        return HiddenBatches(self.data, self.rows(epoch, process, processes), self.section, key=key, device=self.device)

    def losses(self, batch: HiddenBatch) -> dict[str, Tensor]:
        """Cross-entropy of the head with the visible share of each patch, and how far it is from it on average."""
        head, model = self.model.visibility, self.model
        assert head is not None
        with torch.no_grad():
            patches = model.tokens(batch.images).patches.float()
            shares = patch_shares(batch.visible, model)
        layers = len(model.shape.anchors.token_layers)
        logits = head(patches.chunk(layers, 1)[-1])
        loss = F.binary_cross_entropy_with_logits(logits, shares)
        return {"loss": loss, "error": (torch.sigmoid(logits.detach()) - shares).abs().mean()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Those of the head."""
        head = self.model.visibility
        assert head is not None
        return list(head.named_parameters(prefix="visibility"))

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """AdamW with decoupled weight decay."""
        return torch.optim.AdamW([p for _, p in parameters], lr=0.0, weight_decay=self.section.weight_decay)

    def on_stage_start(self) -> None:
        """The head learns; the towers stay in inference mode."""
        self.model.eval()
        assert self.model.visibility is not None
        self.model.visibility.train()

    def example_batch(self) -> HiddenBatch:
        """Noise."""
        return hidden_example(self.example_labels(), self.data.train_transform.size)


def patch_shares(visible: Tensor, model: Saga) -> Tensor:
    """The visible share of each patch, [B, N], of pixels [B, H, W] that are 1 where they are visible."""
    patches = model.backbone.conv1
    shares = F.avg_pool2d(visible[:, None], patches.kernel_size, patches.stride)
    return shares.flatten(1)
