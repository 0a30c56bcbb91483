"""Every public benchmark, read from a small copy of its layout."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from passerby.data.benchmarks import BENCHMARKS, load_benchmark
from passerby.data.benchmarks.public_benchmark import Counts, PublishedCounts
from passerby.data.split import Benchmark, Split
from passerby.errors import DataError
from tests.data.layouts import DUKE, MARKET, write_images, write_msmt17, write_tree

Row = tuple[str, str, str | None]
"""Path, identity name and camera name."""


def rows(split: Split | None) -> list[Row] | None:
    if split is None:
        return None
    identities = [split.identity_names[label] for label in split.identities]
    cameras = [None] * len(split) if split.cameras is None else [split.camera_names[label] for label in split.cameras]
    return list(zip(split.paths.to_pylist(), identities, cameras, strict=True))


def load(name: str, root: Path) -> Benchmark:
    return load_benchmark(name, root, check_counts=False)


def test_every_name_is_the_benchmark_s_own() -> None:
    assert {name: public.name for name, public in BENCHMARKS.items()} == {name: name for name in BENCHMARKS}


@pytest.mark.parametrize("name", ["market1501", "market1501-dev", "market-layout"])
def test_market_layout_drops_junk_and_keeps_distractors(name: str, tmp_path: Path) -> None:
    benchmark = load(name, write_tree(tmp_path, MARKET))
    assert benchmark.name == name
    assert benchmark.same_camera_rule
    assert rows(benchmark.train) == [
        ("bounding_box_train/0002_c1s1_000451_03.jpg", "0002", "1"),
        ("bounding_box_train/0002_c2s1_000551_01.jpg.jpg", "0002", "2"),
        ("bounding_box_train/0007_c3s1_000776_01.jpg", "0007", "3"),
        ("bounding_box_train/0010_c6s2_000801_01.jpg", "0010", "6"),
    ]
    query, gallery = benchmark.query_and_gallery()
    assert rows(query) == [
        ("query/0001_c1s1_001051_00.jpg", "0001", "1"),
        ("query/0003_c5s1_001051_00.jpg", "0003", "5"),
    ]
    assert rows(gallery) == [
        ("bounding_box_test/0000_c1s1_000151_01.jpg", "0000", "1"),
        ("bounding_box_test/0001_c2s1_001051_00.jpg", "0001", "2"),
        ("bounding_box_test/0003_c4s1_002051_00.jpg", "0003", "4"),
        ("bounding_box_test/0003_c5s1_002051_00.jpg", "0003", "5"),
    ]
    assert query.identity_names == gallery.identity_names == ("0000", "0001", "0003")
    assert benchmark.training_split().identities.tolist() == [0, 0, 1, 2]


def test_further_images_of_the_queries_are_kept_for_multi_query_evaluation(tmp_path: Path) -> None:
    files = {
        "bounding_box_train": ["0001_c1s1_000001_01.jpg"],
        "query": ["0002_c1s1_000001_00.jpg", "0003_c2s1_000002_00.jpg"],
        "bounding_box_test": ["0002_c3s1_000003_01.jpg"],
        "gt_bbox": [
            "0001_c1s1_000001_00.jpg",  # of a person who is not searched for
            "0002_c1s1_000001_00.jpg",  # the query itself
            "0002_c1s1_000026_00.jpg",
            "0002_c3s1_000003_00.jpg",  # in a camera without a query
            "0003_c2s1_000077_00.jpg",
        ],
    }
    benchmark = load("market-layout", write_tree(tmp_path, files))
    further, query = benchmark.multi_query_images, benchmark.query
    assert rows(further) == [
        ("gt_bbox/0002_c1s1_000026_00.jpg", "0002", "1"),
        ("gt_bbox/0003_c2s1_000077_00.jpg", "0003", "2"),
    ]
    assert further is not None
    assert query is not None
    assert (further.identity_names, further.camera_names) == (query.identity_names, query.camera_names)
    shutil.rmtree(tmp_path / "gt_bbox")
    assert load("market-layout", tmp_path).multi_query_images is None


def test_published_cameras_keep_their_labels_where_some_do_not_occur(tmp_path: Path) -> None:
    benchmark = load("dukemtmc", write_tree(tmp_path, DUKE))
    train, (query, gallery) = benchmark.training_split(), benchmark.query_and_gallery()
    assert train.camera_names == query.camera_names == gallery.camera_names == tuple("12345678")
    assert train.cameras is not None
    assert train.cameras.tolist() == [1, 7, 0]  # camera 8 of 8 is label 7, as in checkpoints with a camera embedding
    assert query.identities.tolist() == [0]
    assert gallery.identity_names == ("0002", "7139")


def test_cameras_beyond_nine_are_numbered_by_number(tmp_path: Path) -> None:
    tree = {part: [f"0001_c{camera}.jpg" for camera in (10, 2, 1)] for part in MARKET}
    train = load("market-layout", write_tree(tmp_path, tree)).training_split()
    assert train.camera_names == ("1", "2", "10")


@pytest.mark.parametrize(("version", "train_folder"), [(1, "train"), (2, "mask_train_v2")])
def test_msmt17_joins_its_lists_and_keeps_the_halves_apart(version: int, train_folder: str, tmp_path: Path) -> None:
    write_msmt17(tmp_path / f"MSMT17_V{version}", version)
    benchmark = load("msmt17", tmp_path)
    assert rows(benchmark.train) == [
        (f"{train_folder}/0000/0000_000_01_0303morning_0015_0.jpg", "train/0000", "01"),
        (f"{train_folder}/0000/0000_001_15_0303noon_0015_1.jpg", "train/0000", "15"),
        (f"{train_folder}/0001/0001_000_02_0303morning_0015_0.jpg", "train/0001", "02"),
    ]
    query, gallery = benchmark.query_and_gallery()
    assert [row[1:] for row in rows(query) or []] == [("test/0000", "03")]
    assert [row[1:] for row in rows(gallery) or []] == [("test/0000", "04"), ("test/0001", "03")]
    assert len(query.camera_names) == 15


def test_msmt17_names_listed_images_that_are_missing(tmp_path: Path) -> None:
    write_msmt17(tmp_path)
    missing = tmp_path / "test/0001/0001_000_03_0113noon_0015_0.jpg"
    missing.unlink()
    with pytest.raises(DataError, match=r"1 of 2 listed images are not in .*: test/0001/0001_000_03_0113noon_0015_0"):
        load("msmt17", tmp_path)


def test_msmt17_names_the_line_that_is_no_path_and_identity(tmp_path: Path) -> None:
    write_msmt17(tmp_path)
    with (tmp_path / "list_val.txt").open("a") as file:
        file.write("0001/strange.jpg\n")
    with pytest.raises(DataError, match=r"list_val.txt line 2: '0001/strange.jpg' is not a path and an identity"):
        load("msmt17", tmp_path)


@pytest.mark.parametrize("boxes", ["labeled", "detected"])
def test_cuhk03_np_reads_the_boxes_it_is_named_for(boxes: str, tmp_path: Path) -> None:
    for variant, camera in (("labeled", 1), ("detected", 2)):
        write_tree(tmp_path / "cuhk03-np" / variant, {part: [f"0003_c{camera}_21.png"] for part in MARKET})
    benchmark = load(f"cuhk03-np-{boxes}", tmp_path)
    camera = "1" if boxes == "labeled" else "2"
    assert rows(benchmark.gallery) == [(f"{boxes}/bounding_box_test/0003_c{camera}_21.png", "0003", camera)]


def test_occluded_duke_is_duke_in_other_folders(tmp_path: Path) -> None:
    write_tree(tmp_path / "Occluded_Duke", DUKE)
    assert rows(load("occluded-duke", tmp_path).train) == rows(load("dukemtmc", tmp_path / "Occluded_Duke").train)


def test_occluded_market_drops_distractors_too(tmp_path: Path) -> None:
    gallery = load("occluded-market", write_tree(tmp_path, MARKET)).gallery
    assert gallery is not None
    assert gallery.identity_names == ("0001", "0003")
    assert len(gallery) == 3


@pytest.mark.parametrize(
    ("name", "folder", "occluded", "files"),
    [
        ("occluded-reid", "Occluded_REID", "occluded_body_images", ["001/001_01.tif", "002/002_01.tif"]),
        ("occluded-reid", "Occluded_REID", "occluded_body_images", ["001_01.jpg", "002_01.jpg"]),
        ("partial-reid", "Partial-REID_Dataset", "partial_body_images", ["001_001.jpg", "002_001.jpg"]),
    ],
)
def test_sets_for_testing_have_no_training_half_and_no_cameras(
    name: str, folder: str, occluded: str, files: list[str], tmp_path: Path
) -> None:
    write_tree(tmp_path / folder, {occluded: files, "whole_body_images": files})
    benchmark = load(name, tmp_path)
    assert benchmark.train is None
    assert not benchmark.same_camera_rule
    assert rows(benchmark.query) == [
        (f"{occluded}/{files[0]}", "001", None),
        (f"{occluded}/{files[1]}", "002", None),
    ]
    assert [row[1:] for row in rows(benchmark.gallery) or []] == [("001", None), ("002", None)]
    with pytest.raises(DataError, match=f"{name} has no training images"):
        benchmark.training_split()


def p_duke(root: Path, gallery_name: str = "0009_c2_f0000002.jpg") -> Path:
    tree = {
        "train/occluded_body_images": ["0005/0005_c2_f0052223.jpg"],
        "train/whole_body_images": ["0005/0005_c1_f0052223.jpg", "0006/0006_c8_f0052223.jpg"],
        "test/occluded_body_images": ["0009/0009_c1_f0000001.jpg"],
        "test/whole_body_images": [f"0009/{gallery_name}"],
    }
    return write_tree(root / "P-DukeMTMC-reid", tree)


def test_p_dukemtmc_trains_on_occluded_and_whole(tmp_path: Path) -> None:
    benchmark = load("p-dukemtmc", p_duke(tmp_path))
    assert [row[1:] for row in rows(benchmark.train) or []] == [("0005", "2"), ("0005", "1"), ("0006", "8")]
    assert [row[1:] for row in rows(benchmark.query) or []] == [("0009", "1")]
    assert benchmark.same_camera_rule


def test_p_dukemtmc_without_cameras_in_its_names_has_none(tmp_path: Path) -> None:
    benchmark = load("p-dukemtmc", p_duke(tmp_path, gallery_name="whole.jpg"))
    train, (query, gallery) = benchmark.training_split(), benchmark.query_and_gallery()
    assert (train.cameras, query.cameras, gallery.cameras, train.camera_names) == (None, None, None, ())
    assert not benchmark.same_camera_rule


def test_files_that_are_no_images_are_passed_over(tmp_path: Path) -> None:
    write_tree(tmp_path, MARKET)
    for name in ("Thumbs.db", "._0002_c1s1_000451_03.jpg", "readme.txt"):
        (tmp_path / "bounding_box_train" / name).write_bytes(b"x")
    assert len(load("market1501", tmp_path).training_split()) == 4


@pytest.mark.parametrize("inside", ["", "Market-1501-v15.09.15", "market1501"])
def test_the_root_is_the_folder_or_its_parent(inside: str, tmp_path: Path) -> None:
    write_tree(tmp_path / inside, MARKET)
    assert load("market1501", tmp_path).training_split().root == tmp_path / inside


def test_a_whole_copy_is_preferred_to_a_folder_of_the_same_name_beside_it(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    write_msmt17(tmp_path / "MSMT17_V2", 2)
    assert load("msmt17", tmp_path).training_split().root == tmp_path / "MSMT17_V2"


def missing_query(root: Path) -> None:
    write_tree(root, {part: names for part, names in MARKET.items() if part != "query"})


def empty_query(root: Path) -> None:
    missing_query(root)
    (root / "query").mkdir()


def strange_name(root: Path) -> None:
    write_tree(root, MARKET)
    write_images(root, ["query/portrait.jpg"])


def elsewhere(root: Path) -> None:
    (root / "photos").mkdir()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (missing_query, r"market1501: .* holds bounding_box_train, bounding_box_test but not query; unpack"),
        (empty_query, r"query holds no images; unpack the whole archive"),
        (strange_name, r"query holds 1 images whose names give no identity and camera .*: portrait.jpg; rename"),
        (
            elsewhere,
            r"not found in .* or its Market-1501-v15.09.15, .* which holds photos; name .* --root or data.root",
        ),
    ],
)
def test_a_layout_that_differs_is_told_in_one_line(prepare: object, message: str, tmp_path: Path) -> None:
    prepare(tmp_path)  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as caught:
        load("market1501", tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_root_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*/nowhere; name the one that holds bounding_box_train"):
        load("market1501", tmp_path / "nowhere")


def test_counts_that_differ_say_what_was_expected_found_and_what_to_do(tmp_path: Path) -> None:
    write_tree(tmp_path, MARKET)
    with pytest.raises(DataError) as caught:
        load_benchmark("market1501", tmp_path)
    message = str(caught.value)
    assert f"market1501 in {tmp_path}: train has 4 images instead of 12,936, 3 identities instead of 751, " in message
    assert "gallery has 4 images instead of 15,913" in message
    assert (
        "data.check_counts=false in a recipe, --set check_counts=false of `passerby eval` and `passerby occlusion`, "
        "check_counts=False" in message
    )
    assert "\n" not in message


def test_counts_that_agree_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, MARKET)
    counts = PublishedCounts(Counts(4, 3, 4), Counts(2, 2, 2), Counts(4, 3, 4))
    monkeypatch.setitem(BENCHMARKS, "market1501", replace(BENCHMARKS["market1501"], counts=counts))
    assert len(load_benchmark("market1501", tmp_path).training_split()) == 4


@pytest.mark.parametrize("name", ["cuhk03-np-labeled", "occluded-reid", "p-dukemtmc", "partial-reid"])
def test_counts_from_memory_are_never_an_error(name: str) -> None:
    counts = BENCHMARKS[name].counts
    assert counts is not None
    assert not counts.confirmed


def test_unconfirmed_counts_do_not_stop_a_load(tmp_path: Path) -> None:
    assert len(load_benchmark("p-dukemtmc", p_duke(tmp_path)).training_split()) == 3


@pytest.mark.parametrize(
    ("name", "suggestion"), [("market", "market1501"), ("Occluded_Duke", "occluded-duke"), ("msmt", "msmt17")]
)
def test_an_unknown_name_suggests_the_nearest(name: str, suggestion: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"there is no benchmark '{name}', did you mean {suggestion}"):
        load_benchmark(name, tmp_path)


def test_market1501_dev_is_what_it_is_said_to_be() -> None:
    root = Path(os.environ.get("PASSERBY_DATA", ".data"))
    if not (root / "market1501-dev").is_dir():
        pytest.skip(f"no market1501-dev in {root}: see docs/how-to/own-data.md")
    benchmark = load_benchmark("market1501-dev", root)
    train, (query, gallery) = benchmark.training_split(), benchmark.query_and_gallery()
    assert (len(train), train.identity_count, train.camera_count) == (10652, 600, 6)
    assert (len(query), query.identity_count, query.camera_count) == (669, 151, 6)
    # Two identities were seen once by each of their cameras: all their images are queries.
    assert (len(gallery), gallery.identity_count, gallery.camera_count) == (1615, 149, 6)
    assert train.camera_names == query.camera_names == tuple("123456")
    assert all(split.path(0).is_file() for split in (train, query, gallery))
