"""Hits are re-ranked as the metric does it on the same features."""

from pathlib import Path

import numpy as np
import pytest

import passerby
from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.metrics import rerank
from passerby.workflows.indexing.searcher import Query, Searcher
from tests.gallery.people import MODEL, made_up


@pytest.mark.parametrize("size", [1, 2, 60])
def test_hits_are_in_the_order_of_the_metric_with_the_scores_of_the_cosine(tmp_path: Path, size: int) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(made_up(size, people=max(1, size // 6)))
        searcher = Searcher(tmp_path / "gallery")
        plain = searcher.search(gallery, Query(tracklet=1), count=size)
        found = searcher.search(gallery, Query(tracklet=1), count=size, rerank=True)
        vectors = np.stack([gallery.feature(hit.tracklet.number, MODEL) for hit in plain])
        query = gallery.feature(1, MODEL)[None]
        order = np.arange(1)
        if size > 1:
            order = np.argsort(rerank(query, vectors, k1=min(20, size), k2=min(6, size))[0], kind="stable")
        assert [hit.tracklet.number for hit in found] == [plain[place].tracklet.number for place in order]
        assert {hit.tracklet.number: hit.score for hit in found} == {hit.tracklet.number: hit.score for hit in plain}
        assert searcher.search(gallery, Query(tracklet=1), count=3, rerank=True) == found[:3]
        assert [entry.action for entry in gallery.log()].count("search") == 3


def test_sentences_are_not_re_ranked(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(made_up(3))
    with pytest.raises(GalleryError, match="a sentence cannot be re-ranked"):
        passerby.search(tmp_path / "gallery", Query(text="a man"), rerank=True)
