"""Re-ranking, pooling and refinement of features by their neighbours."""

from passerby.metrics.reranking.centralisation import centralise
from passerby.metrics.reranking.jaccard import jaccard_distances
from passerby.metrics.reranking.k_reciprocal import check_reranking, rerank
from passerby.metrics.reranking.pooling import Pooled, Pooling, pool, query_groups
from passerby.metrics.reranking.query_expansion import augment_gallery, expand_queries
from passerby.metrics.reranking.score_normalisation import CohortScores, cohort_scores, normalise_scores

__all__ = [
    "CohortScores",
    "Pooled",
    "Pooling",
    "augment_gallery",
    "centralise",
    "check_reranking",
    "cohort_scores",
    "expand_queries",
    "jaccard_distances",
    "normalise_scores",
    "pool",
    "query_groups",
    "rerank",
]
