"""The folder that a synthetic world is written to."""

import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError
from passerby.synth import write_market
from passerby.synth.people.wardrobe import ATTRIBUTES, matters

NAME = re.compile(r"(-1|\d{4})_c(\d)s(\d)_(\d{6})_(\d{2})\.jpg")

IDENTITIES, CAMERAS, IMAGES = 20, 3, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("synth") / "deep" / "world"
    return write_market(
        root, identities=IDENTITIES, cameras=CAMERAS, images_per_camera=IMAGES, train_fraction=0.2, show_progress=False
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tiny(folder: Path, **changes: object) -> Path:
    arguments: dict[str, object] = {"identities": 3, "cameras": 2, "images_per_camera": 2, "size": (64, 32)}
    return write_market(folder, **(arguments | {"show_progress": False} | changes))  # type: ignore[arg-type]


def names(folder: Path, part: str) -> list[tuple[str, ...]]:
    matches = [NAME.fullmatch(path.name) for path in sorted((folder / part).iterdir())]
    assert all(matches)
    return [match.groups() for match in matches if match]


def test_names_and_counts_are_those_of_market1501(folder: Path) -> None:
    trained = round(IDENTITIES * 0.2)
    tested = IDENTITIES - trained
    train, query, gallery = (names(folder, part) for part in ("bounding_box_train", "query", "bounding_box_test"))
    assert Counter(name[0] for name in train) == {f"{i:04d}": CAMERAS * IMAGES for i in range(1, trained + 1)}
    assert sorted((name[0], name[1]) for name in query) == [
        (f"{i:04d}", str(c)) for i in range(trained + 1, IDENTITIES + 1) for c in range(1, CAMERAS + 1)
    ]
    found = Counter(name[0] for name in gallery)
    right = tested * CAMERAS * (IMAGES - 1)
    assert found.pop("0000") == round(0.1 * right)
    assert found.pop("-1") == round(0.05 * right)
    assert found == {f"{i:04d}": CAMERAS * (IMAGES - 1) for i in range(trained + 1, IDENTITIES + 1)}


def rows(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(folder / "people.parquet").to_pylist()
    return found


def test_the_table_describes_every_image(folder: Path) -> None:
    table = pq.read_table(folder / "people.parquet")
    known = ["path", "identity", "camera", "track", "frame", "split", "x", "y", "width", "height", "visible"]
    assert table.column_names == [*known, "heading", "caption", "captions", "seen", *ATTRIBUTES]
    files = {name for name in contents(folder) if name.endswith(".jpg")}
    rows = table.to_pylist()
    assert {row["path"] for row in rows} == files
    assert len(rows) == len(files)
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    for row in rows:
        part, name = row["path"].split("/")
        match = NAME.fullmatch(name)
        assert match is not None
        assert part == folders[row["split"]]
        assert int(row["identity"]) == int(match[1])
        assert row["camera"] == f"c{match[2]}"
        assert row["frame"] == int(match[4])
        assert 0 <= row["visible"] <= 1
        assert 0.25 < row["width"] / row["height"] < 0.7
        assert (row["upper"] is None) == (row["caption"] is None) == (row["visible"] == 0 and row["identity"] == "0")


def test_a_person_is_described_alike_in_every_row(folder: Path) -> None:
    known: dict[str, dict[str, object]] = {}
    for row in rows(folder):
        if int(str(row["identity"])) > 0:
            wears = {name: row[name] for name in ATTRIBUTES}
            assert known.setdefault(str(row["identity"]), wears) == wears
            complete = {name: value or "none" for name, value in wears.items()}
            assert all((wears[name] is None) == (not matters(complete, name)) for name in ATTRIBUTES)  # type: ignore[arg-type]


def test_captions_tell_what_is_seen_and_no_more(folder: Path) -> None:
    """Words of every caption against the list of what the picture shows, and that against the person's attributes."""
    for row in rows(folder):
        if row["captions"] is None:
            continue
        seen, captions = set(row["seen"]), row["captions"]  # type: ignore[call-overload]
        assert len(captions) == len(set(captions)) or not seen & {"upper", "lower"}  # type: ignore[arg-type]
        assert row["caption"] in captions  # type: ignore[operator]
        assert all(row[name] is not None for name in seen)
        for caption in captions:  # type: ignore[attr-defined]
            for kind in ("lower", "shoes", "outer", "bag", "hat"):
                assert kind in seen or str(row[kind]) not in caption
            assert "hair" in seen or not any(word in caption for word in ("hair", "bald", "ponytail"))


def test_the_table_is_one_that_passerby_reads(folder: Path) -> None:
    from passerby.data.formats.table import image_paths
    from passerby.data.formats.table_file import read_table

    table = read_table(folder / "people.parquet")
    assert len(image_paths(table, folder / "people.parquet")) == len(rows(folder))


def test_images_decode_at_the_size_asked_for(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape == (128, 64, 3)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    first, again = contents(tiny(tmp_path / "a", seed=1)), contents(tiny(tmp_path / "b", seed=1))
    assert first == again
    other = contents(tiny(tmp_path / "c", seed=2))
    common = [name for name in first.keys() & other.keys() if name.endswith(".jpg")]
    assert common
    assert all(first[name] != other[name] for name in common)


def test_several_processes_write_the_same_bytes(tmp_path: Path) -> None:
    one = contents(tiny(tmp_path / "one", masks=True))
    assert contents(tiny(tmp_path / "two", masks=True, processes=2)) == one


def test_masks_are_of_the_size_of_their_images_and_agree_with_the_visible_fraction(tmp_path: Path) -> None:
    """Two routes: the share that the table gives, and the pixels of the mask against those of a person alone."""
    crowded = tiny(tmp_path / "crowded", crowd=4.0, masks=True, identities=6, size=(128, 64))
    alone = tiny(tmp_path / "alone", crowd=0.0, masks=True, identities=6, size=(128, 64))
    compared = 0
    for row in rows(crowded):
        file = Path("masks") / Path(str(row["path"])).with_suffix(".png")
        mask, whole = (cv2.imread(str(folder / file), cv2.IMREAD_GRAYSCALE) for folder in (crowded, alone))
        assert mask is not None
        assert mask.shape == (128, 64)
        other = next(each for each in rows(alone) if each["path"] == row["path"])
        if whole is not None and int(str(row["identity"])) > 0 and float(str(other["visible"])) > 0.995:
            share = mask.astype(float).sum() / whole.astype(float).sum()
            assert share == pytest.approx(float(str(row["visible"])), abs=0.02)
            compared += 1
    assert compared >= 6


def test_more_people_change_nobody(tmp_path: Path) -> None:
    few = contents(tiny(tmp_path / "few", identities=4))
    more = contents(tiny(tmp_path / "more", identities=6, train_fraction=1 / 3))
    named = [name for name in few if re.search(r"/000[12]_", name)]
    assert named
    assert all(few[name] == more[name] for name in named)


def test_cameras_differ_in_colour(folder: Path) -> None:
    means: dict[str, list[np.ndarray]] = {}
    for path in (folder / "bounding_box_train").iterdir():
        image = cv2.imread(str(path))
        assert image is not None
        means.setdefault(path.name.split("_")[1], []).append(image.mean(axis=(0, 1)))
    centres = [np.mean(of_camera, axis=0) for of_camera in means.values()]
    apart = [np.abs(a - b).max() for i, a in enumerate(centres) for b in centres[:i]]
    assert min(apart) > 8


def test_colours_alone_tell_people_apart_better_than_chance_and_far_from_perfectly(folder: Path) -> None:
    def described(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        paths = [path for path in sorted((folder / part).iterdir()) if not path.name.startswith("-1")]
        features = []
        for path in paths:
            middle = cv2.imread(str(path))[:, 18:46]  # type: ignore[index]
            histograms = [
                cv2.calcHist([stripe], [0, 1, 2], None, [4, 4, 4], [0, 256] * 3) for stripe in np.array_split(middle, 6)
            ]
            features.append(np.sqrt(np.concatenate([h.ravel() / h.sum() for h in histograms])))
        labels = np.array([path.name.split("_")[:2] for path in paths])
        return np.array(features), labels[:, 0], labels[:, 1]

    query, query_identities, query_cameras = described("query")
    gallery, identities, cameras = described("bounding_box_test")
    left_out = (query_identities[:, None] == identities) & (query_cameras[:, None] == cameras)
    best = np.where(left_out, -1, query @ gallery.T).argmax(axis=1)
    rank1 = (identities[best] == query_identities).mean()
    chance = (CAMERAS - 1) * (IMAGES - 1) / len(identities)
    assert 3 * chance < rank1 < 0.9


def test_a_world_of_ours_is_replaced_as_a_whole(tmp_path: Path) -> None:
    tiny(tmp_path / "world", identities=4)
    tiny(tmp_path / "world", identities=2, replace=True)
    assert contents(tmp_path / "world") == contents(tiny(tmp_path / "fresh", identities=2))
    assert {path.name for path in tmp_path.iterdir()} == {"world", "fresh"}


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    assert (tiny(tmp_path / "world") / "people.parquet").is_file()


@pytest.mark.parametrize("foreign", ["notes.txt", "query/0001_c1s1_000001_00.jpg"])
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, foreign: str) -> None:
    (tmp_path / "world" / foreign).parent.mkdir(parents=True)
    (tmp_path / "world" / foreign).write_text("mine")
    with pytest.raises(DataError, match="not an earlier synthetic world"):
        tiny(tmp_path / "world")
    assert (tmp_path / "world" / foreign).read_text() == "mine"


def test_a_world_of_ours_with_something_added_is_refused(tmp_path: Path) -> None:
    world = tiny(tmp_path / "world")
    (world / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match=r"thesis\.tex"):
        tiny(world)


def test_an_interrupted_world_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("passerby.synth.output.market.pq.write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tiny(tmp_path / "world")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"identities": 1}, "identities"),
        ({"identities": 10_000}, "identities"),
        ({"train_fraction": 1.0}, "train_fraction"),
        ({"train_fraction": 0.0}, "train_fraction must leave people for training and for testing: 0 of 3 is 0"),
        ({"train_fraction": float("nan")}, "train_fraction"),
        ({"cameras": 1}, "cameras"),
        ({"cameras": 10}, "cameras"),
        ({"images_per_camera": 1}, "images_per_camera"),
        ({"size": (8, 32)}, "height"),
        ({"size": (64, 8)}, "width"),
        ({"crowd": 7.0}, "crowd"),
        ({"processes": 0}, "processes"),
    ],
)
def test_arguments_out_of_range_are_named(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=named):
        tiny(tmp_path / "world", **changes)
    assert list(tmp_path.iterdir()) == []
