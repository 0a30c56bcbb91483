"""Identity classification with smoothed labels."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.1) -> Tensor:
    """Cross-entropy against the target (1 - label_smoothing) · one-hot + label_smoothing / C, mean over the batch.

    Args:
        logits: [B, C]; labels: int64 [B]; label_smoothing: fraction spread evenly over all C classes.

    Source: Szegedy et al. 2016, section 7, as used by CLIP-ReID for identities and for image-to-text.
    """
    return cross_entropy(logits.float(), labels, label_smoothing=label_smoothing)
