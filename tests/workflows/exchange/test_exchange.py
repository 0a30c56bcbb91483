"""Galleries become tables and tables galleries, and nothing is lost on the way."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import passerby
from passerby.cli import app
from passerby.errors import CheckpointError, DataError, GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Crop
from passerby.workflows.exchange.export_gallery import export_gallery
from passerby.workflows.exchange.import_table import import_table
from tests.gallery.people import MODEL, crowd, made_up, unit
from tests.inference.test_file_embedder import write_model


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 24, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Tracklets with two pictures, one, or none; identities, one of them named; some without identity."""
    tracklets = [
        replace(each, crops=[Crop(frame, jpeg(10 * number + frame)) for frame in range(5, 5 + number % 3)])
        for number, each in enumerate(made_up(40))
    ]
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        opened.add(tracklets[:36])
        opened.identify(threshold=0.5)
        opened.add(tracklets[36:])
        opened.name(2, "Anna", notes="a red coat")
    return tmp_path / "gallery"


def content(gallery: Gallery) -> list[Any]:
    """All that the gallery holds but for numbers and when it was added."""
    found: list[Any] = []
    for each in gallery.get(gallery.numbers()):
        feature = gallery.features([each.number], MODEL)[each.number]
        halves = None if feature.halves is None else feature.halves.tolist()
        found.append((replace(each, number=0, identity=None, added=datetime.now(UTC).min), gallery.crops(each.number)))
        found.append((feature.vector.tolist(), halves))
    keys = {number: each.key for number in gallery.numbers() for each in gallery.get([number])}
    people = [(p.name, p.notes, p.confirmed, sorted(keys[n] for n in p.tracklets)) for p in gallery.identities()]
    return [found, sorted(people, key=str), gallery.models()]


def test_an_exported_gallery_comes_back_to_the_bit(gallery: Path, tmp_path: Path) -> None:
    done = export_gallery(gallery, tmp_path / "people.parquet", reason="moving house")
    assert (done.tracklets, done.crops) == (40, 39)
    back = import_table(tmp_path / "people.parquet", tmp_path / "back", reason="moved")
    with open_gallery(gallery) as before, open_gallery(tmp_path / "back") as after:
        assert content(after) == content(before)
        assert (before.log()[-1].action, before.log()[-1].reason) == ("export", "moving house")
        assert (after.log()[-1].action, after.log()[-1].reason) == ("import", "moved")
        assert back.identities == len(before.identities())
        assert after.verify() == []
    again = import_table(tmp_path / "people.parquet", tmp_path / "back")
    assert (again.new, again.known, again.identities) == (0, 40, 0)


def test_the_same_export_gives_the_same_bytes_and_leaves_out_the_erased(gallery: Path, tmp_path: Path) -> None:
    done = export_gallery(gallery, tmp_path / "people.parquet")
    first = done.table.read_bytes()
    assert export_gallery(gallery, tmp_path / "people.parquet").table.read_bytes() == first
    with open_gallery(gallery) as opened:
        receipt = opened.erase([3])
        assert receipt.files_left == [str(done.table)]
        assert list(done.pictures.glob("000003-*"))
    export_gallery(gallery, tmp_path / "people.parquet")
    assert not list(done.pictures.glob("000003-*"))
    with open_gallery(gallery) as opened:
        assert opened.erase([7]).files_left == [str(done.table)]
    (tmp_path / "mine-pictures").mkdir()
    with pytest.raises(DataError, match="holds something else than pictures of an export"):
        export_gallery(gallery, tmp_path / "mine.parquet")
    with pytest.raises(GalleryError, match="no features of other, but of made-up"):
        export_gallery(gallery, tmp_path / "people.parquet", model="other")


