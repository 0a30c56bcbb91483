"""SAGA-ReID: an image's feature, gathered from its patches by anchors.

`Saga.embed` reads from image to feature: patch tokens of an inner block (`tokens`), anchors (`text_anchors` and those
made from the image), patches that ask the anchors (`aggregate`), each patch weighted by its attention to its strongest
anchor, and the weighted mean beside the class token and its projection (`fuse`). Patches that resemble no anchor, such
as those of whatever stands before the person, hardly count.

Tensors carry the names of the published code; what it keeps under `clipreid_model.` stands at the top here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast, get_args

import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.errors import RecipeError
from passerby.models.clip.prompts import TextEncoder
from passerby.models.clip.towers import build_clip, vision_tokens
from passerby.models.layers import bn_neck, identity_classifier
from passerby.models.saga.aggregation import Aggregated, aggregate
from passerby.models.saga.anchor_attention import Refinement
from passerby.models.saga.anchor_pooling import keep_heaviest, pool_by_anchor
from passerby.models.saga.anchors import FreeAnchors, TextAnchors
from passerby.models.saga.domain_anchors import domain_anchors
from passerby.models.saga.poolings import FreeAnchorPooling, PoolingBranch, build_branch
from passerby.models.saga.prompts import SagaPromptLearner
from passerby.models.saga.shape import EmbeddingShape, PoolingKind, SagaShape, SagaSizes
from passerby.models.saga.visibility import VisibilityHead

_POOLINGS: tuple[PoolingKind, ...] = get_args(PoolingKind)

TRAINING_ONLY = (
    "prompt_learner.",
    "bottleneck.",
    "classifier.",
    "bn.",
    "classifiers.",
    *(f"poolings.{kind}.{part}." for kind in _POOLINGS for part in ("bn", "classifier")),
)
"""Tensors that embedding does not need."""

CLASS_SIZED = (
    "prompt_learner.ctx_generic",
    "classifier.",
    "classifiers.",
    *(f"poolings.{kind}.classifier." for kind in _POOLINGS),
)
"""Tensors whose size is the number of training identities."""

HEAD = ("text_anchor.", "domain_anchor.", "refine.", "bn.", "classifiers.", "poolings.")
"""Tensors that stage 3 trains; the others are finished before."""

VISIBILITY = ("visibility.",)
"""Tensors of the visibility head, which has a stage of its own."""


class SagaTokens(NamedTuple):
    """What SAGA takes from the image tower, which is frozen while anchors learn.

    Attributes:
        patches: raw patch tokens of each token layer, one layer after the other, [B, L·N, D].
        final: class token after the last block, [B, D].
        projected: the same in the joint image-text space, [B, E].
    """

    patches: Tensor
    final: Tensor
    projected: Tensor


class Saga(nn.Module):
    """The network of SAGA-ReID.

    Args:
        shape: of the network.
        sizes: what depends on the training set.
        clip_tensors: CLIP's weights (see `build_clip`); None: random.

    Raises:
        RecipeError: the image tower is no vision transformer, or the anchors do not fit it.
    """

    backbone: VisionTransformer
    _frozen_anchors: Tensor | None

    def __init__(self, shape: SagaShape, sizes: SagaSizes, *, clip_tensors: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.shape, self.sizes = shape, sizes
        clip, anchors = build_clip(shape.clip, clip_tensors), shape.anchors
        if not isinstance(clip.visual, VisionTransformer):
            raise RecipeError(f"model.architecture: {shape.clip.architecture} has no patch tokens: use a ViT")
        self.backbone = clip.visual
        self.feature_dim, self.joint_dim = (int(size) for size in clip.visual.proj.shape)
        anchors.check(self.feature_dim, len(clip.visual.transformer.resblocks))
        self.text_encoder = TextEncoder(clip)
        if anchors.kind == "text":
            self.text_anchor: TextAnchors | FreeAnchors = TextAnchors(
                anchors.count,
                clip.token_embedding.weight,
                self.joint_dim,
                self.feature_dim,
                phrase_slots=anchors.phrase_slots,
            )
        else:
            self.text_anchor = FreeAnchors(anchors.count, self.feature_dim)
        self.domain_anchor = domain_anchors(
            anchors.domain,
            anchors.domain_count,
            width=self.feature_dim,
            joint_dim=self.joint_dim,
            heads=anchors.heads,
            cameras=sizes.cameras,
        )
        self.visibility = VisibilityHead(self.feature_dim) if anchors.visibility else None
        paths = [self._refinement() for _ in anchors.token_layers]
        self.refine: nn.Module = paths[0] if len(paths) == 1 else nn.ModuleList(paths)
        self.poolings = nn.ModuleDict(
            {kind: build_branch(kind, anchors, self.feature_dim, sizes.classes) for kind in shape.poolings}
        )
        if sizes.classes is not None:
            self.bn = bn_neck(self.feature_dim)
            heads = (identity_classifier(self.feature_dim, sizes.classes) for _ in range(sizes.classifiers))
            self.classifiers = nn.ModuleList(heads)
            self.bottleneck = bn_neck(self.feature_dim)
            self.classifier = identity_classifier(self.feature_dim, sizes.classes)
            self.prompt_learner = SagaPromptLearner(sizes.classes, clip.token_embedding.weight)
        self._cached_anchors: tuple[Any, Tensor] | None = None
        self.register_buffer("_frozen_anchors", None, persistent=False)

    @property
    def embed_dim(self) -> int:
        """Length of the retrieval feature."""
        if self.shape.embedding.parts:
            return self.shape.anchors.count * self.feature_dim
        return 2 * self.feature_dim + self.joint_dim

    def tokens(self, images: Tensor) -> SagaTokens:
        """Run the image tower once on normalised images [B, 3, H, W]."""
        found = vision_tokens(self.backbone, images, blocks=self.shape.anchors.token_layers)
        patches = torch.cat([block[:, 1:] for block in found.blocks], 1)
        return SagaTokens(patches, found.final[:, 0], found.projected[:, 0])

    def text_anchors(self) -> Tensor:
        """The anchors that all images share, [K, D]: computed once and kept while nothing that makes them learns."""
        if self._frozen_anchors is not None:
            return self._frozen_anchors
        tensors = self._anchor_tensors()
        if self.training or (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)):
            return self._computed_anchors()
        # What is computed in inference mode cannot be used for gradients later, so the mode belongs to the key.
        mode = torch.is_inference_mode_enabled()
        key = (mode, [(id(tensor), tensor.data_ptr(), tensor._version) for tensor in tensors])
        if self._cached_anchors is None or self._cached_anchors[0] != key:
            self._cached_anchors = key, self._computed_anchors()
        return self._cached_anchors[1]

    def freeze_anchors(self) -> None:
        """Compute the shared anchors a last time; afterwards nothing changes them, and the text tower is not needed."""
        with torch.no_grad():
            self._frozen_anchors = self._computed_anchors().detach()

    def aggregate(self, patches: Tensor, projected: Tensor, cameras: Tensor | None = None) -> Aggregated:
        """From patch tokens [B, L·N, D] of the image tower to the refined feature and what it was made of.

        Args:
            patches: see `SagaTokens`.
            projected: [B, E], which CLIP-grounded domain anchors read.
            cameras: int64 [B] or None, -1 where unknown, which camera-conditioned domain anchors read.
        """
        paths = list(self.refine) if isinstance(self.refine, nn.ModuleList) else [self.refine]
        anchors = self.text_anchors()
        return aggregate(patches, anchors, self.domain_anchor, paths, projected, cameras, self.visibility)

    def embed_as(self, embedding: EmbeddingShape) -> None:
        """Make the retrieval feature of other parts from now on; nothing that was learned changes."""
        self.shape = replace(self.shape, embedding=embedding)

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The retrieval feature of normalised images [B, 3, H, W], float32 [B, embed_dim], L2-normalised."""
        if self.shape.embedding.parts:
            return F.normalize(self.part_features(images, camera_ids).flatten(1).float())
        return fuse(self.branches(images, camera_ids), self.shape.embedding.weights)

    def branches(self, images: Tensor, camera_ids: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Refined feature [B, D], class token [B, D] and projected feature [B, E], not normalised.

        With `embedding.flip`, each is the mean over the images and their mirror images.
        """
        views = (images, images.flip(3)) if self.shape.embedding.flip else (images,)
        found = []
        for view in views:
            tokens = self.tokens(view)
            refined = self.aggregate(tokens.patches, tokens.projected, camera_ids).refined
            found.append((refined, tokens.final, tokens.projected))
        refined, final, projected = (torch.stack(each).mean(0) for each in zip(*found, strict=True))
        return refined, final, projected

    def part_features(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """Features of the `embedding.parts` anchors that drew most attention, [B, K, D]: of length 1, of the others 0.

        All are kept where `embedding.parts` is 0.

        Raises:
            RecipeError: two token layers, whose anchors are divided among them.
        """
        views = (images, images.flip(3)) if self.shape.embedding.flip else (images,)
        found = []
        for view in views:
            tokens = self.tokens(view)
            features, mass = self.by_anchor(self.aggregate(tokens.patches, tokens.projected, camera_ids))
            found.append(keep_heaviest(features, mass, self.shape.embedding.parts or mass.shape[1]))
        return torch.stack(found).mean(0)

    def by_anchor(self, aggregated: Aggregated) -> tuple[Tensor, Tensor]:
        """A feature of length 1 for each shared anchor, [B, K, D], and the attention it drew in all, [B, K].

        Raises:
            RecipeError: two token layers.
        """
        if len(aggregated.paths) > 1:
            raise RecipeError("features of single anchors need one token layer: set anchors.token_layers to one block")
        (path,) = aggregated.paths
        attention = path.attention[..., : self.shape.anchors.count]
        attention = attention if path.visible is None else attention * path.visible[..., None]
        features, mass = pool_by_anchor(path.tokens, attention)
        return F.normalize(features, dim=2), mass

    def start_refinement(self) -> None:
        """Copy the image tower's blocks into the refinement: each layer starts from the block its tokens come from."""
        paths = list(self.refine) if isinstance(self.refine, nn.ModuleList) else [self.refine]
        blocks = self.backbone.transformer.resblocks
        for path, number in zip(paths, self.shape.anchors.token_layers, strict=True):
            cast(Refinement, path).start_from(blocks[number - 1])
        for branch in self.poolings.values():
            if isinstance(branch, PoolingBranch) and isinstance(branch.pooling, FreeAnchorPooling):
                branch.pooling.refine.start_from(blocks[self.shape.anchors.token_layers[0] - 1])

    def start_classifiers(self) -> None:
        """Forget what the classifiers of the refined feature and the statistics of its neck have learned."""
        self.bn.reset_running_stats()
        for classifier in self.classifiers:
            nn.init.normal_(cast(nn.Linear, classifier).weight, std=0.001)

    def prompt_features(self, labels: Tensor) -> Tensor:
        """Text features [B, E] of the prompts of identities (int64 [B]); not normalised."""
        features: Tensor = self.text_encoder(self.prompt_learner(labels), self.prompt_learner.end)
        return features

    def _refinement(self) -> Refinement:
        anchors = self.shape.anchors
        return Refinement(
            anchors.layers,
            self.feature_dim,
            anchors.heads,
            dropout=anchors.dropout,
            dropped_weights=self.shape.dropped_weights,
        )

    def _computed_anchors(self) -> Tensor:
        """In float32 even under autocast: anchors that are kept serve later passes too."""
        with torch.autocast(self.backbone.conv1.weight.device.type, enabled=False):
            anchors: Tensor = self.text_anchor(self.text_encoder)
        return anchors

    def _anchor_tensors(self) -> list[Tensor]:
        modules: list[nn.Module] = [self.text_anchor]
        if isinstance(self.text_anchor, TextAnchors):
            modules.append(self.text_encoder)
        return [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]


def fuse(branches: tuple[Tensor, ...], weights: tuple[float, ...]) -> Tensor:
    """Join branches, each of length 1, so that cosines of the whole are the weighted means of the branches' cosines.

    Args:
        branches: [B, D_i] each.
        weights: one for each branch, not negative.

    Returns:
        float32 [B, Σ D_i], L2-normalised.
    """
    parts = [F.normalize(part.float()) * weight**0.5 for part, weight in zip(branches, weights, strict=True)]
    return F.normalize(torch.cat(parts, 1))
