"""What `passerby data check` finds: each test plants one fault in a sound data set and expects it, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.data.benchmarks import BENCHMARKS, load_benchmark
from passerby.data.benchmarks.public_benchmark import Counts, PublicBenchmark, PublishedCounts
from passerby.data.checks.decode_check import scan_files
from passerby.data.checks.findings import Inspection
from passerby.data.checks.inspection import inspect_data, queries_without_match
from passerby.data.formats.open_data import open_data
from passerby.data.split import split_from_names
from passerby.errors import DataError
from tests.data.layouts import PIXELS, write_images, write_tree

SOUND = {
    "bounding_box_train": [
        f"{identity:04d}_c{camera}_{n}.jpg" for identity in (1, 2) for camera in (1, 2) for n in "ab"
    ],
    "query": ["0003_c1_a.jpg", "0003_c2_a.jpg"],
    "bounding_box_test": ["0003_c1_b.jpg", "0003_c2_b.jpg", "0000_c1_a.jpg", "0000_c2_a.jpg"],
}
COUNTS = PublishedCounts(Counts(8, 2, 2), Counts(2, 1, 2), Counts(4, 2, 2))
SETTING: PublicBenchmark = replace(BENCHMARKS["market-layout"], counts=COUNTS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path, SOUND)


def inspect(root: Path, public: PublicBenchmark = SETTING, *, decode: bool = True) -> Inspection:
    return inspect_data(load_benchmark("market-layout", root), public=public, decode=decode)


def kinds(inspection: Inspection) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in inspection.findings}


def test_a_sound_set_has_no_findings(root: Path) -> None:
    inspection = inspect(root)
    assert inspection.findings == ()
    assert inspection.sound
    assert [(s.part, s.location, s.counts, s.published) for s in inspection.splits] == [
        ("train", root / "bounding_box_train", COUNTS.train, COUNTS.train),
        ("query", root / "query", COUNTS.query, COUNTS.query),
        ("gallery", root / "bounding_box_test", COUNTS.gallery, COUNTS.gallery),
    ]


@pytest.mark.parametrize(("confirmed", "severity"), [(True, "problem"), (False, "remark")])
def test_counts_that_differ(confirmed: bool, severity: str, root: Path) -> None:
    (root / "bounding_box_test/0000_c1_a.jpg").unlink()
    counts = replace(COUNTS, confirmed=confirmed)
    inspection = inspect(root, replace(SETTING, counts=counts))
    assert kinds(inspection)["counts"] == severity
    assert "gallery has 3 images instead of 4" in inspection.findings[0].message
    assert inspection.sound == (not confirmed)


@pytest.mark.parametrize(
    "content", [PIXELS[: len(PIXELS) // 2], b"", b"no image", PIXELS[:-200]], ids=["half", "empty", "text", "end cut"]
)
def test_a_damaged_image_is_a_problem_and_is_named(content: bytes, root: Path) -> None:
    (root / "query/0003_c1_a.jpg").write_bytes(content)
    inspection = inspect(root)
    assert kinds(inspection) == {"unreadable": "problem"}
    assert str(root / "query/0003_c1_a.jpg") in inspection.findings[0].message
    assert inspection.findings[0].count == 1
    assert inspect(root, decode=False).findings == ()


def test_a_missing_image_is_a_problem_even_without_decoding(root: Path) -> None:
    data = load_benchmark("market-layout", root)
    (root / "query/0003_c1_a.jpg").unlink()
    inspection = inspect_data(data, public=SETTING, decode=False)
    assert kinds(inspection) == {"unreadable": "problem"}


def test_an_identity_in_both_halves(root: Path) -> None:
    write_images(root, ["bounding_box_train/0003_c1_x.jpg", "bounding_box_train/0003_c2_x.jpg"])
    assert kinds(inspect(root, replace(SETTING, counts=None))) == {"identities-in-train-and-test": "problem"}
    undecided = replace(SETTING, counts=None, disjoint=False)
    assert kinds(inspect(root, undecided)) == {"identities-in-train-and-test": "remark"}


def test_msmt17_may_number_both_halves_from_zero(tmp_path: Path) -> None:
    from tests.data.layouts import write_msmt17

    public = BENCHMARKS["msmt17"]
    inspection = inspect_data(load_benchmark("msmt17", write_msmt17(tmp_path, 2), check_counts=False), public=public)
    assert "identities-in-train-and-test" not in kinds(inspection)
    assert inspection.splits[0].location == tmp_path / "mask_train_v2"  # which version it is can be seen


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("bounding_box_train/0001_c1_a.jpg", "bounding_box_train/0001_c2_a.jpg", {"duplicates"}),
        (
            "bounding_box_train/0001_c1_a.jpg",
            "bounding_box_train/0002_c2_a.jpg",
            {"duplicates", "duplicates-of-two-identities"},
        ),
        ("query/0003_c1_a.jpg", "bounding_box_test/0003_c2_b.jpg", {"duplicates-across-splits"}),
        (
            "bounding_box_train/0001_c1_a.jpg",
            "query/0003_c1_a.jpg",
            {"duplicates-across-splits", "duplicates-of-two-identities"},
        ),
    ],
)
def test_duplicates_are_remarked_on(first: str, second: str, expected: set[str], root: Path) -> None:
    (root / second).write_bytes((root / first).read_bytes())
    for decode in (True, False):
        inspection = inspect(root, decode=decode)
        assert kinds(inspection) == dict.fromkeys(expected, "remark")
        assert inspection.findings[0].examples == (f"{first} = {second}",)
        assert inspection.sound


def test_identities_of_one_camera_or_one_image(root: Path) -> None:
    write_images(root, ["bounding_box_train/0008_c1_a.jpg", "bounding_box_test/0009_c2_a.jpg"])
    inspection = inspect(root, replace(SETTING, counts=None))
    assert {finding.kind: finding.examples for finding in inspection.findings} == {
        "one-camera-train-identities": ("0008",),
        "one-image-identities": ("0008",),
        "one-camera-test-identities": ("0009",),
    }


def test_queries_without_a_match(root: Path) -> None:
    (root / "bounding_box_test/0003_c2_b.jpg").unlink()
    inspection = inspect(root, replace(SETTING, counts=None))
    assert kinds(inspection) == {"queries-without-match": "remark"}
    assert inspection.findings[0].examples == ("query/0003_c1_a.jpg",)
    (root / "bounding_box_test/0003_c1_b.jpg").unlink()
    assert kinds(inspect(root, replace(SETTING, counts=None))) == {"queries-without-match": "problem"}


LABELS = st.lists(st.tuples(st.sampled_from(["a", "b", "-1"]), st.sampled_from("12")), min_size=1, max_size=8)


@given(LABELS, LABELS, st.booleans())
def test_queries_without_match_against_brute_force(
    queries: list[tuple[str, str]], galleries: list[tuple[str, str]], rule: bool
) -> None:
    query, gallery = (
        split_from_names(
            Path(),
            [str(number) for number in range(len(labels))],
            [identity for identity, _ in labels],
            [camera for _, camera in labels],
            identity_names=("a", "b"),
            camera_names=("1", "2"),
        )
        for labels in (queries, galleries)
    )
    expected = [
        identity == "-1" or not any(i == identity and (not rule or c != camera) for i, c in galleries)
        for identity, camera in queries
    ]
    assert queries_without_match(query, gallery, same_camera_rule=rule).tolist() == expected


def test_the_user_s_own_data(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.jpg", "b.jpg"])
    table = tmp_path / "people.csv"
    table.write_text("path,identity,split\na.jpg,1,query\nb.jpg,1,train\n")
    assert kinds(inspect_data(open_data(str(table)))) == {
        "missing-part": "problem",
        "identities-in-train-and-test": "remark",
        "one-image-identities": "remark",
        "one-train-identity": "remark",
    }
    table.write_text("path\na.jpg\nb.jpg\n")
    assert kinds(inspect_data(open_data(str(table)))) == {"unknown-identities": "remark"}


def test_the_result_is_json(root: Path) -> None:
    (root / "query/0003_c1_a.jpg").write_bytes(b"")
    report = json.loads(json.dumps(inspect(root).to_json()))
    assert report["sound"] is False
    assert report["splits"][0]["counts"] == {"images": 8, "identities": 2, "cameras": 2}
    assert report["findings"][0]["kind"] == "unreadable"


def test_processes_and_one_process_tell_the_same(tmp_path: Path) -> None:
    names = [f"{number:04d}.jpg" for number in range(300)]
    write_images(tmp_path, names)
    (tmp_path / names[7]).write_bytes(b"")
    (tmp_path / names[200]).write_bytes((tmp_path / names[299]).read_bytes())
    files = [tmp_path / name for name in names]
    seen: list[int] = []
    alone, together = scan_files(files, workers=1), scan_files(files, workers=2, on_progress=seen.append)
    assert sum(seen) == 300
    assert alone.complaints == together.complaints
    assert list(alone.complaints) == [7]
    assert np.array_equal(alone.digests, together.digests)
    assert [group.tolist() for group in alone.duplicates()] == [[200, 299]]


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"\0", b""]), max_size=12))
def test_duplicates_are_the_groups_of_equal_content(contents: list[bytes]) -> None:
    from passerby.data.checks.decode_check import FileScan

    digests = np.array([content.ljust(16, b"\0") for content in contents], dtype="S16")
    groups = [group.tolist() for group in FileScan(digests, {}).duplicates()]
    padded = [content.rstrip(b"\0") for content in contents]
    expected = {tuple(i for i, other in enumerate(padded) if other == content) for content in padded}
    assert groups == sorted([list(group) for group in expected if len(group) > 1])


def test_nothing_to_look_at_is_an_error(root: Path) -> None:
    data = load_benchmark("market-layout", root)
    with pytest.raises(DataError, match="market-layout has no images"):
        inspect_data(replace(data, train=None, query=None, gallery=None))
