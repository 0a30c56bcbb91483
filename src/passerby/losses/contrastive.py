"""Supervised contrastive loss between two sets of features, as CLIP-ReID's first stage uses it."""

from torch import Tensor
from torch.nn.functional import log_softmax


def supervised_contrastive(rows: Tensor, columns: Tensor, row_labels: Tensor, column_labels: Tensor) -> Tensor:
    r"""Pull each row towards all columns of its own identity.

    With :math:`s_{ij} = r_i \cdot c_j` (features as they are, temperature 1) and :math:`P(i)` the columns that carry
    the label of row i:

    .. math:: L = -\frac{1}{B} \sum_i \frac{1}{|P(i)|} \sum_{j \in P(i)} \log \frac{e^{s_{ij}}}{\sum_k e^{s_{ik}}}

    Args:
        rows: features [B, D]; columns: features [M, D].
        row_labels: int64 [B]; column_labels: int64 [M]. Every row label must occur among the columns.

    Source: CLIP-ReID (AAAI 2023), Eqs. 3 and 4; image-to-text with images as rows, text-to-image the other way round.
    """
    positive = (row_labels[:, None] == column_labels[None, :]).to(rows.dtype)
    log_probability = log_softmax(rows @ columns.T, dim=1)
    return -((positive * log_probability).sum(1) / positive.sum(1)).mean()
