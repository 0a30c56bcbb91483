"""Search a gallery with a benchmark's queries, and compare with what `passerby eval` says of the same model.

Every gallery image becomes a tracklet of its own. Galleries keep features as float16; the figures show what that costs.

    python benchmarks/gallery_accuracy.py tiny-clip --data market1501-dev --root .data/market1501-dev
"""

import tempfile

import numpy as np

import passerby
from image_gallery import parsed, tracklets_of
from passerby.data import Split, load_benchmark
from passerby.evaluation.evaluate import embed_split
from passerby.gallery import open_gallery
from passerby.inference.camera_embedding import find_trained_cameras
from passerby.workflows.indexing.tracked_people import model_key


def main() -> None:
    arguments = parsed(__doc__)
    benchmark = load_benchmark(arguments.data, arguments.root)
    model = passerby.load(arguments.model)
    query, gallery = benchmark.query_and_gallery()
    cameras = find_trained_cameras(model.description, benchmark)
    _, query_features = embed_split(model, query, "embedding queries", cameras)
    _, gallery_features = embed_split(model, gallery, "embedding gallery", cameras)
    scores = searched(model, gallery, query_features, gallery_features)
    rows = [("passerby eval", ranked(query, gallery, query_features @ gallery_features.T))]
    rows.append(("search of a gallery", ranked(query, gallery, scores)))
    print("| | mAP | rank-1 |\n|---|---|---|")
    for name, (mean_precision, rank1) in rows:
        print(f"| {name} | {100 * mean_precision:.3f} | {100 * rank1:.3f} |")


def searched(
    model: passerby.Embedder, gallery: Split, query_features: np.ndarray, gallery_features: np.ndarray
) -> np.ndarray:
    """Scores of every query with every gallery image, as a gallery's search gives them, [Q, G]."""
    key = model_key(model, "model")
    scores = np.zeros((len(query_features), len(gallery_features)), np.float32)
    with tempfile.TemporaryDirectory() as folder, open_gallery(folder, create=True) as opened:
        opened.add(tracklets_of("image", gallery, gallery_features, key, pictures=True))
        for row, feature in enumerate(query_features):
            for hit in opened.search(feature, count=len(gallery_features)):
                scores[row, hit.tracklet.number - 1] = hit.score
    return scores


def ranked(query: Split, gallery: Split, scores: np.ndarray) -> tuple[float, float]:
    """mAP and rank-1 of scores [Q, G]; images of the query's own person and camera are left out."""
    assert query.cameras is not None
    assert gallery.cameras is not None
    precisions, firsts = [], []
    for row in range(len(query)):
        same = gallery.identities == query.identities[row]
        counted = ~(same & (gallery.cameras == query.cameras[row])) & (gallery.identities != -1)
        right = same[counted][np.argsort(-scores[row][counted], kind="stable")]
        if right.any():
            places = np.flatnonzero(right) + 1
            precisions.append(float(np.mean(np.arange(1, len(places) + 1) / places)))
            firsts.append(bool(right[0]))
    return float(np.mean(precisions)), float(np.mean(firsts))


if __name__ == "__main__":
    main()
