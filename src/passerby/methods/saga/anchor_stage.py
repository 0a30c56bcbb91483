"""SAGA's stage 3: anchors, refinement and classifiers, on patch tokens of the frozen image tower."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.data.loading.loaders import Batch
from passerby.losses.anchors import anchor_diversity, anchor_triplet, classifier_diversity
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.method import TrainingData
from passerby.methods.saga.recipe import SagaRecipe
from passerby.methods.saga.schedules import anchors_schedule
from passerby.methods.saga.token_batches import TokenBatch, TokenBatches
from passerby.methods.saga.token_cache import EXTRACTION_BATCH, ImageTokens, TokenCache, TokenShape, cache_name
from passerby.methods.stage import EpochLoader, Preparation, StageOutput, keyed_seed
from passerby.methods.stages.image_stage import ImageBatchStage
from passerby.models.saga.anchors import TextAnchors
from passerby.models.saga.network import HEAD, Saga
from passerby.models.saga.poolings import PoolingBranch
from passerby.progress import say


class AnchorStage(ImageBatchStage):
    """Stage 3a or 3b, from cached tokens or from images.

    Args:
        recipe, model, data: as for every stage.
        folder: of the run; its cache of tokens lies there unless the recipe names a folder.
        part: "a" begins the head anew; "b" continues it, with a new optimiser, and with one classifier only (as
            published) forgets that classifier and the statistics of the neck.
    """

    model: Saga
    takes_added_losses = True

    def __init__(
        self, recipe: SagaRecipe, model: Saga, data: TrainingData, folder: Path, *, part: Literal["a", "b"]
    ) -> None:
        rates = recipe.stage3a if part == "a" else recipe.stage3b
        super().__init__(
            f"stage3{part}-anchors", model, epochs=rates.epochs, seed=recipe.seed, schedule=anchors_schedule(rates)
        )
        self.section, self.tokens, self.data, self.part = recipe.stage3, recipe.tokens, data, part
        self.sizes, self.prefetch = recipe.stage3, recipe.trainer.prefetch
        self.folder = folder / "cache" if recipe.tokens.folder is None else recipe.tokens.folder.expanduser()
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

    def losses(self, batch: TokenBatch | Batch) -> dict[str, Tensor]:
        """The losses of saga.md §3.5, and those of other poolings, in float32 whatever the precision."""
        with torch.autocast(self.device.type, enabled=False):
            if isinstance(batch, Batch):
                found = self._tokens_of(batch.images)
                patches, projected = found.patches.float(), found.projected.float()
            else:
                patches, projected = batch.patches.float(), batch.projected.float()
            losses, terms = self._head_losses(patches, projected, batch.identities, batch.cameras)
            poolings = [
                self._pooling_loss(cast(PoolingBranch, branch), patches, projected, batch.identities)
                for branch in self.model.poolings.values()
            ]
        shown = losses | dict(zip(self.model.poolings, poolings, strict=True))
        total = torch.stack([*terms, *poolings]).sum()
        return {"loss": total} | {name: value.detach() for name, value in shown.items()}

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
        classifiers = [p for name, p in parameters if name.startswith("classifiers.")]
        others = [p for name, p in parameters if not name.startswith("classifiers.")]
        groups = [
            {"params": others, "lr_scale": 1.0},
            {"params": classifiers, "lr_scale": self.section.classifier_lr_factor},
        ]
        return torch.optim.AdamW(groups, lr=0.0, weight_decay=self.section.weight_decay)

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
        say(f"{self.name}: the token cache will hold {shape.describe()}", show=True)
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

    def _head_losses(
        self, patches: Tensor, projected: Tensor, labels: Tensor, cameras: Tensor
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Losses by name, and the same weighted."""
        model, section = self.model, self.section
        found = model.aggregate(patches, projected, cameras)
        normalised = F.dropout(model.bn(found.refined), self.classifier_dropout, self.training)
        logits = [cast(Tensor, classifier(normalised)) for classifier in model.classifiers]
        identity = torch.stack(
            [smoothed_cross_entropy(each, labels, smoothing=section.label_smoothing) for each in logits]
        )
        self.output = StageOutput(found.refined, logits[0], labels, cameras)
        losses = {
            "identity": identity.mean(),
            "triplet": batch_hard_triplet(found.refined, labels, margin=section.margin),
        }
        weights = [section.loss_weights.identity, section.loss_weights.triplet]
        if section.loss_weights.anchor_diversity:
            losses["anchor_diversity"] = anchor_diversity(found.text_anchors)
            weights.append(section.loss_weights.anchor_diversity)
        if section.loss_weights.classifier_diversity and len(logits) > 1:
            losses["classifier_diversity"] = classifier_diversity([each.weight for each in _linear(model.classifiers)])
            weights.append(section.loss_weights.classifier_diversity)
        if section.loss_weights.anchor_triplet:
            losses["anchor_triplet"] = anchor_triplet(*model.by_anchor(found), labels, margin=section.margin or 0.0)
            weights.append(section.loss_weights.anchor_triplet)
        return losses, [weight * value for weight, value in zip(weights, losses.values(), strict=True)]

    def _pooling_loss(self, branch: PoolingBranch, patches: Tensor, projected: Tensor, labels: Tensor) -> Tensor:
        """Identity and triplet loss of another branch, weighted as the anchors' own."""
        feature, section = branch(patches, projected), self.section
        identity = smoothed_cross_entropy(branch.logits(feature), labels, smoothing=section.label_smoothing)
        triplet = batch_hard_triplet(feature, labels, margin=section.margin)
        return section.loss_weights.identity * identity + section.loss_weights.triplet * triplet

    @torch.no_grad()
    def _tokens_of(self, images: Tensor) -> ImageTokens:
        found = self.model.tokens(images)
        return ImageTokens(found.patches, found.projected)

    def _cache_shape(self) -> TokenShape:
        model = self.model
        patches = (len(cast(Tensor, model.backbone.positional_embedding)) - 1) * len(model.shape.anchors.token_layers)
        return TokenShape(len(self.data.split), self.tokens.views, patches, model.width, model.joint_dim)

    def _filled_cache(self, process: int, processes: int) -> TokenCache:
        """The cache of this tower's tokens; every process computes its share of what is missing."""
        layers = self.model.shape.anchors.token_layers
        name = cache_name(self.model.backbone, self.data, layers=layers, views=self.tokens.views, seed=self.seed)
        cache = TokenCache(self.folder / f"tokens-{name}", self._cache_shape())
        cache.check_room(show=process == 0)
        self.trainer.strategy.barrier("room for tokens")
        missing = cache.missing()
        self.trainer.strategy.barrier("missing tokens")
        if share := missing[process::processes]:
            cache.extract(self._tokens_of, self.data, share, seed=self.seed, device=self.device, quiet=process > 0)
        self.trainer.strategy.barrier("tokens")
        return cache


def _linear(modules: nn.ModuleList) -> list[nn.Linear]:
    return [cast(nn.Linear, module) for module in modules]
