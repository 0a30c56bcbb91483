"""CLIP's two towers as one network that compares images with texts, with a vocabulary as small as its captions."""

import torch
from open_clip.transformer import PatchDropout, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.models.clip.towers import ClipShape, build_clip, image_dims
from passerby.models.clip.vocabulary import Vocabulary

_PROJECTIONS = ("proj", "attnpool.c_proj.weight", "attnpool.c_proj.bias")
"""What an image tower ends with, of transformers and of residual networks."""

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
        self.pairs_before = 0
        """How many pairs the weights that training began with had seen."""
        clip = build_clip(shape)
        self.visual = clip.visual
        self.transformer = clip.transformer
        self.ln_final = clip.ln_final
        self.positional_embedding = clip.positional_embedding
        self.text_projection = clip.text_projection
        self.logit_scale = clip.logit_scale
        self.token_embedding = nn.Embedding(len(vocabulary), self.positional_embedding.shape[1])
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.embed_dim = image_dims(clip.visual)[1]

    def keep_patches(self, fraction: float) -> None:
        """Show the image tower only so many of the patches while it learns, others each time; 1: all."""
        if isinstance(self.visual, VisionTransformer):
            dropout = PatchDropout(1 - fraction) if fraction < 1 else nn.Identity()
            self.visual.patch_dropout = dropout.train(self.training)

    def image_features(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] → features [B, E], L2-normalised."""
        return F.normalize(self._projected_images(images))

    def text_features(self, tokens: Tensor) -> Tensor:
        """CLIP's token numbers, int64 [B, 77] → features [B, E], L2-normalised."""
        return F.normalize(self._projected_texts(tokens))

    @torch.no_grad()
    def settle_lengths(self, images: Tensor, tokens: Tensor) -> None:
        """Scale both projections so that inner products of features are the trained similarity, scale times cosine.

        Features of length 1 stay as they are. ReID losses take products of features as they come out of the towers,
        whose lengths mean nothing after contrastive training alone.

        Args:
            images: a usual batch; its features get a length of √scale on average.
            tokens: likewise.
        """
        wanted = self.scale().sqrt()
        image_length = self._projected_images(images).norm(dim=1).mean()
        text_length = self._projected_texts(tokens).norm(dim=1).mean()
        for name, parameter in self.visual.named_parameters():
            if name in _PROJECTIONS:
                parameter.mul_(wanted / image_length)
        self.text_projection.mul_(wanted / text_length)

    def _projected_images(self, images: Tensor) -> Tensor:
        projected: Tensor = self.visual(images).float()
        return projected

    def _projected_texts(self, tokens: Tensor) -> Tensor:
        """Attention is causal, so what follows the end of the longest text changes nothing and is not computed.

        In an exported graph all is computed: its shapes must not depend on the texts.
        """
        end = tokens.argmax(1)
        length = tokens.shape[1] if torch.compiler.is_exporting() else int(end.max()) + 1
        stream = self.token_embedding(self.vocabulary.rows(tokens[:, :length])) + self.positional_embedding[:length]
        mask = torch.full((length, length), -torch.inf, device=tokens.device).triu(1)
        stream = self.transformer(stream, attn_mask=mask)
        last = self.ln_final(stream[torch.arange(tokens.shape[0], device=tokens.device), end])
        projected: Tensor = (last @ self.text_projection).float()
        return projected

    def scale(self) -> Tensor:
        """What similarities are multiplied by, a learnable scalar of at most 100."""
        scale: Tensor = self.logit_scale.clamp(max=_LARGEST_SCALE).exp()
        return scale

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The retrieval feature, float32 [B, E], L2-normalised: the image's place in the joint space."""
        del camera_ids
        return self.image_features(images)

    def embed_text(self, tokens: Tensor) -> Tensor:
        """The same for texts, from CLIP's token numbers, int64 [B, 77]."""
        return self.text_features(tokens)
