"""Tables of features: interruption, continuation, and columns."""

from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform
from passerby.data.formats.open_data import list_images
from passerby.data.split import Split
from passerby.errors import CheckpointError, DataError
from passerby.inference import embedding_table
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.output_lock import alone_at
from tests.methods.small_world import write_small_world


class MeanColour(nn.Module):
    """Embeds an image as its mean colour; can be told to fail."""

    embed_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.calls, self.fail_at = 0, -1

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.calls += 1
        return images.mean((2, 3)) * self.scale


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> TorchEmbedder:
    monkeypatch.setattr(embedding_table, "_ROWS_PER_PART", 3)
    return TorchEmbedder(MeanColour(), TestTransform(size=(8, 4)), {}, torch.device("cpu"))


def test_an_interrupted_table_continues_from_its_parts(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "bounding_box_test")
    network: MeanColour = model.model  # type: ignore[assignment]
    network.fail_at = 4
    with pytest.raises(KeyboardInterrupt):
        embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert not (tmp_path / "a.parquet").exists()
    network.fail_at, network.calls = -1, 0
    written = embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 8 - 4, "24 images in parts of 3, four of which were there"
    embedding_table.embed_to_table(model, split, tmp_path / "b.parquet", batch_size=7)
    first, second = pq.read_table(tmp_path / "a.parquet"), pq.read_table(tmp_path / "b.parquet")
    assert written.rows == first.num_rows == 24
    assert first.equals(second)


