"""What a gallery's index of features finds of real people: recall and how many it compares, by model.

    python benchmarks/gallery_index.py tiny-clip --root .data/market1501-dev

Every image of the benchmark, training images and all, becomes a tracklet of its own. Beside the recall that the gallery
publishes, of its own features, it tells that of the benchmark's queries.
"""

import tempfile

import numpy as np

import passerby
from image_gallery import parsed, tracklets_of
from passerby.data import load_benchmark
from passerby.evaluation.evaluate import embed_split
from passerby.gallery import Gallery, open_gallery
from passerby.workflows.indexing.tracked_people import model_key


def main() -> None:
    arguments = parsed(__doc__)
    benchmark = load_benchmark(arguments.data, arguments.root)
    model = passerby.load(arguments.model)
    key = model_key(model, arguments.model)
    query, gallery = benchmark.query_and_gallery()
    _, queries = embed_split(model, query, "embedding queries", None)
    with tempfile.TemporaryDirectory() as folder, open_gallery(folder, create=True) as opened:
        for name, split in (("gallery", gallery), ("train", benchmark.train)):
            _, features = embed_split(model, split, f"embedding {name}", None)
            opened.add(tracklets_of(name, split, features, key))
        made = opened.index_features(least=1)
        print(f"{made.features:,} features of {made.model}: recall@10 {made.recall_at_10:.4f}, {dict(made.recall)}")
        print(f"compared {100 * (made.compared or 0):.1f} %, used for up to {made.up_to}")
        print(f"queries of the benchmark: recall@10 {found_of(opened, queries):.4f}, {len(queries):,} queries")


def found_of(gallery: Gallery, queries: np.ndarray) -> float:
    """Share of the ten that an exact search finds, over all queries."""
    found = 0
    for query in queries:
        exact, quick = (gallery.search(query, count=10, exact=exact) for exact in (True, False))
        found += len({hit.tracklet.number for hit in exact} & {hit.tracklet.number for hit in quick})
    return found / (10 * len(queries))


if __name__ == "__main__":
    main()
