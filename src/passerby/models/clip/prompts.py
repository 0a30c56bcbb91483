"""Prompts that learn: one sentence per identity, a few of whose words are free vectors."""

from typing import Protocol

import open_clip
import torch
from torch import Tensor, nn

CLIP_REID_PROMPT = "A photo of a X X X X person."
"""The sentence of CLIP-ReID; each X is a learnable vector of its identity."""

_LEARNABLE = "X"


class PromptLearner(nn.Module):
    """A prompt of token embeddings for each identity, [C, 77, W]: prefix | learnable words of the identity | suffix.

    State: `cls_ctx` [C, M, W] (the M learnable words, drawn from N(0, 0.02)), and the buffers `token_prefix`
    [1, 1+…, W] and `token_suffix` [1, …, W], which are the embeddings of the words around them. The names are those of
    CLIP-ReID's published checkpoints.

    Args:
        classes: number of identities C.
        token_embedding: embeddings of CLIP's whole vocabulary, float [49408, W].
        sentence: the words; each `X` stands for a learnable vector.
        prefix_words: words before the learnable ones, where those do not stand in the places of the `X` but further on.
            The sentence stays as long as it is: learnable vectors replace what stood there.
    """

    cls_ctx: nn.Parameter
    token_prefix: Tensor
    token_suffix: Tensor

    def __init__(
        self,
        classes: int,
        token_embedding: Tensor,
        sentence: str = CLIP_REID_PROMPT,
        *,
        prefix_words: int | None = None,
    ) -> None:
        super().__init__()
        tokens = open_clip.get_tokenizer("ViT-B-16")([sentence])[0]
        (learnable,) = open_clip.get_tokenizer("ViT-B-16")([_LEARNABLE])[0, 1:2]
        places = (tokens == learnable).nonzero().flatten()
        embedded = token_embedding.detach()[tokens].float()
        self.end = int(tokens.argmax())
        """Position of the end-of-text token, whose output is the sentence's feature."""
        first = int(places[0]) if prefix_words is None else prefix_words + 1  # after the start-of-text token
        self.register_buffer("token_prefix", embedded[None, :first].clone())
        self.register_buffer("token_suffix", embedded[None, first + len(places) :].clone())
        self.cls_ctx = nn.Parameter(torch.empty(classes, len(places), embedded.shape[1]).normal_(std=0.02))

    @property
    def context(self) -> Tensor:
        """The context tokens, float [C, L, W]."""
        return self.cls_ctx

    def forward(self, labels: Tensor) -> Tensor:
        """Token embeddings [B, 77, W] of the prompts of these identities (int64 [B])."""
        count = len(labels)
        return torch.cat(
            [self.token_prefix.expand(count, -1, -1), self.cls_ctx[labels], self.token_suffix.expand(count, -1, -1)], 1
        )


class TextEncoder(nn.Module):
    """CLIP's text tower for prompts that are already embedded.

    It holds the modules of an open_clip model under the names of CLIP-ReID's checkpoints: `transformer`,
    `positional_embedding` [77, W], `ln_final` and `text_projection` [W, E].
    """

    def __init__(self, clip: open_clip.CLIP) -> None:
        super().__init__()
        self.transformer = clip.transformer
        self.positional_embedding = clip.positional_embedding
        self.ln_final = clip.ln_final
        self.text_projection = clip.text_projection

    def forward(self, prompts: Tensor, end: int) -> Tensor:
        """Features [B, E] of prompts [B, L, W] whose end-of-text token stands at position `end`; not normalised.

        Attention is causal, so what follows the end cannot change the feature and is not computed.
        """
        length = end + 1
        mask = torch.full((length, length), -torch.inf, device=prompts.device).triu(1)
        stream = prompts[:, :length] + self.positional_embedding[:length].to(prompts.dtype)
        stream = self.transformer(stream, attn_mask=mask)
        features: Tensor = self.ln_final(stream[:, end]) @ self.text_projection
        return features


class IdentityPrompts(Protocol):
    """A prompt with context tokens of its own for every identity."""

    end: int

    @property
    def context(self) -> Tensor:
        """The context tokens, float [C, L, W]."""
        ...

    def __call__(self, labels: Tensor) -> Tensor:
        """Token embeddings [B, 77, W] of the prompts of identities (int64 [B])."""
        ...


def encode_all_prompts(prompts: IdentityPrompts, encoder: TextEncoder, *, batch: int = 256) -> Tensor:
    """Text features [C, E] of all identities, float32, without gradient, in batches; full precision under autocast."""
    device = prompts.context.device
    labels = torch.arange(len(prompts.context))
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        return torch.cat([encoder(prompts(part.to(device)), prompts.end) for part in labels.split(batch)])