def test_an_import_that_was_killed_before_people_were_known_is_finished(gallery: Path, tmp_path: Path) -> None:
    export_gallery(gallery, tmp_path / "people.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gallery, "take_over", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            import_table(tmp_path / "people.parquet", tmp_path / "back")
    import_table(tmp_path / "people.parquet", tmp_path / "back")
    with open_gallery(gallery) as before, open_gallery(tmp_path / "back") as after:
        assert content(after) == content(before)
        after.undo()
        assert after.identities() == []


def features(count: int) -> np.ndarray:
    return unit(np.random.default_rng(3).standard_normal((count, 8)))


def write(file: Path, **columns: Any) -> Path:
    vectors = columns.pop("embedding", None)
    arrays = {name: pa.array(values) for name, values in columns.items()}
    if vectors is not None:
        arrays["embedding"] = pa.array(list(vectors), pa.list_(pa.float32()))
    pq.write_table(pa.table(arrays), file)
    return file


def test_features_without_pictures_are_tracklets_each_and_nobody_is_seen_at_once(tmp_path: Path) -> None:
    vectors = features(6)
    table = write(
        tmp_path / "own.parquet",
        embedding=3 * vectors,
        camera=["a", "b"] * 3,
        identity=["p", "p", "q", "-1", "0", None],
    )
    done = import_table(table, tmp_path / "gallery", features="mine")
    assert (done.new, done.identities) == (6, 2)
    with open_gallery(tmp_path / "gallery") as opened:
        assert len({each.video for each in opened.get(opened.numbers())}) == 6
        assert opened.cameras() == {"a": 3, "b": 3}
        hits = opened.search(vectors[2])
        assert (hits[0].tracklet.number, hits[0].score) == (3, pytest.approx(1, abs=1e-3))
        assert [each.identity for each in opened.get([1, 2, 3, 4, 5, 6])] == [1, 1, 2, None, None, None]
        assert opened.calibration().rates is None or not opened.calibration().rates


def test_pictures_are_embedded_and_grouped_by_track(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx")
    for number in range(4):
        Image.open(io.BytesIO(jpeg(number))).save(tmp_path / f"{number}.png")
    (tmp_path / "4.jpg").write_bytes(jpeg(4))
    times = [datetime(2026, 5, 1, 8, 0, second, tzinfo=UTC) for second in (9, 2, 5, 7, 8)]
    table = write(
        tmp_path / "own.parquet",
        path=["0.png", "1.png", "2.png", "3.png", "4.jpg"],
        track=["t", "t", None, None, "u"],
        video=["v", "v", "v", "v", "w"],
        time=times,
    )
    done = import_table(table, tmp_path / "gallery", model=model)
    assert (done.new, done.identities) == (4, 0)
    embedder = passerby.load(model)
    with open_gallery(tmp_path / "gallery") as opened:
        track, second, third, jpeg_track = opened.get([1, 2, 3, 4])
        assert (track.taken_from, track.taken_to, track.frames, track.height) == (times[1], times[0], 2, 48.0)
        assert (track.video, jpeg_track.video, track.camera) == ("v", "w", "unknown")
        assert len({track.video, second.video, third.video}) == 3
        assert opened.crops(4)[0].jpeg == jpeg(4)
        stored = [np.asarray(Image.open(io.BytesIO(crop.jpeg)).convert("RGB")) for crop in opened.crops(1)]
        expected = embedder.embed(stored).mean(0)
        assert opened.feature(1, opened.models()[0]) == pytest.approx(expected / np.linalg.norm(expected), abs=1e-3)
    assert (
        passerby.search(tmp_path / "gallery", passerby.Query(pictures=[tmp_path / "2.png"]), model=model)[0].score > 0.9
    )


@pytest.mark.parametrize(
    ("columns", "given", "said"),
    [
        ({"camera": ["a"]}, {}, "neither a column `path` nor `embedding`"),
        ({"embedding": features(1)}, {}, "say which model its embeddings are of"),
        ({"embedding": np.full((1, 8), np.nan)}, {"features": "x"}, "row 1: its embedding is not finite"),
        ({"embedding": [[1.0], [1.0, 2.0]]}, {"features": "x"}, "lists of different lengths"),
        ({"path": ["none.jpg"]}, {"features": "x"}, "has no column `embedding`"),
        ({"path": ["none.jpg"]}, {}, r"none\.jpg"),
        (
            {"embedding": features(2), "track": ["t", "t"], "identity": ["p", "q"]},
            {"features": "x"},
            "rows of one track differ in `identity`",
        ),
        ({"embedding": features(1), "time": [datetime(2026, 5, 1)]}, {"features": "x"}, "its time has no time zone"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(
    columns: dict[str, Any], given: dict[str, str], said: str, tmp_path: Path
) -> None:
    table = write(tmp_path / "own.parquet", **columns)
    with pytest.raises(DataError, match=said) as told:
        import_table(table, tmp_path / "gallery", **given)
    assert "\n" not in str(told.value)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.parquet").write_text("nothing")
    with pytest.raises(DataError, match=r"own\.parquet: is no table that can be read"):
        import_table(tmp_path / "own.parquet", tmp_path / "gallery")
    with pytest.raises(DataError, match=r"none\.csv: is no table that can be read \(No such file or directory\)"):
        import_table(tmp_path / "none.csv", tmp_path / "gallery")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["gallery", *map(str, arguments)])


def test_the_commands_export_and_import(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        opened.add(crowd(12))
    done = run("export", tmp_path / "gallery", "-o", tmp_path / "people.parquet", "--json")
    assert json.loads(done.stdout)["tracklets"] == 12
    back = run("import", tmp_path / "people.parquet", "-o", tmp_path / "back", "--json")
    assert json.loads(back.stdout)["new"] == 12
    csv = tmp_path / "people.csv"
    (tmp_path / "0.jpg").write_bytes(jpeg(0))
    csv.write_text("path,camera,time\n0.jpg,0007,2026-05-01T08:00:00Z\n")
    model = write_model(tmp_path / "model.onnx")
    assert run("import", csv, "-o", tmp_path / "of-csv", "--model", model).exit_code == 0
    with open_gallery(tmp_path / "of-csv") as opened:
        assert opened.cameras() == {"0007": 1}
        assert opened.get([1])[0].taken_from == datetime(2026, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": ["noon"]}, "column `time` holds string, not seconds or moments"),
        ({"frame": ["third"]}, "column `frame` holds string, not numbers"),
        ({"height": [True]}, "column `height` holds bool, not numbers"),
        ({"time": [float("nan")]}, "row 1: its time is not finite"),
        ({"frame": [float("inf")]}, "row 1: its frame is not finite"),
        ({"height": []}, "has no rows"),
    ],
)
def test_columns_that_are_no_numbers_are_told_by_name(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    count = len(next(iter(columns.values())))
    vectors = pa.array([[1.0, 2.0]] * count, pa.list_(pa.float32()))
    pq.write_table(pa.table({"embedding": vectors, **columns}), tmp_path / "people.parquet")
    with pytest.raises(DataError, match=message) as caught:
        passerby.import_table(tmp_path / "people.parquet", tmp_path / "gallery", features="mine")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "gallery").exists()


def test_a_table_of_features_alone_is_imported(tmp_path: Path) -> None:
    vectors = pa.array([None, [1.0, 2.0], [2.0, 1.0]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"embedding": vectors}), tmp_path / "people.parquet")
    assert passerby.import_table(tmp_path / "people.parquet", tmp_path / "gallery", features="mine").new == 3


def test_a_gallery_of_features_that_no_model_computed_says_how_it_is_searched(tmp_path: Path) -> None:
    vectors = pa.array([[1.0, 2.0], [2.0, 1.0]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"embedding": vectors}), tmp_path / "people.parquet")
    passerby.import_table(tmp_path / "people.parquet", tmp_path / "gallery", features="mine")
    Image.new("RGB", (20, 40)).save(tmp_path / "picture.jpg")
    for query in (passerby.Query(pictures=[tmp_path / "picture.jpg"]), passerby.Query(text="a man")):
        with pytest.raises(CheckpointError, match=r"its features are of mine, which cannot be loaded .* by tracklet"):
            passerby.search(tmp_path / "gallery", query)
    assert len(passerby.search(tmp_path / "gallery", passerby.Query(tracklet=1))) == 2
