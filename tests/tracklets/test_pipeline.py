import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from passerby.errors import DataError
from passerby.tracklets import (
    OUTCOMES,
    DenoisingOptions,
    LevelStatistics,
    arrangement,
    denoise,
    denoise_table,
    pipeline,
)
from passerby.tracklets.engines import in_files, steps
from passerby.tracklets.levels import cross_video
from passerby.tracklets.tables import ADDED, identities
from tests.tracklets.problems import drawn


def embedding(features):
    return pa.FixedSizeListArray.from_arrays(pa.array(features.ravel(), pa.float32()), features.shape[1])


def table_of(problem, **more):
    count = len(problem.features)
    return pa.table(
        {
            "path": [f"crops/{row:05d}.jpg" for row in range(count)],
            "video": [f"video {video}" for video in problem.videos],
            "track": [f"t{track}" for track in problem.tracklets],
            "frame": pa.array(problem.frames),
            "true_identity": [str(person) for person in problem.truth],
            **more,
        }
    )


@pytest.fixture
def problem():
    return drawn(11, people=10, videos=12, per_video=5, switched=0.15, noise=0.15)


@pytest.fixture
def small_pieces(monkeypatch):
    """Many chunks and blocks."""
    monkeypatch.setattr(pipeline, "arrange", lambda *columns: arrangement.arrange(*columns, chunk_rows=30))
    monkeypatch.setattr(cross_video, "BLOCK_ROWS", 7)
    monkeypatch.setattr(steps, "BLOCK_ROWS", 7)
    monkeypatch.setattr(in_files, "BLOCK_ROWS", 7)


def check(found, out, problem):
    """The table says what denoising in memory says."""
    expected = denoise(problem.features, problem.tracklets, problem.videos, frames=problem.frames)
    table = pq.read_table(out)
    assert table["identity"].to_pylist() == [str(label) for label in expected.identities]
    assert table["new_track"].to_pylist() == expected.tracklets.tolist()
    assert table["outcome"].to_pylist() == [OUTCOMES[code] for code in expected.outcomes]
    for name, values in (
        ("deviation", expected.deviations),
        ("other_distance", expected.other_distances),
        ("identity_distance", expected.identity_distances),
    ):
        np.testing.assert_array_equal(table[name].to_numpy(), values)
    names = [f"t{problem.tracklets[row]}" if row >= 0 else None for row in expected.moved_to]
    assert table["moved_to"].to_pylist() == names
    assert any(names)
    assert found.correlation.levels == expected.levels
    assert all(isinstance(level, LevelStatistics) for level in expected.levels)


def test_equals_denoising_in_memory(problem, tmp_path, small_pieces):
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet", row_group_size=17)
    found = denoise_table(tmp_path / "in.parquet", tmp_path / "out" / "ids.parquet")
    check(found, tmp_path / "out" / "ids.parquet", problem)
    table = pq.read_table(tmp_path / "out" / "ids.parquet")
    assert table.column_names == ["path", "video", "track", "frame", "true_identity", *ADDED]
    assert table["path"][0].as_py() == "../crops/00000.jpg"
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["ids.parquet"]


def test_texts_that_repeat_are_written_out_a_few_rows_at_a_time(problem, tmp_path, monkeypatch):
    monkeypatch.setattr(identities, "_TEXT_BYTES", 1 << 20)
    count = len(problem.features)
    more = {
        "note": pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["long " * 50_000])),
        "number": list(range(count)),
        "tags": [["a", None]] * count,
        "empty": pa.nulls(count, pa.string()),
        "some": [None if row % 3 else str(row) for row in range(count)],
    }
    given = table_of(problem, embedding=embedding(problem.features), **more)
    given = given.set_column(given.column_names.index("note"), "note", given["note"].cast(pa.string()))
    pq.write_table(given, tmp_path / "in.parquet")
    denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet")
    written = pq.read_table(tmp_path / "ids.parquet")
    assert pq.read_metadata(tmp_path / "ids.parquet").num_row_groups > count // 10
    assert written.select([*more, "path", "frame"]).equals(given.select([*more, "path", "frame"]))


def test_options_reach_the_pieces(problem, tmp_path, small_pieces):
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet")
    for choices in (
        {"center": True, "linkage": "average", "exclusive": True},
        {"levels": (1, 3), "linkage": "mutual", "neighbours": 2, "measure_noise": False},
        {"centroids": "running", "min_images": 5, "oversize": "split", "max_component": 3},
    ):
        found = denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet", options=DenoisingOptions(**choices))
        expected = denoise(*problem[:3], frames=problem.frames, **choices)
        assert found.correlation.identities.tolist() == expected.identities.tolist()
        assert found.correlation.levels == expected.levels
        assert pq.read_table(tmp_path / "ids.parquet")["identity"].to_pylist() == [str(i) for i in expected.identities]


