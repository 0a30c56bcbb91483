"""What holds for every public benchmark of single images: published counts, folder names, labels that follow names."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passerby.data.benchmarks import BENCHMARKS, load_benchmark
from passerby.data.split import Benchmark
from tests.data.layouts import DUKE, MARKET, write_msmt17, write_tree

Sizes = tuple[int, int] | None
"""Images and identities."""

# As the papers that publish each benchmark count it (named in its file), and their official lists.
PUBLISHED: dict[str, tuple[Sizes, Sizes, Sizes, int]] = {
    "market1501": ((12936, 751), (3368, 750), (15913, 751), 6),  # distractors are the 751st identity of the gallery
    "dukemtmc": ((16522, 702), (2228, 702), (17661, 1110), 8),
    "occluded-duke": ((15618, 702), (2210, 519), (17661, 1110), 8),
    "msmt17": ((32621, 1041), (11659, 3060), (82161, 3060), 15),
}
REMEMBERED: dict[str, tuple[Sizes, Sizes, Sizes, int]] = {
    "cuhk03-np-labeled": ((7368, 767), (1400, 700), (5328, 700), 2),
    "cuhk03-np-detected": ((7365, 767), (1400, 700), (5332, 700), 2),
    "p-dukemtmc": ((12927, 665), (2163, 634), (9053, 634), 8),
    "occluded-reid": (None, (1000, 200), (1000, 200), 0),
    "partial-reid": (None, (300, 60), (300, 60), 0),
}
WITHOUT_COUNTS = {"occluded-market", "market-layout"}


def in_halves(names: list[str], occluded: str) -> Callable[[Path], Path]:
    return lambda folder: write_tree(folder, {occluded: names, "whole_body_images": names})


def cuhk03(boxes: str) -> Callable[[Path], Path]:
    tree = {f"{boxes}/{part}": [name.replace("_c6", "_c2") for name in names] for part, names in MARKET.items()}
    return lambda folder: write_tree(folder, tree)


def p_duke(folder: Path) -> Path:
    names = {"0005/0005_c2_f0052223.jpg", "0005/0005_c1_f0052224.jpg", "0011/0011_c8_f0052225.jpg"}
    halves = [f"{half}/{part}_body_images" for half in ("train", "test") for part in ("occluded", "whole")]
    return write_tree(folder, dict.fromkeys(halves, sorted(names)))


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    **{name: lambda folder: write_tree(folder, MARKET) for name in ("market1501", "market1501-dev", "occluded-market")},
    "market-layout": lambda folder: write_tree(folder, MARKET),
    **{name: lambda folder: write_tree(folder, DUKE) for name in ("dukemtmc", "occluded-duke")},
    "msmt17": write_msmt17,
    "cuhk03-np-labeled": cuhk03("labeled"),
    "cuhk03-np-detected": cuhk03("detected"),
    "p-dukemtmc": p_duke,
    "occluded-reid": in_halves(["001/001_01.tif", "002/002_01.tif", "002/002_02.tif"], "occluded_body_images"),
    "partial-reid": in_halves(["001_001.jpg", "002_001.jpg", "002_002.jpg"], "partial_body_images"),
}


def columns(benchmark: Benchmark) -> list[object]:
    splits = [split for split in (benchmark.train, benchmark.query, benchmark.gallery) if split is not None]
    return [
        (
            split.paths.to_pylist(),
            split.identities.tolist(),
            split.identity_names,
            split.camera_names,
            None if split.cameras is None else split.cameras.tolist(),
        )
        for split in splits
    ]


def test_every_benchmark_of_single_images_is_among_those_checked_here() -> None:
    of_tracklets = {name for name in BENCHMARKS if name == "mars" or name.startswith("ilids-vid")}
    assert set(LAYOUTS) == set(BENCHMARKS) - of_tracklets
    assert {*PUBLISHED, *REMEMBERED, *WITHOUT_COUNTS, "market1501-dev"} == set(LAYOUTS)


@pytest.mark.parametrize("name", [*PUBLISHED, *REMEMBERED])
def test_counts_are_those_published_and_an_error_only_where_they_were_confirmed(name: str) -> None:
    train, query, gallery, cameras = (PUBLISHED | REMEMBERED)[name]
    public = BENCHMARKS[name]
    assert public.counts is not None
    for part, expected in (("train", train), ("query", query), ("gallery", gallery)):
        counts = public.counts.by_part()[part]
        assert (None if counts is None else (counts.images, counts.identities)) == expected
    assert len(public.cameras) == cameras
    assert public.counts.confirmed == (name in PUBLISHED)


@pytest.mark.parametrize("name", sorted(WITHOUT_COUNTS))
def test_sets_that_publish_no_counts_are_held_against_none(name: str) -> None:
    assert BENCHMARKS[name].counts is None


@pytest.mark.parametrize(("name", "folder"), [(name, each) for name in LAYOUTS for each in BENCHMARKS[name].folders])
def test_it_is_found_under_each_usual_name_of_its_folder(name: str, folder: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path / folder)
    query, gallery = load_benchmark(name, tmp_path, check_counts=False).query_and_gallery()
    assert query.root == gallery.root == tmp_path / folder


@pytest.mark.parametrize("name", LAYOUTS)
def test_labels_follow_the_sorted_numbers_of_identities_and_cameras(name: str, tmp_path: Path) -> None:
    benchmark = load_benchmark(name, LAYOUTS[name](tmp_path), check_counts=False)
    for split in (benchmark.train, benchmark.query, benchmark.gallery):
        if split is None:
            continue
        numbers = [int(each.rpartition("/")[2]) for each in split.identity_names]
        assert numbers == sorted(set(numbers))
        assert [int(each) for each in split.camera_names] == sorted(int(each) for each in split.camera_names)
    if benchmark.train is not None:
        assert np.unique(benchmark.train.identities).tolist() == list(range(len(benchmark.train.identity_names)))


@pytest.mark.parametrize("order", ["forwards", "backwards", "by hash"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_labels_and_rows_do_not_depend_on_the_order_of_the_file_system(
    name: str, order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = LAYOUTS[name](tmp_path)
    expected = columns(load_benchmark(name, root, check_counts=False))
    listdir, scandir = os.listdir, os.scandir

    def ordered(found: list[Any], key: Callable[[Any], str]) -> list[Any]:
        if order == "by hash":
            return sorted(found, key=lambda each: hash((key(each), "salt")))
        return sorted(found, key=key, reverse=order == "backwards")

    @contextmanager
    def scanned(folder: Any) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(folder) as entries:
            yield iter(ordered(list(entries), lambda entry: entry.name))

    monkeypatch.setattr(os, "listdir", lambda folder: ordered(listdir(folder), str))
    monkeypatch.setattr(os, "scandir", scanned)
    assert columns(load_benchmark(name, root, check_counts=False)) == expected


@pytest.mark.parametrize("name", LAYOUTS)
def test_only_sets_with_cameras_in_their_names_leave_out_the_own_camera(name: str, tmp_path: Path) -> None:
    benchmark = load_benchmark(name, LAYOUTS[name](tmp_path), check_counts=False)
    query, _ = benchmark.query_and_gallery()
    assert benchmark.same_camera_rule == (query.cameras is not None)
    assert benchmark.same_camera_rule == (name not in {"occluded-reid", "partial-reid"})


@pytest.mark.parametrize("name", LAYOUTS)
def test_junk_is_dropped_and_only_occluded_market_drops_distractors(name: str, tmp_path: Path) -> None:
    _, gallery = load_benchmark(name, LAYOUTS[name](tmp_path), check_counts=False).query_and_gallery()
    numbers = {int(each.rpartition("/")[2]) for each in gallery.identity_names}
    assert -1 not in numbers
    assert (gallery.identities >= 0).all()
    with_distractors = {"market1501", "market1501-dev", "market-layout", "cuhk03-np-labeled", "cuhk03-np-detected"}
    assert ("0000" in gallery.identity_names) == (name in with_distractors)


def test_of_two_versions_of_msmt17_in_one_folder_the_first_is_read(tmp_path: Path) -> None:
    for version in (2, 1):
        write_msmt17(tmp_path / f"MSMT17_V{version}", version)
    train = load_benchmark("msmt17", tmp_path, check_counts=False).training_split()
    assert train.root == tmp_path / "MSMT17_V1"


def test_lists_of_msmt17_may_have_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    expected = columns(load_benchmark("msmt17", write_msmt17(tmp_path), check_counts=False))
    for file in tmp_path.glob("list_*.txt"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert columns(load_benchmark("msmt17", tmp_path, check_counts=False)) == expected
