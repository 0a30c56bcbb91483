"""Places that results cannot be written to, found out before the work."""

import os
from pathlib import Path
from typing import Any

import pytest

import passerby
from passerby.errors import DataError
from passerby.output_paths import check_not_input, check_output_file, check_output_folder, expanded_paths, seed_folders


def test_a_good_place_is_left_as_it_was(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new" / "deeper")
    check_output_folder(tmp_path)
    check_output_file(tmp_path / "other" / "a.parquet", (".parquet",))
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to(tmp_path / "a.parquet")
    check_not_input(tmp_path / "b.parquet", [tmp_path / "a.parquet"])
    for name in ("a.parquet", "link.parquet", "x/../a.parquet"):
        with pytest.raises(DataError, match="is also the input, which would be lost: name another file to write"):
            check_not_input(tmp_path / name, [tmp_path, tmp_path / "a.parquet"])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("folder", ["/proc/passerby", "/proc/passerby/deeper"])
def test_a_place_that_only_seems_writable_is_refused(folder: str) -> None:
    with pytest.raises(DataError, match=r"^/proc: cannot be written into \(.+\): choose another place with --out"):
        check_output_folder(Path(folder))


def test_a_folder_in_which_no_file_can_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"cannot be written into \(No space left on device\)"):
        check_output_folder(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be a folder, for .*/file is a file"):
        check_output_folder(tmp_path / "file" / "deeper")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"cannot be a folder, for .*/link is a link that leads nowhere: choose"):
        check_output_folder(tmp_path / "link" / "deeper")
    with pytest.raises(DataError, match=r"its name must end in \.png"):
        check_output_file(tmp_path / "a.gif", (".png",))
    (tmp_path / "a.png").mkdir()
    with pytest.raises(DataError, match="is a folder: name a file"):
        check_output_file(tmp_path / "a.png", (".png",))


def test_a_name_that_the_disk_does_not_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be written into \(File name too long\): choose another place"):
        check_output_folder(tmp_path / ("x" * 300))


def test_folders_that_others_make_meanwhile_are_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where several processes that will train together ask at once."""
    folder, write = tmp_path / "runs" / "new", Path.write_bytes

    def write_late(file: Path, content: bytes) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        return write(file, content)

    monkeypatch.setattr(Path, "write_bytes", write_late)
    check_output_folder(folder)
    assert folder.is_dir(), "another process made it, and is about to open a file in it"
    assert [path.name for path in tmp_path.rglob("*")] == ["runs", "new"]


def test_folders_of_seeds_are_found_by_number(tmp_path: Path) -> None:
    for name in ("seed-10", "seed-9", "seed-foo", "seed-07", "seed-3", "seed-"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("other" if name == "seed-3" else "metrics.json")).touch()
    assert list(seed_folders(tmp_path, "metrics.json").items()) == [
        (9, tmp_path / "seed-9"),
        (10, tmp_path / "seed-10"),
    ]
    assert list(seed_folders(tmp_path, "metrics.json", "other")) == [3, 9, 10]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (None, "images must be a path or several, not None"),
        ([], "no images are named"),
        ([1], "a path must name a file or folder, not 1"),
        ("", "a path must name a file or folder, not ''"),
    ],
)
def test_what_names_no_images_is_refused_in_one_line(paths: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        expanded_paths(paths, "images")


def test_one_path_or_several_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded_paths("~/a", "images") == [tmp_path / "a"]
    assert expanded_paths([tmp_path / "b", "c"], "images") == [tmp_path / "b", Path("c")]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "full.png").symlink_to("/dev/full")
    for name in ("pipe.png", "full.png"):
        with pytest.raises(DataError, match=rf"{name}: is a pipe or a device, which would be replaced: name a file"):
            check_output_file(tmp_path / name, (".png",))


def test_commands_do_not_write_over_what_they_are_given(tmp_path: Path) -> None:
    table, picture = tmp_path / "tracklets.parquet", tmp_path / "a.png"
    for file in (table, picture):
        file.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"tracklets.parquet is also the input"):
        passerby.embed("tiny-clip", table, table)
    with pytest.raises(DataError, match=r"a.png is also the input"):
        passerby.explain("tiny-clip", [picture], picture)
    assert table.read_bytes() == picture.read_bytes() == b"mine"