def test_takes_an_array_beside_a_csv(problem, tmp_path):
    pa.csv.write_csv(table_of(problem), tmp_path / "in.csv")
    np.save(tmp_path / "features.npy", problem.features.astype(np.float16).astype(np.float32))
    problem = problem._replace(features=np.load(tmp_path / "features.npy"))
    found = denoise_table(tmp_path / "in.csv", tmp_path / "ids.parquet", features=tmp_path / "features.npy")
    check(found, tmp_path / "ids.parquet", problem)


def test_joins_embeddings_by_path(problem, tmp_path):
    pq.write_table(table_of(problem), tmp_path / "in.parquet")
    shuffle = np.random.default_rng(0).permutation(len(problem.features))
    paths = [f"../crops/{row:05d}.jpg" for row in shuffle] + ["../crops/other.jpg"]
    rows = np.concatenate([problem.features[shuffle], np.ones((1, 8), np.float32)])
    (tmp_path / "f").mkdir()
    other = pa.table({"path": paths, "embedding": [row.tolist() for row in rows]})
    pq.write_table(other, tmp_path / "f" / "features.parquet", row_group_size=10)
    found = denoise_table(
        tmp_path / "in.parquet", tmp_path / "ids.parquet", features=tmp_path / "f" / "features.parquet"
    )
    check(found, tmp_path / "ids.parquet", problem)
    pq.write_table(other.slice(3), tmp_path / "f" / "features.parquet")
    with pytest.raises(DataError, match=r"has no embedding of .*crops.* and 2 others of"):
        denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet", features=tmp_path / "f" / "features.parquet")


def test_on_ray_it_is_the_same(problem, tmp_path):
    pytest.importorskip("ray", reason="passerby[ray] is not installed")
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        import passerby.errors
        from passerby.tracklets import DenoisingOptions, arrangement, pipeline
        from passerby.tracklets.engines import in_files, on_ray, steps
        from passerby.tracklets.levels import cross_video
        plain = arrangement.arrange
        pipeline.arrange = lambda *columns: plain(*columns, chunk_rows=60)
        cross_video.BLOCK_ROWS = steps.BLOCK_ROWS = in_files.BLOCK_ROWS = 20
        class InSmallBlocks(on_ray._RunPiece):  # by value, so that workers have small blocks too
            def __call__(self, row):
                from passerby.tracklets.engines import in_files, steps
                from passerby.tracklets.levels import cross_video
                cross_video.BLOCK_ROWS = steps.BLOCK_ROWS = in_files.BLOCK_ROWS = 20
                return super().__call__(row)
        on_ray._RunPiece = InSmallBlocks
        import ray
        ray.init(num_cpus=1, object_store_memory=100 * 2**20, include_dashboard=False, log_to_driver=False)
        folder = Path(sys.argv[1])
        (folder / "started").touch()
        options = DenoisingOptions(linkage="average", half_width=8, exclusive=True)
        pipeline.denoise_table(folder / "in.parquet", folder / "ray.parquet", options=options, engine="ray")
        assert not list(folder.glob(".*.work"))
        try:
            pipeline.denoise_table(folder / "broken.parquet", folder / "none.parquet", engine="ray")
        except passerby.errors.DataError as error:
            (folder / "error").write_text(str(error))
        ray.shutdown()
    """)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet")
    broken = problem.features.copy()
    broken[7] = 0
    pq.write_table(table_of(problem, embedding=embedding(broken)), tmp_path / "broken.parquet")
    environment = os.environ | {"HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"}  # Ray writes into HOME
    try:
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=400, env=environment)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        if not (tmp_path / "started").exists():
            pytest.skip("Ray is installed but does not start on this machine")
        raise
    options = DenoisingOptions(linkage="average", half_width=8, exclusive=True)
    found = denoise_table(tmp_path / "in.parquet", tmp_path / "local.parquet", options=options)
    assert found.correlation.tracklets.max() > 3 * 20  # there were several blocks, with ranges that overlap
    assert (tmp_path / "ray.parquet").read_bytes() == (tmp_path / "local.parquet").read_bytes()
    assert "00007.jpg (row 8 of" in (tmp_path / "error").read_text()


def test_continues_after_a_kill(problem, tmp_path, small_pieces, monkeypatch):
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet")
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from passerby.tracklets import arrangement, pipeline
        from passerby.tracklets.engines import in_files
        plain, save = arrangement.arrange, in_files.save_result
        pipeline.arrange = lambda *columns: plain(*columns, chunk_rows=30)
        def slow(folder, step, piece, result):
            save(folder, step, piece, result)
            if piece == 2:
                time.sleep(1000)
        in_files.save_result = slow
        pipeline.denoise_table(Path(sys.argv[1]), Path(sys.argv[2]))
    """)
    out = tmp_path / "ids.parquet"
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "in.parquet"), str(out)])
    third = tmp_path / ".ids.parquet.work" / "levels-1-2" / "0000002.npz"
    try:
        deadline = time.monotonic() + 240
        while not third.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert third.exists()
    finally:
        process.kill()
        process.wait()
    assert not out.exists()
    made = []
    save = in_files.save_result
    monkeypatch.setattr(in_files, "save_result", lambda *a: (made.append(a[1:3]), save(*a)))
    found = denoise_table(tmp_path / "in.parquet", out)
    check(found, out, problem)
    assert ("levels-1-2", 2) not in made
    assert ("levels-1-2", 3) in made
    assert not third.exists()


