"""What SAGA's stage 3 learns from and what it trains: patch tokens of the frozen image tower, and the head.

Its losses are in `passerby.methods.saga.method`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from passerby.data.loading.loaders import Batch
from passerby.methods.method import TrainingData
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.saga.token_batches import TokenBatch, TokenBatches
from passerby.methods.saga.token_cache import EXTRACTION_BATCH, ImageTokens, TokenCache, TokenShape, cache_name
from passerby.methods.stage import EpochLoader, Preparation, keyed_seed
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.models.saga.anchors import TextAnchors
from passerby.models.saga.network import HEAD, Saga
from passerby.progress import log_line


class TokenStage(ImageBatchStage, ABC):
    """Stage 3a or 3b but for its losses, on cached tokens or on those of freshly augmented images.

    Args:
        recipe, model, data: as for every stage.
        folder: of the run, or None; its cache of tokens lies there unless the recipe names a folder.
        part: "a" begins the head anew; "b" continues it, with a new optimiser, and with one classifier only (as
            published) forgets that classifier and the statistics of the neck.
    """

    model: Saga

    def __init__(
        self, recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path | None, *, part: Literal["a", "b"]
    ) -> None:
        rates = recipe.stage3a if part == "a" else recipe.stage3b
        name = f"stage3{part}-anchors"
        super().__init__(name, model, recipe, data, recipe.stage3, epochs=rates.epochs, learning_rate=rates)
        self.section, self.tokens, self.part = recipe.stage3, recipe.tokens, part
        self.folder = recipe.tokens.folder.expanduser() if recipe.tokens.folder else folder and folder / "cache"
        self.last = part == "b" or not recipe.stage3b.epochs
        single = recipe.stage3.classifiers == 1
        self.classifier_dropout = 0.0 if part == "b" and single else recipe.stage3.classifier_dropout
        self._cache: TokenCache | None = None

    def set_trainable(self) -> None:
        """Make the head as the part begins with it (a resumed stage then loads its state over it), and freeze the rest.

        The warm start copies the image tower's blocks into the refinement.
        """
        model, section = self.model, self.section
        torch.manual_seed(keyed_seed(self.seed, self.name, "start"))
        if self.part == "a":
            if section.warm_start:
                model.start_refinement()
            if isinstance(model.text_anchor, TextAnchors) and not model.shape.anchors.phrase_slots:
                model.text_anchor.start_from(model.prompt_learner.mean_words())
        elif section.classifiers == 1:
            model.start_classifiers()
        super().set_trainable()

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """P identities × K images: each in one of its cached views, or freshly augmented."""
        if self.tokens.cache == "none":
            return super().batches(epoch, process, processes)
        if self._cache is None:
            self._cache = self._filled_cache(process, processes)
        return TokenBatches(
            self._cache,
            self.rows(epoch, process, processes),
            self.data.identities,
            self.data.split.cameras,
            seed=self.seed,
            epoch=epoch,
            process=process,
            prefetch=self.prefetch,
        )

    @abstractmethod
    def token_losses(self, batch: TokenBatch) -> dict[str, Tensor]:
        """The losses of a batch of float32 tokens; see `losses`."""

    def losses(self, batch: TokenBatch | Batch) -> dict[str, Tensor]:
        """Those of the batch's tokens, in float32 whatever the precision."""
        with torch.autocast(self.device.type, enabled=False):
            tokens = self._tokens_of(batch.images) if isinstance(batch, Batch) else batch
            patches, projected = tokens.patches.float(), tokens.projected.float()
            return self.token_losses(TokenBatch(patches, projected, batch.identities, batch.cameras))

    def example_batch(self) -> TokenBatch | Batch:
        """Random tokens, or noise."""
        if self.tokens.cache == "none":
            noise: Batch = super().example_batch()
            return noise
        labels, shape = self.example_labels(), self._cache_shape()
        patches = torch.randn(len(labels), shape.tokens, shape.width, device=self.device).half()
        projected = torch.randn(len(labels), shape.joint_dim, device=self.device).half()
        return TokenBatch(patches, projected, labels, torch.full_like(labels, -1))

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Anchors, refinement, classifiers and the weights of necks, whose biases stay 0."""
        return [
            (name, p)
            for name, p in self.model.named_parameters()
            if name.startswith(HEAD) and not name.endswith("bn.bias")
        ]

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """AdamW with decoupled weight decay on everything."""
        return torch.optim.AdamW([p for _, p in parameters], lr=0.0, weight_decay=self.section.weight_decay)

    def on_stage_start(self) -> None:
        """The head learns, the towers do not."""
        self.model.train()
        self.model.backbone.eval()
        self.model.text_encoder.eval()

    def preparations(self, processes: int) -> Sequence[Preparation]:
        """The tokens of each process's share of the views; says how large the cache will be."""
        if self.tokens.cache == "none" or self.part == "b":
            return ()
        shape = self._cache_shape()
        log_line(f"{self.name}: the token cache will hold {shape.describe()}", show=True)
        images = torch.randn(EXTRACTION_BATCH, 3, *self.data.train_transform.size, device=self.device)
        views = math.ceil(shape.images / processes) * shape.views
        return (Preparation(math.ceil(views / EXTRACTION_BATCH), lambda: self._tokens_of(images)),)

    def on_train_end(self) -> None:
        """Remove a cache that lies in the run, once stage 3 is finished."""
        finished = self.trainer.current_epoch >= self.epochs
        if self._cache is not None and self.last and finished and self.tokens.folder is None:
            self.trainer.strategy.barrier("tokens")
            if self.trainer.is_global_zero:
                self._cache.remove()

    @torch.no_grad()
    def _tokens_of(self, images: Tensor) -> ImageTokens:
        tokens = self.model.tokens(images)
        return ImageTokens(tokens.patches, tokens.projected)

    def _cache_shape(self) -> TokenShape:
        model = self.model
        patches = (len(model.backbone.positional_embedding) - 1) * len(model.shape.anchors.token_layers)
        return TokenShape(len(self.data.split), self.tokens.views, patches, model.feature_dim, model.joint_dim)

    def _filled_cache(self, process: int, processes: int) -> TokenCache:
        """The cache of this tower's tokens; every process computes its share of what is missing."""
        layers = self.model.shape.anchors.token_layers
        name = cache_name(self.model.backbone, self.data, layers=layers, views=self.tokens.views, seed=self.seed)
        assert self.folder is not None, "tokens are cached in a run"
        cache = TokenCache(self.folder / f"tokens-{name}", self._cache_shape())
        cache.check_room(show=process == 0)
        self.trainer.strategy.barrier("room for tokens")
        missing = cache.missing()
        self.trainer.strategy.barrier("missing tokens")
        if share := missing[process::processes]:
            cache.extract(self._tokens_of, self.data, share, seed=self.seed, device=self.device, quiet=process > 0)
        self.trainer.strategy.barrier("tokens")
        return cache
