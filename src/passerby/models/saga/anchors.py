"""Anchors in text space: points that patch tokens are compared with.

Text anchors are sentences whose first words learn, seen through CLIP's frozen text tower; free anchors are plain
vectors, for the ablation. Tensors carry the names of SAGA's published code (`text_anchor.*`).
"""

import torch
from torch import Tensor, nn

from passerby.errors import RecipeError
from passerby.models.clip.prompts import TextEncoder
from passerby.models.clip.tokenizer import tokenizer
from passerby.models.saga.anchor_phrases import phrase_tokens, spread_over_slots

CONTEXT_SLOTS = 16
"""Words before `person.` in every prompt of SAGA."""

_NOISE = 0.01


class TextAnchors(nn.Module):
    """K prompts `[learnable words | words of a fixed phrase] person.`, encoded and projected to the width of patches.

    State: `ctx_main` [K, S, W] learns, `ctx_parts` [K, 16-S, W] does not, `token_prefix` [1, W], `token_suffix`
    [60, W], `tokenized_prompts` int64 [1, 77], `proj.weight` [D, E].

    Args:
        count: number of anchors K.
        token_embedding: embeddings of CLIP's vocabulary, float [49408, W]; the phrases are spelt with them.
        joint_dim: E, width of the text tower's features.
        width: D, width of patch tokens.
        phrase_slots: words that stay fixed. 0: all 16 learn, and start from noise (see `start_from`).
    """

    ctx_parts: Tensor
    token_prefix: Tensor
    token_suffix: Tensor
    tokenized_prompts: Tensor

    def __init__(
        self, count: int, token_embedding: Tensor, joint_dim: int, width: int, *, phrase_slots: int = 12
    ) -> None:
        super().__init__()
        if not 0 <= phrase_slots < CONTEXT_SLOTS:
            raise RecipeError(f"anchors.phrase_slots: {phrase_slots} leaves no word to learn: use 0 to 15")
        table = token_embedding.detach().float()
        tokens = prompt_tokens()
        self.register_buffer("tokenized_prompts", tokens[None].clone())
        self.register_buffer("token_prefix", table[tokens[:1]].clone())
        self.register_buffer("token_suffix", table[tokens[1 + CONTEXT_SLOTS :]].clone())
        learnable = CONTEXT_SLOTS - phrase_slots
        phrases = [table[phrase_tokens(number)] for number in range(count)]
        main = torch.stack([spread_over_slots(phrase, learnable) for phrase in phrases])
        if not phrase_slots:
            main = torch.zeros_like(main)
        self.ctx_main = nn.Parameter(main + _NOISE * torch.randn_like(main))
        parts = [spread_over_slots(phrase, phrase_slots) for phrase in phrases]
        self.register_buffer("ctx_parts", torch.stack(parts))
        self.proj = nn.Linear(joint_dim, width, bias=False)
        nn.init.xavier_uniform_(self.proj.weight)

    def forward(self, encoder: TextEncoder) -> Tensor:
        """The anchors [K, D], not normalised. Gradients reach the learnable words through the frozen encoder."""
        count = len(self.ctx_main)
        prefix, suffix = (part[None].expand(count, -1, -1) for part in (self.token_prefix, self.token_suffix))
        prompts = torch.cat([prefix, self.ctx_main, self.ctx_parts, suffix], 1)
        features = encoder(prompts, int(self.tokenized_prompts[0].argmax()))
        anchors: Tensor = self.proj(features)
        return anchors

    @torch.no_grad()
    def start_from(self, words: Tensor) -> None:
        """Let all anchors without a phrase start from these words [16, W], each with a little noise of its own."""
        self.ctx_main.copy_(words[None] + _NOISE * torch.randn_like(self.ctx_main))


class FreeAnchors(nn.Module):
    """K learnable vectors [K, D] without any text, drawn from a truncated normal distribution (state: `anchors`)."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.anchors = nn.Parameter(nn.init.trunc_normal_(torch.empty(count, width), std=0.02))

    def forward(self, encoder: TextEncoder | None = None) -> Tensor:
        """The anchors [K, D]; no encoder is used."""
        del encoder
        return self.anchors


def prompt_tokens() -> Tensor:
    """Token numbers of SAGA's sentence, int64 [77]: start, 16 words that are replaced, `person.`, end, zeros."""
    sentence = " ".join(["X"] * CONTEXT_SLOTS) + " person."
    tokens: Tensor = tokenizer()([sentence])[0]
    return tokens
