"""Labels out of paths: what fits, what is refused, and what `passerby.embed` writes of it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import passerby
from passerby.data.formats.open_data import list_images
from passerby.data.formats.path_pattern import PathPattern
from passerby.errors import DataError

NAMES = st.text("abcXYZ019-_ .é", min_size=1, max_size=8).filter(lambda name: name.strip(". "))


@given(camera=NAMES, identity=NAMES, before=st.sampled_from(["", "a/", "a/b c/"]), rest=st.text("abc01", max_size=5))
def test_what_a_pattern_is_filled_with_is_found_again(camera: str, identity: str, before: str, rest: str) -> None:
    pattern = PathPattern.parse("{camera}/{identity}+*.jpg")
    found = pattern.expression.match(f"{before}{camera}/{identity}+{rest}.jpg")
    assert found is not None
    assert (found["camera"], found["identity"]) == (camera, identity)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{kamera}/*.jpg", "labels are {camera} and {identity}"),
        ("{camera/*.jpg", "labels are {camera} and {identity}"),
        ("*/*.jpg", "names no label"),
        ("{camera}/{camera}.jpg", "stands twice"),
    ],
)
def test_what_is_no_pattern_is_refused(text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        PathPattern.parse(text)
    assert words in str(caught.value)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    for camera in ("cam1", "cam.2"):
        (tmp_path / "crops" / camera).mkdir(parents=True)
        for person in ("anna", "ben"):
            Image.new("RGB", (16, 32), "red").save(tmp_path / "crops" / camera / f"{person}_001.jpg")
    return tmp_path / "crops"


def test_embedding_keeps_the_labels_of_paths(crops: Path, tmp_path: Path) -> None:
    passerby.embed("tiny-clip", crops, tmp_path / "f.parquet", pattern="{camera}/{identity}_*.jpg", precision="fp32")
    rows = pq.read_table(tmp_path / "f.parquet").to_pylist()
    assert sorted((row["path"], row["camera"], row["identity"]) for row in rows) == [
        ("crops/cam.2/anna_001.jpg", "cam.2", "anna"),
        ("crops/cam.2/ben_001.jpg", "cam.2", "ben"),
        ("crops/cam1/anna_001.jpg", "cam1", "anna"),
        ("crops/cam1/ben_001.jpg", "cam1", "ben"),
    ]


def test_a_pattern_reaches_above_the_folder_that_was_named_and_leaves_other_labels(crops: Path) -> None:
    found = PathPattern.parse("{camera}/*.jpg").label(list_images(crops / "cam1"))
    assert found.camera_names == ("cam1",)
    assert found.identity_names == ()


def test_a_path_that_does_not_fit_is_named(crops: Path) -> None:
    with pytest.raises(DataError, match=r"anna_001\.jpg: does not end as the pattern '\{camera\}/x_\*' says"):
        PathPattern.parse("{camera}/x_*").label(list_images(crops))
