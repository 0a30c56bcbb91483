"""The network of CLIP-ReID: CLIP's image tower, two BNNecks with classifiers, and a prompt per identity.

Its tensors carry the names of the published checkpoints, so official files load as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.errors import DataError
from passerby.models.clip.prompts import PromptLearner, TextEncoder
from passerby.models.clip.towers import ClipShape, build_clip, image_dims, residual_maps, vision_tokens
from passerby.models.layers import bn_neck, identity_classifier

CAMERA_EMBEDDING = "cv_embed"
"""The tensor of the camera embedding."""

CLASS_SIZED = ("classifier.", "classifier_proj.", "prompt_learner.cls_ctx", CAMERA_EMBEDDING)
"""Tensors whose size is the number of training identities or cameras; another training set needs its own."""

TRAINING_ONLY = ("classifier.", "classifier_proj.", "prompt_learner.", "text_encoder.")
"""Tensors that embedding does not need."""


@dataclass(frozen=True)
class ClipReidSizes:
    """What of the network depends on the training set.

    Attributes:
        classes: number of training identities; None for embedding only (no classifiers, no prompts).
        camera_count: rows of the camera embedding: cameras, or cameras × views; 0 for none.
        prompts: whether prompts and the text tower are present (not in the baseline).
    """

    classes: int | None
    camera_count: int = 0
    prompts: bool = True


class ImageFeatures(NamedTuple):
    """An image batch as CLIP-ReID sees it; not normalised.

    Attributes:
        last: second to last layer, [B, D] (vision transformer: class token before the last block, without norm;
            residual network: average of the third group, [B, D/2]).
        final: last layer, [B, D] (768 for ViT-B/16, 2048 for RN50).
        projected: in the joint image-text space, [B, E] (512, 1024).
    """

    last: Tensor
    final: Tensor
    projected: Tensor


class ClipReid(nn.Module):
    """CLIP-ReID, or its baseline without prompts.

    Args:
        shape: of CLIP's towers.
        sizes: what depends on the training set.
        camera_coefficient: weight of the camera embedding on the class token.
        clip_tensors: CLIP's weights (see `build_clip`); None: random.
    """

    def __init__(
        self,
        shape: ClipShape,
        sizes: ClipReidSizes,
        *,
        camera_coefficient: float = 1.0,
        clip_tensors: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.sizes = shape, sizes
        clip = build_clip(shape, clip_tensors)
        self.image_encoder = clip.visual
        feature_dim, joint_dim = image_dims(clip.visual)
        self.camera_coefficient = camera_coefficient
        self.bottleneck = bn_neck(feature_dim)
        self.bottleneck_proj = bn_neck(joint_dim)
        if sizes.classes is not None:
            self.classifier = identity_classifier(feature_dim, sizes.classes)
            self.classifier_proj = identity_classifier(joint_dim, sizes.classes)
            if sizes.prompts:
                self.prompt_learner = PromptLearner(sizes.classes, clip.token_embedding.weight)
                self.text_encoder = TextEncoder(clip)
        if sizes.camera_count and isinstance(clip.visual, VisionTransformer):
            self.cv_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(sizes.camera_count, feature_dim), std=0.02))
        self.joint_dim, self.embed_dim = joint_dim, feature_dim + joint_dim

    def features(self, images: Tensor, camera_ids: Tensor | None = None, *, with_cameras: bool = True) -> ImageFeatures:
        """Features of images [B, 3, H, W].

        Args:
            images: float, normalised.
            camera_ids: int64 [B], rows of the camera embedding (camera, or camera · views + view). Where it is None
                or -1, a network with a camera embedding uses the mean of its rows.
            with_cameras: False leaves the camera embedding out altogether.
        """
        tower = self.image_encoder
        if isinstance(tower, ModifiedResNet):
            maps = residual_maps(tower, images)
            return ImageFeatures(maps.third.mean((2, 3)), maps.fourth.mean((2, 3)), maps.projected)
        vision = cast(VisionTransformer, tower)
        before_last = len(vision.transformer.resblocks) - 1
        offset = self._camera_offset(images.shape[0], camera_ids) if with_cameras else None
        tokens = vision_tokens(vision, images, blocks=(before_last,), class_offset=offset)
        return ImageFeatures(tokens.blocks[0][:, 0], tokens.final[:, 0], tokens.projected[:, 0])

    def forward(self, images: Tensor, camera_ids: Tensor | None = None) -> tuple[ImageFeatures, tuple[Tensor, Tensor]]:
        """Features before the necks, and the identity logits [B, C] of both heads."""
        features = self.features(images, camera_ids)
        logits = (
            self.classifier(self.bottleneck(features.final)),
            self.classifier_proj(self.bottleneck_proj(features.projected)),
        )
        return features, logits

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The retrieval feature: final and projected feature, jointly L2-normalised, float32 [B, 1280] (RN50: 3072).

        Raises:
            DataError: a camera that a network with a camera embedding does not know; -1 stands for any unknown one.
        """
        if camera_ids is not None:
            self._check_cameras(camera_ids)
        features = self.features(images, camera_ids)
        return F.normalize(torch.cat([features.final, features.projected], 1).float())

    def prompt_features(self, labels: Tensor) -> Tensor:
        """Text features [B, E] of the prompts of identities (int64 [B]); not normalised."""
        features: Tensor = self.text_encoder(self.prompt_learner(labels), self.prompt_learner.end)
        return features

    def _check_cameras(self, slots: Tensor) -> None:
        known = self.sizes.camera_count if hasattr(self, CAMERA_EMBEDDING) else 0
        wrong = slots[(slots < -1) | (slots >= known)] if known else slots[:0]
        if len(wrong):
            raise DataError(
                f"camera {int(wrong[0])} is not one of the {known} cameras this model was trained on "
                f"(0 to {known - 1}): give -1 for an unknown camera"
            )

    def _camera_offset(self, count: int, slots: Tensor | None) -> Tensor | None:
        table: Tensor | None = getattr(self, CAMERA_EMBEDDING, None)
        if table is None:
            return None
        mean = table.mean(0).expand(count, -1)
        if slots is None:
            return self.camera_coefficient * mean
        known = (slots >= 0)[:, None]
        return self.camera_coefficient * torch.where(known, table[slots.clamp(min=0)], mean)
