"""From videos to a gallery, and from a gallery to people."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import passerby
from passerby.cli import main
from passerby.errors import DataError, GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Feature
from passerby.video.detection.detector import Detector
from passerby.workflows.indexing import index as index_module
from passerby.workflows.indexing.source_mark import source_mark
from passerby.workflows.indexing.tracked_people import tracklet_feature
from passerby.workflows.tracking import source_work
from passerby.workflows.tracking import track as track_module
from tests.gallery.servers import Store
from tests.inference.test_file_embedder import write_model
from tests.video.collection.drawn import ReadsBoxes
from tests.workflows.tracking.sequences import read, write_sequence


@pytest.fixture(autouse=True)
def _detector_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    def detector(*_: object) -> Detector:
        return ReadsBoxes()

    for module in (source_work, track_module):
        monkeypatch.setattr(module, "new_detector", detector)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sequence(tmp_path_factory.mktemp("sequences") / "yard", 60)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture
def gallery(yard: Path, model: Path, tmp_path: Path) -> Path:
    passerby.index(yard, tmp_path / "gallery", model=model, start="2026-05-01T08:00:00+02:00")
    return tmp_path / "gallery"


def test_a_gallery_holds_what_tracking_and_embedding_give(yard: Path, model: Path, gallery: Path) -> None:
    tracked = read(passerby.track(yard, gallery.parent / "tracked", start="2026-05-01T08:00:00+02:00").table)
    embedder = passerby.load(model)
    with open_gallery(gallery) as opened:
        assert len(opened) == 2
        for each in opened.get([1, 2]):
            name, _, mark = each.key.partition("@")
            rows = tracked.filter(np.equal(tracked["track"].to_pylist(), name))
            paths = [path for path in rows["path"].to_pylist() if path is not None]
            assert mark == source_mark(yard)
            assert each.frames == len(rows)
            assert each.taken_from == rows["time"][0].as_py() == datetime(2026, 5, 1, 6, tzinfo=UTC)
            assert each.taken_to == rows["time"][len(rows) - 1].as_py()
            assert each.height == np.median(rows["height"].to_numpy())
            assert len(opened.crops(each.number)) == len(paths)
            features = embedder.embed([gallery.parent / "tracked" / path for path in paths]).mean(0)
            expected = features / np.linalg.norm(features)
            assert opened.feature(each.number, opened.models()[0]) == pytest.approx(expected, abs=1e-3)
    assert [file.name for file in gallery.iterdir() if not file.name.startswith(".")] == ["gallery.sqlite"]


def test_indexing_again_changes_nothing_and_the_erased_stays_away(yard: Path, model: Path, gallery: Path) -> None:
    again = passerby.index(yard, gallery, model=model, start="2026-05-01T08:00:00+02:00")
    assert (again.new, again.known, again.erased, again.tracklets) == (0, 2, 0, 2)
    with open_gallery(gallery) as opened:
        opened.erase([1])
    again = passerby.index(yard, gallery, model=model, start="2026-05-01T08:00:00+02:00")
    assert (again.new, again.known, again.erased, again.tracklets) == (0, 1, 1, 1)


def test_another_video_of_the_same_name_is_not_taken_for_it(model: Path, gallery: Path, tmp_path: Path) -> None:
    other = write_sequence(tmp_path / "yard", 40)
    more = passerby.index(other, gallery, model=model, start="2026-05-01T08:00:00+02:00")
    assert (more.new, more.tracklets) == (2, 4)


def test_an_interrupted_call_goes_on(yard: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(index_module, "read_tracked_people", interrupted)
        with pytest.raises(KeyboardInterrupt):
            passerby.index(yard, tmp_path / "gallery", model=model)
    with monkeypatch.context() as patch:
        patch.setattr(track_module, "run_sources", interrupted)  # tracking was done
        assert passerby.index(yard, tmp_path / "gallery", model=model).new == 2


def test_a_person_is_found_by_picture_and_by_tracklet(gallery: Path, model: Path) -> None:
    with open_gallery(gallery) as opened:
        picture = Image.open(io.BytesIO(opened.crops(2)[0].jpeg))
        picture.save(gallery.parent / "somebody.png")
        kept = np.stack([opened.feature(number, opened.models()[0]) for number in (1, 2)])
    likeness = kept @ passerby.load(model).embed(picture)[0]
    hits = passerby.search(gallery, passerby.Query(pictures=[gallery.parent / "somebody.png"]), model=model)
    assert [hit.tracklet.number for hit in hits] == list(np.argsort(-likeness) + 1)
    assert [hit.score for hit in hits] == pytest.approx(sorted(likeness, reverse=True), abs=1e-6)
    hits = passerby.search(gallery, passerby.Query(tracklet=1), crops=gallery.parent / "found", reason="a test")
    assert [hit.tracklet.number for hit in hits] == [1, 2]
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert sorted(file.name for file in (gallery.parent / "found").iterdir()) == ["001-1.jpg", "002-2.jpg"]
    with open_gallery(gallery) as opened:
        assert [entry.reason for entry in opened.log()] == ["", "a test"]
        assert opened.erase([1]).files_removed == 1
    assert [file.name for file in (gallery.parent / "found").iterdir()] == ["002-2.jpg"]


def test_what_cannot_be_searched_is_refused_in_one_line(gallery: Path, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="a sentence, a tracklet, or a photograph; one of them"):
        passerby.Query()
    other = write_model(tmp_path / "other.onnx", seed=1)
    with pytest.raises(GalleryError, match=r"has no features of .*other\.onnx, but of .*model\.onnx"):
        passerby.search(gallery, passerby.Query(tracklet=1), model=other)
    with pytest.raises(GalleryError, match="there is no tracklet 9"):
        passerby.search(gallery, passerby.Query(tracklet=9))
    with pytest.raises(DataError, match="a stream has no end, so it cannot be indexed"):
        passerby.index("rtsp://camera.invalid/stream", gallery)


def test_the_halves_of_a_tracklet_are_those_of_its_time() -> None:
    features = np.eye(4, dtype=np.float32)[[0, 0, 1, 1]]
    made = tracklet_feature(features)
    assert made.halves is not None
    assert made.halves == pytest.approx(np.eye(4)[[0, 1]])
    assert made.vector == pytest.approx(np.array([1, 1, 0, 0]) / np.sqrt(2))
    assert tracklet_feature(features[:1]) == Feature(pytest.approx(features[0]), None)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["passerby", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_the_commands_do_what_the_functions_do(
    gallery: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(gallery)
    _, out, _ = run(capsys, monkeypatch, "search", place, "--tracklet", "1", "--json", "--camera", "yard")
    assert [hit["tracklet"] for hit in json.loads(out)] == [1, 2]
    code, _, err = run(capsys, monkeypatch, "search", place, "--tracklet", "1", "--since", "2026-05-01")
    assert code == 2
    assert "--since needs a time with a time zone" in err
    assert run(capsys, monkeypatch, "gallery", "hold", place, "--tracklet", "1", "--reason", "case 12")[0] == 0
    code, _, err = run(capsys, monkeypatch, "gallery", "erase", place, "1")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "under a legal hold" in err
    assert run(capsys, monkeypatch, "gallery", "release", place, "1")[0] == 0
    _, out, _ = run(capsys, monkeypatch, "gallery", "erase", place, "1", "--reason", "asked for it", "--json")
    assert json.loads(out)["tracklets"] == 1
    _, out, _ = run(capsys, monkeypatch, "gallery", "stats", place, "--json")
    assert json.loads(out)["cameras"] == {"yard": 1}
    _, out, _ = run(capsys, monkeypatch, "gallery", "log", place)
    assert "asked for it" in out
    _, out, _ = run(capsys, monkeypatch, "gallery", "retain", place, "--days", "10000")
    assert out == "Nothing is older.\n"


def test_people_are_named_merged_split_and_taken_back(
    gallery: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(gallery)

    def people() -> list[tuple[str | None, list[int]]]:
        _, out, _ = run(capsys, monkeypatch, "gallery", "identities", place, "--json")
        return sorted((each["name"], each["tracklets"]) for each in json.loads(out))

    code, _, err = run(capsys, monkeypatch, "gallery", "identify", place)
    assert code == 1
    assert "seen at once" in err
    _, out, _ = run(capsys, monkeypatch, "gallery", "identify", place, "--threshold", "0.9", "--json")
    assert json.loads(out)["identities"] == 2  # they were seen at once
    assert people() == [(None, [1]), (None, [2])]
    assert run(capsys, monkeypatch, "gallery", "merge", place, "1", "2")[0] == 0
    assert people() == [(None, [1, 2])]
    assert run(capsys, monkeypatch, "gallery", "split", place, "1", "2")[0] == 0
    assert run(capsys, monkeypatch, "gallery", "undo", place)[0] == 0
    assert run(capsys, monkeypatch, "gallery", "name", place, "1", "Anna")[0] == 0
    assert people() == [("Anna", [1, 2])]
    assert run(capsys, monkeypatch, "gallery", "decide", place, "1", "2")[0] == 2
    code, out, _ = run(capsys, monkeypatch, "gallery", "verify", place)
    assert (code, out) == (0, "Nothing is torn, tampered with or left over.\n")


def test_a_backup_is_made_and_brought_back_without_what_was_erased(
    gallery: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, safe = str(gallery), str(gallery.parent / "safe")
    _, out, _ = run(capsys, monkeypatch, "gallery", "backup", place, safe, "--reason", "weekly", "--json")
    assert json.loads(out)["tracklets"] == 2
    code, _, err = run(capsys, monkeypatch, "gallery", "backup", place, safe)
    assert (code, len(err.splitlines())) == (1, 1)
    assert run(capsys, monkeypatch, "gallery", "erase", place, "1")[0] == 0
    _, out, _ = run(capsys, monkeypatch, "gallery", "restore", safe, "-o", place)
    assert "has 1 tracklets.\n1 of the backup's were erased" in out
    _, out, _ = run(capsys, monkeypatch, "gallery", "restore", safe, "-o", f"{place}-of-old", "--json")
    told = json.loads(out)
    assert datetime.fromisoformat(told.pop("erasures_known_until")) <= datetime.now(UTC)
    assert told == {"tracklets": 2, "erased_again": 0}


def test_videos_are_indexed_into_a_server_and_nothing_of_them_stays_here(
    yard: Path, model: Path, postgres_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    address = postgres_store.location.replace("postgres:@", "postgres:hush-hush@")
    done = passerby.index(yard, address, model=model)
    assert (done.new, done.tracklets, "hush-hush" in str(done)) == (2, 2, False)
    assert passerby.index(yard, address, model=model).known == 2
    with open_gallery(address) as opened:
        assert len(opened.crops(1)) > 0
    left = [file for file in tmp_path.rglob("*") if not file.name.startswith(".")]
    assert [file for file in left if "hush-hush" in file.name or file.suffix in (".jpg", ".parquet")] == []
