"""CLIP from nothing: an image and a text tower learn together from drawn people and captions about them.

Image and text of a pair are pulled together, those of different pairs apart (Radford et al., ICML 2021). To save time,
the image tower sees part of the patches until the last epochs (Li et al., Scaling Language-Image Pre-training via
Masking, CVPR 2023).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.distributed.processes import gather_labels, gather_with_gradient
from passerby.losses.contrastive import supervised_contrastive
from passerby.methods.clip_pretrain.pairs import PairBatch, PairBatches, PairPlan
from passerby.methods.clip_pretrain.recipe import ClipPretrainRecipe
from passerby.methods.method import InitialWeights, Method, TrainingData
from passerby.methods.networks.clip_towers import described_shape
from passerby.methods.stage import EpochLoader, Stage
from passerby.models.checkpoint import load_strictly
from passerby.models.clip.pair import ClipPair
from passerby.models.clip.pair_files import is_clip_pair
from passerby.models.clip.towers import ClipShape
from passerby.models.clip.vocabulary import Vocabulary, tokenise, vocabulary_of
from passerby.models.inference_mode import evaluation_mode
from passerby.models.inspection.attention_maps import AttentionMaps, clip_attention_maps
from passerby.models.saga.anchor_phrases import PHRASES
from passerby.synth.output.pair_drawing import Drawers
from passerby.synth.words.vocabulary import caption_words


class PairStage(Stage):
    """The one stage: both towers, from pairs."""

    model: ClipPair

    def __init__(self, recipe: ClipPretrainRecipe, model: ClipPair, transform: TrainTransform) -> None:
        section = recipe.training
        super().__init__(
            "pairs",
            model,
            epochs=section.epochs,
            seed=recipe.seed,
            learning_rate=section,
        )
        self.section, self.pairs, self.transform = section, recipe.pairs, transform
        self._drawers = Drawers(recipe.pairs.workers)

    def batches(self, epoch: int, process: int, processes: int) -> EpochLoader:
        """The epoch's city, drawn as the network learns."""
        whole = epoch >= self.epochs - self.section.whole_epochs
        self.model.keep_patches(1.0 if whole else self.section.patches)
        return PairBatches(self._plan(epoch, process, processes), self.transform, self._drawers)

    def losses(self, batch: PairBatch) -> dict[str, Tensor]:
        """Contrast of images with texts and of texts with images; pairs with the same caption are not told apart."""
        images = self.model.image_features(batch.images) * self.model.scale()
        texts = self.model.text_features(batch.tokens)
        labels, all_labels = batch.labels, gather_labels(batch.labels)
        of_images = supervised_contrastive(images, gather_with_gradient(texts), labels, all_labels)
        of_texts = supervised_contrastive(texts, gather_with_gradient(images), labels, all_labels)
        return {
            "loss": 0.5 * (of_images + of_texts),
            "image_to_text": of_images.detach(),
            "text_to_image": of_texts.detach(),
            "scale": self.model.scale().detach(),
        }

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Everything."""
        return self.model.named_parameters()

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """AdamW with CLIP's moments; only matrices decay, tables of embeddings do not."""
        decays = [p for name, p in parameters if p.ndim > 1 and "embedding" not in name]
        others = [p for name, p in parameters if p.ndim <= 1 or "embedding" in name]
        groups = [{"params": decays, "weight_decay": self.section.weight_decay}, {"params": others, "weight_decay": 0}]
        return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), eps=1e-6)

    def steps_per_epoch(self, processes: int) -> int:
        """Every epoch has as many."""
        return self._plan(0, 0, processes).steps

    def example_batch(self) -> PairBatch:
        """Noise and a caption of usual length."""
        count, caption = self.section.batch_size, "A tall man in a grey t-shirt, blue jeans and white sneakers, with"
        images = torch.randn(count, 3, *self.transform.size, device=self.device)
        tokens = tokenise([f"{caption} short black hair and a red backpack."] * count).to(self.device)
        return PairBatch(images, tokens, torch.arange(count, device=self.device))

    def on_fit_end(self) -> None:
        """Lightning's hook: settle the lengths of features once everything is learned, and end drawing."""
        if self.trainer.current_epoch >= self.epochs:
            batch = next(iter(PairBatches(self._plan(self.epochs, 0, 1), self.transform, self._drawers)))
            with evaluation_mode(self.model):
                self.model.settle_lengths(batch.images.to(self.device), batch.tokens.to(self.device))
        self._drawers.close()

    def _plan(self, epoch: int, process: int, processes: int) -> PairPlan:
        return PairPlan(
            seed=self.seed,
            epoch=epoch,
            per_epoch=self.pairs.per_epoch,
            batch_size=self.section.batch_size,
            passes=self.pairs.passes,
            size=self.transform.size,
            places=self.pairs.places,
            crowd=self.pairs.crowd,
            least_visible=self.pairs.least_visible,
            process=process,
            processes=processes,
        )


class ClipPretrainMethod(Method[ClipPretrainRecipe, ClipPair]):
    """CLIP from drawn people and captions."""

    name = "clip-pretrain"
    recipe = ClipPretrainRecipe
    draws_images = True
    resumable_changes = ("pairs.workers",)

    def transforms(self, recipe: ClipPretrainRecipe) -> tuple[TrainTransform, TestTransform]:
        """Those of the recipe; numbers of images become -1 to 1, as for all vision transformers here."""
        section, size = recipe.augmentation, recipe.model.image_size
        train = TrainTransform(size=size, flip=section.flip, padding=section.padding, erasing=section.erasing)
        return train, TestTransform(size=size)

    def build(
        self, recipe: ClipPretrainRecipe, classes: int, cameras: int, init: InitialWeights | None = None
    ) -> ClipPair:
        """Towers with random weights, and the vocabulary of the captions."""
        section = recipe.model
        shape = ClipShape(section.architecture, section.image_size, section.stride)
        model = ClipPair(shape, vocabulary_of(caption_words(), PHRASES))
        if init is not None and is_clip_pair(init.description):
            model.pairs_before = int((init.description or {})["pairs"]["drawn"])
        return model

    def stages(
        self, recipe: ClipPretrainRecipe, model: ClipPair, data: TrainingData, folder: Path | None
    ) -> list[Stage]:
        """One stage."""
        return [PairStage(recipe, model, data.train_transform)]

    def describe(self, recipe: ClipPretrainRecipe, model: ClipPair) -> dict[str, Any]:
        """Shape and vocabulary; `words` are those that captions have taught, and `pairs` counts those of `init` too."""
        return {
            "shape": asdict(model.shape),
            "tokens": list(model.vocabulary.tokens),
            "words": sorted(caption_words()),
            "pairs": {
                "drawn": model.pairs_before
                + recipe.pairs.per_epoch * recipe.training.epochs * recipe.trainer.processes,
                "passes": recipe.pairs.passes,
            },
        }

    def restore(self, description: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> ClipPair:
        """Both towers, for embedding images and texts."""
        model = ClipPair(described_shape(description), Vocabulary(description["tokens"]))
        load_strictly(model, tensors, source=source)
        return model

    def backbone_prefix(self, description: Mapping[str, Any]) -> str:
        """The image tower, which is the backbone `clip:` and its architecture."""
        return "visual."

    def attention_maps(self, model: nn.Module, images: Tensor, *, anchors: int = 3) -> list[AttentionMaps]:
        """Attention of the image tower's class token."""
        assert isinstance(model, ClipPair)
        return clip_attention_maps(model, images)
