"""Text features of learned prompts, which later stages compare images with."""

from torch import Tensor

from passerby.models.clip.prompts import IdentityPrompts, TextEncoder, encode_all_prompts


class TextFeatures:
    """Text features of all identities, encoded when they are first asked for and kept: prompts no longer change.

    Args:
        prompts: of every identity.
        encoder: the text tower.
    """

    def __init__(self, prompts: IdentityPrompts, encoder: TextEncoder) -> None:
        self._prompts, self._encoder = prompts, encoder
        self._features: Tensor | None = None

    def __call__(self) -> Tensor:
        """Text features [C, E], float32, not normalised, on the text tower's device."""
        if self._features is None:
            self._features = encode_all_prompts(self._prompts, self._encoder)
        return self._features