def test_parts_of_another_model_are_not_used(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network: MeanColour = model.model  # type: ignore[assignment]
    network.fail_at = 2
    with pytest.raises(KeyboardInterrupt):
        embedding_table.embed_to_table(model, split, tmp_path / "a.parquet")
    network.fail_at, network.calls = -1, 0
    with torch.no_grad():
        network.scale.fill_(2)
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet")
    features = np.array(pq.read_table(tmp_path / "a.parquet")["embedding"].to_pylist())
    expected = model.embed([split.path(row) for row in range(len(split))])
    np.testing.assert_allclose(features, expected, rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_parts_with_a_damaged_mark_are_thrown_away(
    model: TorchEmbedder, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    (tmp_path / ".a.parquet.parts" / "source.json").write_bytes(content)
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 3
    assert "source.json is damaged" in capsys.readouterr().err.replace("\n", "")
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 8


def test_a_damaged_part_is_computed_again(
    model: TorchEmbedder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    part = tmp_path / ".a.parquet.parts" / "000001.parquet"
    part.write_bytes(part.read_bytes()[:50])
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 2, "the damaged one and the last"
    assert "000001.parquet is damaged and is computed again" in capsys.readouterr().err.replace("\n", "")
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 8


def test_labels_of_a_table_are_carried_along(model: TorchEmbedder, tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world")
    names = sorted(file.name for file in (world / "query").iterdir())[:3]
    table = pyarrow.table({"path": names, "identity": ["b", "a", "b"], "camera": ["left", "right", "left"]})
    pyarrow.csv.write_csv(table, world / "query" / "mine.csv")
    embedding_table.embed_to_table(model, list_images(world / "query" / "mine.csv"), tmp_path / "out.parquet")
    written = pq.read_table(tmp_path / "out.parquet")
    assert written["identity"].to_pylist() == ["b", "a", "b"]
    assert written["camera"].to_pylist() == ["left", "right", "left"]
    assert [(tmp_path / path).name for path in written["path"].to_pylist()] == names


def interrupted(model: TorchEmbedder, split: Split, out: Path) -> MeanColour:
    """Embed some parts, then stop; the network that will go on counts its calls anew."""
    network: MeanColour = model.model  # type: ignore[assignment]
    network.fail_at, network.calls = 2, 0
    with pytest.raises(KeyboardInterrupt):
        embedding_table.embed_to_table(model, split, out, batch_size=3)
    network.fail_at, network.calls = -1, 0
    return network


def test_parts_of_images_that_changed_meanwhile_are_not_used(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    Image.new("RGB", (32, 64), "white").save(split.path(0))
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 3
    assert pq.read_table(tmp_path / "a.parquet")["embedding"][0].as_py() == [1, 1, 1]


@pytest.mark.parametrize("change", ["identity", "camera", "no camera"])
def test_parts_with_other_labels_are_not_used(model: TorchEmbedder, tmp_path: Path, change: str) -> None:
    folder = write_small_world(tmp_path / "world") / "query"
    names = sorted(file.name for file in folder.iterdir())
    columns = {"path": names, "identity": ["a", "b"] * 4, "camera": ["left", "right"] * 4}
    pyarrow.csv.write_csv(pyarrow.table(columns), folder / "mine.csv")
    network = interrupted(model, list_images(folder / "mine.csv"), tmp_path / "a.parquet")
    if change == "no camera":
        del columns["camera"]
    else:
        columns[change] = columns[change][::-1]
    pyarrow.csv.write_csv(pyarrow.table(columns), folder / "mine.csv")
    embedding_table.embed_to_table(model, list_images(folder / "mine.csv"), tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 3
    written = pq.read_table(tmp_path / "a.parquet")
    assert written.column_names == [*columns, "embedding"]
    assert all(written[name].to_pylist() == column for name, column in columns.items() if name != "path")


def test_unreadable_images_are_counted_and_what_was_computed_stays(model: TorchEmbedder, tmp_path: Path) -> None:
    folder = write_small_world(tmp_path / "world") / "query"
    files = sorted(folder.iterdir())
    for file in files[-2:]:
        file.write_bytes(b"")
    split = list_images(folder)
    with pytest.raises(DataError, match=rf"2 of 8 images cannot be read .*{files[-2].name}.*--skip-unreadable"):
        embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert len(list((tmp_path / ".a.parquet.parts").glob("*.parquet"))) == 2
    written = embedding_table.embed_to_table(model, split, tmp_path / "b.parquet", skip_unreadable=True)
    assert (written.rows, written.skipped) == (6, 2)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_part_whose_bytes_were_changed_is_computed_again(
    model: TorchEmbedder, tmp_path: Path, place: float, capsys: pytest.CaptureFixture[str]
) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    embedding_table.embed_to_table(model, split, tmp_path / "whole.parquet", batch_size=3)
    network = interrupted(model, split, tmp_path / "a.parquet")
    part = tmp_path / ".a.parquet.parts" / "000001.parquet"
    content = bytearray(part.read_bytes())
    for byte in range(int(place * len(content)), int(place * len(content)) + 4):
        content[byte] ^= 0xFF
    part.write_bytes(bytes(content))
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    found = pq.read_table(tmp_path / "a.parquet")
    assert found.drop(["path"]).equals(pq.read_table(tmp_path / "whole.parquet").drop(["path"]))
    assert network.calls in (1, 2), "the last, and the changed one if the change could do harm"
    assert list(tmp_path.glob(".a.parquet.*")) == []


def test_a_part_that_became_another_table_or_a_folder_is_computed_again(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    parts = tmp_path / ".a.parquet.parts"
    pq.write_table(pyarrow.table({"other": [1, 2, 3]}), parts / "000000.parquet")
    (parts / "000001.parquet").unlink()
    (parts / "000001.parquet").mkdir()
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 3
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 8


def test_a_file_in_the_place_of_the_parts_is_removed(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    (tmp_path / ".a.parquet.parts").write_text("?")
    assert embedding_table.embed_to_table(model, split, tmp_path / "a.parquet").rows == 8


def test_two_processes_do_not_write_one_table(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    with alone_at(tmp_path / "a.parquet"):  # what another process holds
        with pytest.raises(DataError, match=r"another process is writing .*a.parquet: wait for it, or name another"):
            embedding_table.embed_to_table(model, split, tmp_path / "a.parquet")
        assert network.calls == 0
        assert len(list((tmp_path / ".a.parquet.parts").glob("*.parquet"))) == 2, "the other's parts stay"
    assert embedding_table.embed_to_table(model, split, tmp_path / "a.parquet").rows == 8


def test_rows_are_counted_before_the_table_takes_its_name(
    model: TorchEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    read = embedding_table._read_part
    monkeypatch.setattr(embedding_table, "_read_part", lambda *arguments: read(*arguments).slice(1))
    with pytest.raises(DataError, match="do not hold 8 rows"):
        embedding_table.embed_to_table(model, split, tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()


def test_what_a_killed_process_left_is_swept(model: TorchEmbedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    left, other = (tmp_path / f".{name}.parquet.0123abcd-1-89abcdef.partial" for name in "ab")
    for file in (left, other):
        file.write_bytes(b"half")
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet")
    assert (left.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize(("scale", "fault"), [(float("nan"), "NaN"), (float("inf"), "infinite"), (0.0, "is zero")])
def test_a_feature_without_meaning_is_refused_with_its_image(
    model: TorchEmbedder, tmp_path: Path, scale: float, fault: str
) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    with torch.no_grad():
        model.model.scale.fill_(scale)  # type: ignore[union-attr, operator]
    with pytest.raises(CheckpointError, match=rf"{split.path(0)}: its feature .*{fault}"):
        embedding_table.embed_to_table(model, split, tmp_path / "a.parquet")
    with pytest.raises(CheckpointError, match=rf"{split.path(2)}: its feature .*{fault}"):
        model.embed([split.path(2)])
    assert not (tmp_path / "a.parquet").exists()
