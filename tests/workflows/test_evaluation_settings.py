"""Rarely used settings of an evaluation, and how a camera embedding is named."""

import pytest

from passerby.config import read_settings
from passerby.errors import EvaluationError, RecipeError
from passerby.evaluation.protocol import Protocol, RerankSettings
from passerby.workflows.evaluation_settings import CameraEmbedding, EvaluationSettings


def settings(*assignments: str) -> EvaluationSettings:
    return read_settings(EvaluationSettings, assignments)


def protocol(*assignments: str, rerank: bool = False) -> Protocol:
    return settings(*assignments).protocol(None, multi_query=False, rerank=rerank, open_set_draws=0)


def test_parameters_of_reranking_ask_for_it() -> None:
    assert protocol().rerank is None
    assert protocol(rerank=True).rerank == RerankSettings()
    assert protocol("rerank.k1=50", "rerank.k2=15").rerank == RerankSettings(k1=50, k2=15)
    assert protocol("metric=euclidean") == Protocol("euclidean")
    assert protocol("ties=expected") == Protocol(ties="expected")
    assert settings("check_counts=false").check_counts is False


@pytest.mark.parametrize(
    ("assignment", "error", "message"),
    [
        ("metrik=cosine", RecipeError, "metrik: unknown setting; did you mean 'metric'?"),
        ("rerank.k3=2", RecipeError, "rerank.k3: unknown setting; did you mean 'rerank.k"),
        ("zzz=2", RecipeError, "zzz: unknown setting; `--keys` lists them all"),
        ("metric=l2", RecipeError, "metric: must be 'cosine' or 'euclidean'"),
        ("ties=random", RecipeError, "ties: must be 'gallery' or 'expected'"),
        ("rerank.k1=0", EvaluationError, "must be"),
        ("metric", RecipeError, "'metric' is no setting: write key=value (--keys lists them)"),
    ],
)
def test_other_settings_are_refused(assignment: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        settings(assignment)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("", CameraEmbedding()),
        ("market1501", CameraEmbedding("market1501")),
        ("market1501:3.0", CameraEmbedding("market1501", 3.0)),
        (":0.5", CameraEmbedding(None, 0.5)),
        ("5", CameraEmbedding("5")),
        ("5:2", CameraEmbedding("5", 2.0)),
        ("a:folder/people.csv", CameraEmbedding("a:folder/people.csv")),
    ],
)
def test_a_camera_embedding_is_named_by_data_and_weight(text: str, source: CameraEmbedding) -> None:
    assert CameraEmbedding.parsed(text) == source
