"""The triplet loss over the batches of all processes."""

from torch import Tensor

from passerby.distributed.processes import gather_labels, gather_with_gradient
from passerby.losses.triplet import batch_hard_triplet


def gathered_triplet(features: Tensor, labels: Tensor, *, margin: float | None, gather: bool) -> Tensor:
    """`batch_hard_triplet` of this process's images, a scalar.

    Args:
        features: [B, D], not normalised.
        labels: int64 [B].
        margin: None: the soft form.
        gather: mine positives and negatives among the images of all processes, not of this one alone.
    """
    if not gather:
        return batch_hard_triplet(features, labels, margin=margin)
    others, other_labels = gather_with_gradient(features), gather_labels(labels)
    return batch_hard_triplet(features, labels, margin=margin, candidates=others, candidate_labels=other_labels)
