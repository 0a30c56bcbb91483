"""The folder of a world: what it holds that is not ours is never lost, and no other world goes without being asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from passerby.errors import DataError
from passerby.synth.output.output_folder import DESCRIPTION, LISTING, fresh_folder, holds_world


def write(
    folder: Path, *, replace: bool = False, meanwhile: Callable[[Path], None] | None = None, **description: object
) -> Path:
    """A world of two pictures; meanwhile something happens to the folder."""
    with fresh_folder(folder, {"seed": 7, "size": (64, 32), **description}, replace=replace) as made:
        (made / "query").mkdir()
        (made / "query" / "a.jpg").write_bytes(b"a picture")
        (made / "masks" / "query").mkdir(parents=True)
        (made / "masks" / "query" / "a.png").write_bytes(b"a mask")
        if meanwhile is not None:
            meanwhile(folder)
    return folder


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        entry.relative_to(folder).as_posix(): entry.read_bytes() if entry.is_file() else None
        for entry in folder.rglob("*")
    }


def added(name: str) -> Callable[[Path], None]:
    def add(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"mine")

    return add


def linked(folder: Path) -> None:
    (folder / "query" / "more").symlink_to(folder.parent)


def test_the_same_world_is_written_anew(tmp_path: Path) -> None:
    world = write(tmp_path / "world")
    before = everything(world)
    assert everything(write(world)) == before
    assert set(before) == {"query", "query/a.jpg", "masks", "masks/query", "masks/query/a.png", DESCRIPTION, LISTING}
    assert [entry.name for entry in tmp_path.iterdir()] == ["world"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (added("query/0001_c1s1_000001_00.jpg"), "query/0001_c1s1_000001_00.jpg, which would be lost"),
        (added("masks/query/deep/b.png"), "masks/query/deep/b.png, which would be lost"),
        (added("thesis.tex"), "thesis.tex, which would be lost"),
        (added(".hidden"), ".hidden, which would be lost"),
        (linked, "query/more, which would be lost"),
        (lambda folder: (folder / "query" / "mine").mkdir(), "query/mine, which would be lost"),
        (added("query/a.jpg"), "query/a.jpg is not as it was written"),
        (lambda folder: (folder / LISTING).unlink(), f"holds data without {LISTING}"),
        (lambda folder: (folder / LISTING).write_text("nonsense"), f"holds data without {LISTING}"),
        (lambda folder: (folder / DESCRIPTION).write_text("[]"), f"holds data without {DESCRIPTION}"),
    ],
)
@pytest.mark.parametrize("replace", [False, True])
def test_a_world_with_anything_else_in_it_is_refused(
    tmp_path: Path, change: Callable[[Path], None], named: str, replace: bool
) -> None:
    world = write(tmp_path / "world")
    change(world)
    before = everything(world)
    with pytest.raises(DataError, match=named):
        write(world, replace=replace)
    assert everything(world) == before


def test_what_is_added_while_a_world_is_drawn_is_not_lost(tmp_path: Path) -> None:
    world = write(tmp_path / "world")
    with pytest.raises(DataError, match=r"query/late\.jpg"):
        write(world, replace=True, meanwhile=added("query/late.jpg"), seed=8)
    assert (world / "query" / "late.jpg").read_bytes() == b"mine"
    assert (world / "query" / "a.jpg").is_file()


def test_some_of_a_world_may_be_gone(tmp_path: Path) -> None:
    world = write(tmp_path / "world")
    (world / "query" / "a.jpg").unlink()
    assert (write(world) / "query" / "a.jpg").is_file()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 8}, "seed 7, not 8"),
        ({"size": (32, 16)}, r"size \[64, 32\], not \[32, 16\]"),
        ({"new": 1}, "new null"),
    ],
)
def test_another_world_is_replaced_only_where_that_is_asked_for(
    tmp_path: Path, other: dict[str, object], named: str
) -> None:
    world = write(tmp_path / "world")
    with pytest.raises(DataError, match=rf"another synthetic world \({DESCRIPTION}: {named}.*--replace"):
        write(world, **other)
    assert json.loads((world / DESCRIPTION).read_text()) == {"seed": 7, "size": [64, 32]}
    write(world, replace=True, **other)
    assert json.loads((world / DESCRIPTION).read_text()) != {"seed": 7, "size": [64, 32]}


@pytest.mark.parametrize("name", [".", "..", "a/..", "../here"])
def test_the_working_directory_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "here" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DataError, match="is the working directory, or above it: name another folder"):
        write(Path(name))
    assert everything(tmp_path) == {"here": None, "here/a": None}


def test_a_whole_world_is_told_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    assert not holds_world(folder)
    write(folder)
    assert holds_world(folder, seed=7)
    assert holds_world(folder, seed=7, size=[64, 32])
    assert not holds_world(folder, seed=8)
    assert not holds_world(folder, seed=7, cameras=2)
    (folder / "notes.txt").touch()
    assert holds_world(folder, seed=7)
    (folder / "query" / "a.jpg").write_bytes(b"another picture")
    assert not holds_world(folder, seed=7)
    (folder / "query" / "a.jpg").unlink()
    assert not holds_world(folder, seed=7)