def test_other_options_do_not_continue_from_old_pieces(problem, tmp_path, small_pieces, monkeypatch):
    file, out = tmp_path / "in.parquet", tmp_path / "ids.parquet"
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), file)
    options = DenoisingOptions(sigma_discrimination=0.9, max_component=2)
    for _ in range(2):
        with pytest.raises(DataError, match="links chain"):
            denoise_table(file, out, options=options)
    made = []
    save = in_files.save_result
    monkeypatch.setattr(in_files, "save_result", lambda *a: (made.append(a[1]), save(*a)))
    denoise_table(file, out, options=DenoisingOptions(sigma_discrimination=0.9, oversize="keep"))
    assert "levels-1-2" not in made
    assert "level-3" in made
    with pytest.raises(DataError, match="links chain"):
        denoise_table(file, out, options=options)
    made.clear()
    check(denoise_table(file, out), out, problem)
    assert "levels-1-2" in made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["track"]), "has no column 'track'"),
        (lambda t: t.drop_columns(["embedding"]), "has no column 'embedding'"),
        (lambda t: t.slice(0, 0), "has no rows"),
        (
            lambda t: t.set_column(1, "video", [[None, *t["video"].to_pylist()[1:]]]),
            "column 'video' .* is empty in 1 of",
        ),
        (
            lambda t: t.set_column(
                t.column_names.index("embedding"), "embedding", [[[1.0], *[[1.0, 2.0]] * (len(t) - 1)]]
            ),
            "vectors of different lengths",
        ),
    ],
)
def test_says_what_is_wrong_with_a_table(problem, tmp_path, change, message):
    pq.write_table(change(table_of(problem, embedding=embedding(problem.features))), tmp_path / "in.parquet")
    with pytest.raises(DataError, match=message):
        denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet")


def test_says_what_is_wrong_with_features(problem, tmp_path):
    pq.write_table(table_of(problem), tmp_path / "in.parquet")
    np.save(tmp_path / "short.npy", problem.features[1:])
    with pytest.raises(DataError, match=r"short.npy has shape .* needs floats of shape \[\d+, D\]"):
        denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet", features=tmp_path / "short.npy")
    with pytest.raises(DataError, match="not on disk"):
        denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet", features=tmp_path / "none.npy")
    without = table_of(problem, embedding=embedding(problem.features)).drop_columns(["frame"])
    pq.write_table(without, tmp_path / "in.parquet")
    with pytest.raises(DataError, match="no column 'frame'"):
        denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet", options=DenoisingOptions(exclusive=True))


def test_does_not_write_over_what_it_reads(problem, tmp_path):
    table, features = tmp_path / "in.parquet", tmp_path / "f.parquet"
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), table)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), features)
    before = table.read_bytes()
    for out, given in ((table, None), (tmp_path / "." / "f.parquet", features)):
        with pytest.raises(DataError, match="is also the input"):
            denoise_table(table, out, features=given)
    assert table.read_bytes() == before == features.read_bytes()
    with pytest.raises(DataError, match=r"name it .*ids\.parquet"):
        denoise_table(table, tmp_path / "ids.csv")


def test_two_processes_do_not_write_one_table(problem, tmp_path):
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "in.parquet")
    with (
        FileLock(tmp_path / ".ids.parquet.lock"),
        pytest.raises(DataError, match="another process is writing"),
    ):
        denoise_table(tmp_path / "in.parquet", tmp_path / "ids.parquet")
