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
from passerby.errors import DataError
from passerby.inference import embedding_table
from passerby.inference.embedder import Embedder
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
def model(monkeypatch: pytest.MonkeyPatch) -> Embedder:
    monkeypatch.setattr(embedding_table, "_ROWS_PER_PART", 3)
    return Embedder(MeanColour(), TestTransform(size=(8, 4)), {}, torch.device("cpu"))


def test_an_interrupted_table_continues_from_its_parts(model: Embedder, tmp_path: Path) -> None:
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


def test_parts_of_another_model_are_not_used(model: Embedder, tmp_path: Path) -> None:
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
    model: Embedder, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    (tmp_path / ".a.parquet.parts" / "source.json").write_bytes(content)
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 3
    assert "source.json is damaged" in capsys.readouterr().err.replace("\n", "")
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 8


def test_a_damaged_part_is_computed_again(model: Embedder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    part = tmp_path / ".a.parquet.parts" / "000001.parquet"
    part.write_bytes(part.read_bytes()[:50])
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 2, "the damaged one and the last"
    assert "000001.parquet is damaged and is computed again" in capsys.readouterr().err.replace("\n", "")
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 8


def test_labels_of_a_table_are_carried_along(model: Embedder, tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world")
    names = sorted(file.name for file in (world / "query").iterdir())[:3]
    table = pyarrow.table({"path": names, "identity": ["b", "a", "b"], "camera": ["left", "right", "left"]})
    pyarrow.csv.write_csv(table, world / "query" / "mine.csv")
    embedding_table.embed_to_table(model, list_images(world / "query" / "mine.csv"), tmp_path / "out.parquet")
    written = pq.read_table(tmp_path / "out.parquet")
    assert written["identity"].to_pylist() == ["b", "a", "b"]
    assert written["camera"].to_pylist() == ["left", "right", "left"]
    assert [(tmp_path / path).name for path in written["path"].to_pylist()] == names


def interrupted(model: Embedder, split: Split, out: Path) -> MeanColour:
    """Embed some parts, then stop; the network that will go on counts its calls anew."""
    network: MeanColour = model.model  # type: ignore[assignment]
    network.fail_at, network.calls = 2, 0
    with pytest.raises(KeyboardInterrupt):
        embedding_table.embed_to_table(model, split, out, batch_size=3)
    network.fail_at, network.calls = -1, 0
    return network


def test_parts_of_images_that_changed_meanwhile_are_not_used(model: Embedder, tmp_path: Path) -> None:
    split = list_images(write_small_world(tmp_path / "world") / "query")
    network = interrupted(model, split, tmp_path / "a.parquet")
    Image.new("RGB", (32, 64), "white").save(split.path(0))
    embedding_table.embed_to_table(model, split, tmp_path / "a.parquet", batch_size=3)
    assert network.calls == 3
    assert pq.read_table(tmp_path / "a.parquet")["embedding"][0].as_py() == [1, 1, 1]


@pytest.mark.parametrize("change", ["identity", "camera", "no camera"])
def test_parts_with_other_labels_are_not_used(model: Embedder, tmp_path: Path, change: str) -> None:
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


def test_unreadable_images_are_counted_and_what_was_computed_stays(model: Embedder, tmp_path: Path) -> None:
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
