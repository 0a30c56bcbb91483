"""`passerby gallery erase` shows who would go before it is done, and then nobody of them is in any file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import passerby
from passerby.cli import app
from passerby.errors import DataError, GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Crop, Feature, ModelKey
from passerby.workflows.indexing import photographs
from tests.gallery.erasure.test_erasing import files_with
from tests.gallery.people import crowd, made_up, unit
from tests.gallery.servers import Store
from tests.inference.test_file_embedder import write_model
from tests.video.collection.drawn import ReadsBoxes, picture
from tests.workflows.indexing.test_report import jpeg

PEOPLE = [(20, 50, 60, 150), (150, 20, 200, 120)]


def run(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["gallery", "erase", *map(str, arguments)], input=typed)


@pytest.fixture
def dated(store: Store) -> Store:
    """60 tracklets in three cameras from eight in the morning on, one every ten seconds; the last two of no time."""
    tracklets = [replace(each, crops=[Crop(0, jpeg(number))]) for number, each in enumerate(made_up(60))]
    tracklets[58:] = [replace(each, taken_from=None, taken_to=None) for each in tracklets[58:]]
    with open_gallery(store.location, create=True) as opened:
        opened.add(tracklets)
        opened.hold(tracklet=5, reason="case 12")
    return store


MINUTES = ("--camera", "cam1", "--from", "2026-03-01T08:02:00+00:00", "--to", "2026-03-01T10:05:00+02:00")


def test_an_erasure_by_camera_and_time_is_listed_and_done_with_yes(dated: Store, tmp_path: Path) -> None:
    page = tmp_path / "look.html"
    listed = run(dated.location, *MINUTES, "--page", page)
    assert listed.exit_code == 1
    # cam1 has tracklets 2, 5, 8, …; number n lasts from 10 (n - 1) to 10 (n - 1) + 60 seconds
    expected = [number for number in range(2, 59, 3) if 10 * (number - 1) + 60 >= 120 and 10 * (number - 1) <= 300]
    assert f"{len(expected):,} tracklets are meant." in listed.stdout
    assert "1 more stay, for nobody has said when they were filmed" in listed.stdout
    assert "Nothing was erased" in listed.stderr
    assert page.read_text("utf-8").count("<img") == len(expected)
    told = json.loads(run(dated.location, *MINUTES, "--json").stdout)
    assert [each["tracklet"] for each in told["tracklets"]] == expected
    assert (told["erased"], told["held"], told["undated"]) == (False, [], 1)
    kept = [jpeg(number - 1) for number in expected]
    receipt = json.loads(run(dated.location, *MINUTES, "--yes", "--json", "--reason", "a slip").stdout)
    assert (receipt["tracklets"], receipt["reason"], receipt["files_removed"]) == (len(expected), "a slip", 1)
    assert not page.exists()
    assert files_with(dated.files, [each[-200:-160] for each in kept]) == set()
    with open_gallery(dated.location) as opened:
        assert len(opened) == 60 - len(expected)
        assert (opened.log()[-1].action, opened.log()[-1].reason) == ("erase", "a slip")
    again = run(dated.location, *MINUTES)
    assert (again.exit_code, again.stdout.splitlines()[0]) == (0, "0 tracklets are meant.")


def test_what_is_held_stays(dated: Store) -> None:
    done = run(dated.location, "--camera", "cam1", "--yes")
    assert done.exit_code == 0
    assert "1 more are under a legal hold and stay." in done.stdout
    assert "Erased 19 tracklets" in done.stdout
    assert "Not touched are videos, folders of `passerby track`" in done.stdout
    with open_gallery(dated.location) as opened:
        assert opened.cameras() == {"cam0": 20, "cam1": 1, "cam2": 20}


def test_an_identity_goes_with_all_its_tracklets(dated: Store) -> None:
    with open_gallery(dated.location) as opened:
        opened.identify(threshold=0.5)
        one = next(each for each in opened.identities() if 5 not in each.tracklets)
        (held,) = (each for each in opened.identities() if 5 in each.tracklets)
    assert run(dated.location, "--identity", one.number).exit_code == 0
    refused = run(dated.location, "--identity", held.number)
    assert refused.exit_code == 1
    assert "tracklet 5 is under a legal hold" in str(refused.exception)
    with open_gallery(dated.location) as opened:
        assert one.number not in [each.number for each in opened.identities()]
        assert len(opened) == 60 - len(one.tracklets)


@pytest.fixture
def known(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Path, Path]:
    """400 strangers, so that probabilities are known, and a tracklet of each of two people in a photograph."""
    monkeypatch.setattr(photographs, "open_detector", lambda _: ReadsBoxes())
    photo = tmp_path / "photo.png"
    pixels = picture(PEOPLE)
    pixels[20:120, 150:200] = (250, 10, 10)
    Image.fromarray(pixels).save(photo)
    model_file = write_model(tmp_path / "model.onnx")
    model = passerby.load(model_file)
    key = ModelKey(model.fingerprint().hex(), str(model_file), model.embed_dim)
    people = passerby.find_people(photo, detector="any")
    generator = np.random.default_rng(0)
    halves = unit(
        generator.standard_normal((400, 1, model.embed_dim))
        + 0.2 * generator.standard_normal((400, 2, model.embed_dim))
    )
    tracklets = [
        replace(each, features={key: Feature(unit(own.mean(0)), own)})
        for each, own in zip(crowd(400), halves, strict=True)
    ]
    for number, person in enumerate(people):
        feature = {key: Feature(model.embed(person.picture)[0])}
        crop = Crop(0, generator.bytes(2_000))
        caption = f"walks in as number {number}"
        own = replace(tracklets[0], key=caption, video=f"v{number}", features=feature, crops=[crop], caption=caption)
        tracklets.append(own)
    with open_gallery(store.location, create=True) as opened:
        opened.add(tracklets)
    return store, photo, model_file


def test_who_looks_like_somebody_in_a_photograph_is_shown_and_erased(
    known: tuple[Store, Path, Path], tmp_path: Path
) -> None:
    store, photo, model = known
    several = run(store.location, "--picture", photo, "--find", "--model", model)
    assert several.exit_code == 1
    assert "2 people are in the photograph, from left to right: say which with --person N." in several.stdout
    who = (store.location, "--picture", photo, "--find", "--person", 2, "--model", model, "--probability", 0.95)
    page = tmp_path / "look.html"
    told = json.loads(run(*who, "--json", "--page", page).stdout)["tracklets"]
    assert told[0]["tracklet"] == 402
    assert told[0]["probability"] > 0.95
    assert 401 not in [each["tracklet"] for each in told]
    assert all(each["probability"] >= 0.95 for each in told)
    assert f"<b>402</b><span>{told[0]['probability']:.3f}</span>" in page.read_text("utf-8")
    listed = run(*who)
    assert (listed.exit_code, "Nothing was erased" in listed.stderr) == (1, True)
    pieces = [b"walks in as number 1"]
    assert files_with(store.files, pieces)
    done = run(*who, "--yes", "--reason", "asked for it")
    assert done.exit_code == 0
    assert f"Erased {len(told)} tracklets" in done.stdout
    assert files_with(store.files, pieces) == set()
    assert files_with(store.files, [b"walks in as number 0"])
    assert not page.exists()
    with open_gallery(store.location) as opened:
        assert [each.action for each in opened.log()][-2:] == ["search", "erase"]
        assert opened.receipts()[-1].reason == "asked for it"


def test_python_plans_the_same(known: tuple[Store, Path, Path]) -> None:
    store, photo, model = known
    query = passerby.Query(photo=photo, person=2)
    plan = passerby.plan_erasure(store.location, query, probability=0.95, model=model)
    assert plan.numbers[0] == 402
    assert min(plan.probabilities.values()) >= 0.95
    with pytest.raises(DataError, match="shows 2 people"):
        passerby.plan_erasure(store.location, passerby.Query(photo=photo), model=model)
    with pytest.raises(GalleryError, match="of a sentence it is not known"):
        passerby.plan_erasure(store.location, passerby.Query(text="a man"), model=model)


def test_orders_that_do_not_go_together_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    with open_gallery(gallery, create=True) as opened:
        opened.add(made_up(3))
    for arguments in (
        [],
        ["1", "--camera", "cam0"],
        ["--identity", "1", "--picture", "x.jpg"],
        ["1", "--page", "x.html"],
        ["--camera", "cam0", "--probability", "0.5"],
        ["--camera", "cam0", "--person", "2"],
        ["--from", "yesterday"],
        ["--from", "2026-03-01T08:00:00"],
        ["--picture", ""],
    ):
        assert run(gallery, *arguments, "--yes").exit_code == 2, arguments
    for arguments in (
        ["--camera", "roof"],
        ["7"],
        ["--identity", "7"],
        ["--camera", "cam0", "--page", gallery / "x.html"],
    ):
        assert run(gallery, *arguments, "--yes").exit_code == 1, arguments
    with open_gallery(gallery) as opened:
        assert len(opened) == 3


def test_names_on_the_page_are_text(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        opened.add([replace(each, camera="<script>alert(1)</script>\x1b[31m") for each in made_up(3)])
    assert (
        run(
            tmp_path / "gallery", "--camera", "<script>alert(1)</script>\x1b[31m", "--page", tmp_path / "p.html"
        ).exit_code
        == 1
    )
    text = (tmp_path / "p.html").read_text("utf-8")
    assert "<script" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text
