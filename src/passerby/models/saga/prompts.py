"""SAGA's prompt per identity: eight learnable words, eight empty ones, `person.`"""

import torch
from torch import Tensor, nn

from passerby.models.saga.anchors import CONTEXT_SLOTS, prompt_tokens

LEARNABLE_WORDS = 8


class SagaPromptLearner(nn.Module):
    """Prompts of token embeddings, [C, 77, W]: start | 8 words of the identity | 8 zero vectors | `person.` and end.

    The zero vectors are slots that the published code keeps for a mode it never enters. State: `ctx_generic`
    [C, 8, W], drawn from N(0, 0.02), `token_prefix` [1, 1, W], `token_suffix` [1, 60, W].

    Args:
        classes: number of identities C.
        token_embedding: embeddings of CLIP's vocabulary, float [49408, W].
    """

    token_prefix: Tensor
    token_suffix: Tensor

    def __init__(self, classes: int, token_embedding: Tensor) -> None:
        super().__init__()
        tokens = prompt_tokens()
        embedded = token_embedding.detach()[tokens].float()
        self.end = int(tokens.argmax())
        """Position of the end-of-text token, whose output is the sentence's feature."""
        self.register_buffer("token_prefix", embedded[None, :1].clone())
        self.register_buffer("token_suffix", embedded[None, 1 + CONTEXT_SLOTS :].clone())
        self.ctx_generic = nn.Parameter(torch.empty(classes, LEARNABLE_WORDS, embedded.shape[1]).normal_(std=0.02))

    @property
    def context(self) -> Tensor:
        """The context tokens, float [C, L, W]."""
        return self.ctx_generic

    def forward(self, labels: Tensor) -> Tensor:
        """Token embeddings [B, 77, W] of the prompts of these identities (int64 [B])."""
        words, count = self.ctx_generic[labels], len(labels)
        empty = words.new_zeros(count, CONTEXT_SLOTS - LEARNABLE_WORDS, words.shape[2])
        prefix, suffix = self.token_prefix.expand(count, -1, -1), self.token_suffix.expand(count, -1, -1)
        return torch.cat([prefix, words, empty, suffix], 1)

    def mean_words(self) -> Tensor:
        """The 16 words before `person.`, averaged over identities, [16, W]."""
        words = self.ctx_generic.detach().mean(0)
        return torch.cat([words, words.new_zeros(CONTEXT_SLOTS - len(words), words.shape[1])])
