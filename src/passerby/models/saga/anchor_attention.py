"""Patches ask anchors: cross-attention, and the stack of layers that refines patch tokens by it.

Tensors carry the names of SAGA's published code (`refine.*`), which are those of torch's own attention.
"""

from typing import NamedTuple, cast

import torch
from open_clip.transformer import ResidualAttentionBlock
from torch import Tensor, nn
from torch.nn import functional as F


class Attended(NamedTuple):
    """What attention returns.

    Attributes:
        output: [B, N, D].
        weights: how much each query looks at each key, averaged over heads, [B, N, A]; rows sum to 1. With
            `dropped_weights` after dropout, so that in training they do not.
    """

    output: Tensor
    weights: Tensor


class AnchorAttention(nn.Module):
    """Attention of several heads whose weights can be had without the dropout that its output is trained with.

    Args:
        width: D.
        heads: how many.
        dropout: probability with which a weight is set to 0 in training.
        dropped_weights: return weights after dropout, as torch's own attention does.
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, dropped_weights: bool = False) -> None:
        super().__init__()
        self.heads, self.dropout, self.dropped_weights = heads, dropout, dropped_weights
        self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * width, width)))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Attended:
        """Queries [B, N, D] attend to keys and values [B, A, D]."""
        parts = zip((queries, keys, values), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        query, key, value = (
            F.linear(part, w, b).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part, w, b in parts
        )
        weights = torch.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5, dim=-1)
        dropped = F.dropout(weights, self.dropout, self.training)
        output = self.out_proj((dropped @ value).transpose(1, 2).flatten(2))
        return Attended(output, (dropped if self.dropped_weights else weights).mean(1))


class RefinementLayer(nn.Module):
    """X + attention(LN X; LN anchors), then X + FFN(LN X); the FFN is four times as wide, with an exact GELU."""

    def __init__(self, width: int, heads: int, dropout: float, *, dropped_weights: bool) -> None:
        super().__init__()
        self.norm_q, self.norm_kv, self.norm_ff = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = AnchorAttention(width, heads, dropout=dropout, dropped_weights=dropped_weights)
        self.ff = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, tokens: Tensor, anchors: Tensor) -> Attended:
        """Refined tokens [B, N, D], and how they looked at the anchors [B, A, D]."""
        normalised = self.norm_kv(anchors)
        attended = self.attn(self.norm_q(tokens), normalised, normalised)
        tokens = tokens + attended.output
        return Attended(tokens + self.ff(self.norm_ff(tokens)), attended.weights)

    @torch.no_grad()
    def start_from(self, block: ResidualAttentionBlock) -> None:
        """Copy the weights of a block of CLIP's tower.

        A warm start, not the same function: the block attends with another number of heads and activates with
        QuickGELU.
        """
        pairs = (
            (self.attn.in_proj_weight, block.attn.in_proj_weight),
            (self.attn.in_proj_bias, block.attn.in_proj_bias),
        )
        for target, value in pairs:
            target.copy_(value)
        modules = (
            (self.attn.out_proj, block.attn.out_proj),
            (self.norm_q, block.ln_1),
            (self.norm_kv, block.ln_1),
            (self.norm_ff, block.ln_2),
            (self.ff[0], block.mlp.c_fc),
            (self.ff[3], block.mlp.c_proj),
        )
        for module, given in modules:
            module.load_state_dict(given.state_dict())


class Refinement(nn.Module):
    """Layers with weights of their own that all see the same anchors; the last one's attention weights are returned."""

    def __init__(
        self, layers: int, width: int, heads: int, *, dropout: float = 0.1, dropped_weights: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            RefinementLayer(width, heads, dropout, dropped_weights=dropped_weights) for _ in range(layers)
        )

    def forward(self, tokens: Tensor, anchors: Tensor) -> Attended:
        """Refined tokens [B, N, D] and the last layer's weights [B, N, A] on anchors [B, A, D]."""
        attended = Attended(tokens, tokens)
        for layer in self.layers:
            attended = layer(attended.output, anchors)
        return attended

    def start_from(self, block: ResidualAttentionBlock) -> None:
        """Let every layer start from a block of CLIP's tower."""
        for layer in self.layers:
            cast(RefinementLayer, layer).start_from(block)
