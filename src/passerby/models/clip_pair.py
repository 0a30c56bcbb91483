"""CLIP's two towers as one network that compares images with texts, with a vocabulary as small as its captions."""

from typing import Any, cast

import torch
from open_clip.transformer import PatchDropout, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.models.clip import ClipShape, build_clip
from passerby.models.clip_reid import image_widths
from passerby.models.vocabulary import Vocabulary

_LARGEST_SCALE = 4.6052
"""Natural logarithm of 100, as in CLIP: similarities are never sharpened more."""


class ClipPair(nn.Module):
    """An image tower and a text tower that meet in one space.

    Tensors carry open_clip's names; `token_embedding.weight` has only the rows of the vocabulary.

    Args:
        shape: of both towers.
        vocabulary: the tokens that have a row.
    """

    def __init__(self, shape: ClipShape, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.shape, self.vocabulary = shape, vocabulary
        clip = build_clip(shape)
        self.visual = clip.visual
        self.transformer = clip.transformer
        self.ln_final = clip.ln_final
        self.positional_embedding = clip.positional_embedding
        self.text_projection = clip.text_projection
        self.logit_scale = clip.logit_scale
        self.token_embedding = nn.Embedding(len(vocabulary), self.positional_embedding.shape[1])
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.embedding_width = image_widths(clip.visual)[1]

    def keep_patches(self, fraction: float) -> None:
        """Show the image tower only so many of the patches while it learns, others each time; 1: all."""
        if isinstance(self.visual, VisionTransformer):
            dropout = PatchDropout(1 - fraction) if fraction < 1 else nn.Identity()
            self.visual.patch_dropout = dropout.train(self.training)

    def image_features(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] → features [B, E], L2-normalised."""
        return F.normalize(cast(Any, self.visual)(images).float())

    def text_features(self, tokens: Tensor) -> Tensor:
        """CLIP's token numbers, int64 [B, 77] → features [B, E], L2-normalised.

        Attention is causal, so what follows the end of the longest text cannot change a feature and is not computed.
        """
        end = tokens.argmax(1)
        length = int(end.max()) + 1
        stream = self.token_embedding(self.vocabulary.rows(tokens[:, :length])) + self.positional_embedding[:length]
        mask = torch.full((length, length), -torch.inf, device=tokens.device).triu(1)
        stream = cast(Any, self.transformer)(stream, attn_mask=mask)
        last = self.ln_final(stream[torch.arange(len(tokens), device=tokens.device), end])
        return F.normalize((last @ self.text_projection).float())

    def scale(self) -> Tensor:
        """What similarities are multiplied by, a learnable scalar of at most 100."""
        return cast(Tensor, self.logit_scale.clamp(max=_LARGEST_SCALE).exp())

    def embed(self, images: Tensor, camera_slots: Tensor | None = None) -> Tensor:
        """The retrieval feature, float32 [B, E], L2-normalised: the image's place in the joint space."""
        del camera_slots
        return self.image_features(images)

    def embed_text(self, tokens: Tensor) -> Tensor:
        """The same for texts, from CLIP's token numbers, int64 [B, 77]."""
        return self.text_features(tokens)
