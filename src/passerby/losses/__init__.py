"""Losses as functions of tensors. They know nothing of models or data."""

from passerby.losses.anchors import anchor_diversity, anchor_triplet, classifier_diversity, decorrelation
from passerby.losses.camera_adversary import accumulated_identity_loss, camera_adversarial
from passerby.losses.centroids import centroid_contrast, class_centroids
from passerby.losses.circle import circle_logits, cross_entropy_smoothed_over_others
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.cluster_memory import ClusterMemory, hardest_updated
from passerby.losses.contrastive import grouped_contrastive, image_to_text, supervised_contrastive
from passerby.losses.hybrid_memory import HybridMemory, instance_contrast, updated_centroids
from passerby.losses.products import inner_products
from passerby.losses.self_distillation import identity_distillation, moved_centre
from passerby.losses.triplet import batch_hard_triplet, euclidean_distance

__all__ = [
    "ClusterMemory",
    "HybridMemory",
    "accumulated_identity_loss",
    "anchor_diversity",
    "anchor_triplet",
    "batch_hard_triplet",
    "camera_adversarial",
    "centroid_contrast",
    "circle_logits",
    "class_centroids",
    "classifier_diversity",
    "cross_entropy_smoothed_over_others",
    "decorrelation",
    "euclidean_distance",
    "grouped_contrastive",
    "hardest_updated",
    "identity_distillation",
    "image_to_text",
    "inner_products",
    "instance_contrast",
    "moved_centre",
    "smoothed_cross_entropy",
    "supervised_contrastive",
    "updated_centroids",
]
