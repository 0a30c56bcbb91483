"""Losses between images and texts, as CLIP-ReID uses them."""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.products import inner_products


def supervised_contrastive(rows: Tensor, columns: Tensor, row_labels: Tensor, column_labels: Tensor) -> Tensor:
    r"""Pull each row towards all columns of its own identity.

    With :math:`s_{ij} = r_i \cdot c_j` (features as they are, temperature 1) and :math:`P(i)` the columns that carry
    the label of row i:

    .. math:: L = -\frac{1}{B} \sum_i \frac{1}{|P(i)|} \sum_{j \in P(i)} \log \frac{e^{s_{ij}}}{\sum_k e^{s_{ik}}}

    Products are taken in float32, also under autocast.

    Args:
        rows: features [B, D]; columns: features [M, D].
        row_labels: int64 [B]; column_labels: int64 [M]. Every row label must occur among the columns.

    Source: CLIP-ReID (AAAI 2023), first stage; image-to-text with images as rows, text-to-image the other way round.
    """
    positive = (row_labels[:, None] == column_labels[None, :]).float()
    log_probability = log_softmax(inner_products(rows, columns), dim=1)
    return -((positive * log_probability).sum(1) / positive.sum(1)).mean()


def grouped_contrastive(rows: Tensor, columns: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    """`supervised_contrastive` inside each group alone, summed over the groups of the batch.

    What belongs to another group is neither positive nor negative: with cameras as groups, images of other cameras
    count for nothing, since they could show the same person.

    Args:
        rows: features [B, D]; columns: features [B, D], of the same samples.
        labels: int64 [B]; groups: int64 [B], the same for all samples of a label.

    Source: CCAFL (TCSVT 2025), first stage; a sum over cameras, not a mean.
    """
    terms = []
    for group in groups.unique():
        own = groups == group
        terms.append(supervised_contrastive(rows[own], columns[own], labels[own], labels[own]))
    return torch.stack(terms).sum()


def image_to_text(images: Tensor, texts: Tensor, labels: Tensor, *, label_smoothing: float = 0.1) -> Tensor:
    r"""Each image picks the text of its own identity among those of all identities.

    .. math:: L = -\frac{1}{B} \sum_i \sum_c q_{ic} \log \frac{e^{v_i \cdot t_c}}{\sum_k e^{v_i \cdot t_k}}

    with the smoothed target q of `smoothed_cross_entropy`; features as they are, temperature 1.

    Args:
        images: features v [B, D]; texts: features t [C, D], one per identity.
        labels: int64 [B], rows of `texts`; label_smoothing: fraction spread evenly over all C texts.

    Source: CLIP-ReID (AAAI 2023), second stage.
    """
    return smoothed_cross_entropy(inner_products(images, texts), labels, label_smoothing=label_smoothing)
