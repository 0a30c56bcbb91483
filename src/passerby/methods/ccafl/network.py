"""The network of CCAFL: CLIP's towers, a pooled retrieval feature behind a neck, and a classifier of all classes."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.models.clip.prompts import PromptLearner, TextEncoder
from passerby.models.clip.towers import ClipShape, build_clip, image_dims, residual_maps, vision_tokens
from passerby.models.layers import CosineClassifier, GeneralisedMean, bn_neck

CLASS_SIZED = ("classifier.", "prompt_learner.cls_ctx")
"""Tensors whose size is the number of classes, which are pairs of a camera and a person in it."""

TRAINING_ONLY = ("classifier.", "prompt_learner.", "text_encoder.")
"""Tensors that embedding does not need."""


class CcaflFeatures(NamedTuple):
    """An image batch as CCAFL sees it.

    Attributes:
        retrieval: GeM of the last map or of the final patch tokens, behind the neck, L2-normalised; float32 [B, D].
        joint: in the joint image-text space, [B, E], not normalised: the attention pool's output, or the projected
            class token.
    """

    retrieval: Tensor
    joint: Tensor


class Ccafl(nn.Module):
    """CCAFL.

    Args:
        shape: of CLIP's towers.
        classes: number of pairs of a camera and a person in it; None for embedding only (no classifier, no prompts).
        prompt_prefix: words before the learnable ones in `A photo of a X X X X person.`; with more than 4 those that
            follow are replaced, as in the published code.
        clip_tensors: CLIP's weights (see `build_clip`); None: random.
    """

    def __init__(
        self,
        shape: ClipShape,
        classes: int | None,
        *,
        prompt_prefix: int = 4,
        clip_tensors: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        clip = build_clip(shape, clip_tensors)
        self.image_encoder = clip.visual
        self.embed_dim, self.joint_dim = image_dims(clip.visual)
        self.pooling = GeneralisedMean()
        self.bottleneck = bn_neck(self.embed_dim)
        if classes is not None:
            self.classifier = CosineClassifier(self.embed_dim, classes)
            self.prompt_learner = PromptLearner(classes, clip.token_embedding.weight, prefix_words=prompt_prefix)
            self.text_encoder = TextEncoder(clip)

    def features(self, images: Tensor) -> CcaflFeatures:
        """Both features of images, float [B, 3, H, W], normalised."""
        pooled, joint = self.pooled(images)
        return CcaflFeatures(self.after_bnneck(pooled), joint)

    def after_bnneck(self, pooled: Tensor) -> Tensor:
        """The retrieval feature, float32 [B, D] of length 1, from what is pooled, [B, D]."""
        return F.normalize(self.bottleneck(pooled).float())

    def pooled(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What is pooled of images before the neck, float32 [B, D], and the image-text feature, [B, E]."""
        tower = self.image_encoder
        if isinstance(tower, ModifiedResNet):
            maps = residual_maps(tower, images)
            places, joint = maps.fourth.flatten(2).transpose(1, 2), maps.projected
        else:
            tokens = vision_tokens(cast(VisionTransformer, tower), images)
            places, joint = tokens.final[:, 1:], tokens.projected[:, 0]
        return self.pooling(places.float()), joint

    def forward(self, images: Tensor) -> CcaflFeatures:
        """`features`."""
        return self.features(images)

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The retrieval feature alone, float32 [B, D] (2048 for RN50), L2-normalised; cameras make no difference."""
        return self.features(images).retrieval

    def prompt_features(self, labels: Tensor) -> Tensor:
        """Text features [B, E] of the prompts of classes (int64 [B]); not normalised."""
        return cast(Tensor, self.text_encoder(self.prompt_learner(labels), self.prompt_learner.end))
