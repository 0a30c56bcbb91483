"""Images per CPU second of embedding on a CPU: torch against ONNX Runtime and OpenVINO, with reading and without.

    python benchmarks/inference.py [--models resnet50 tiny-clip FILE.onnx …] [--seconds 8] [--json]

One thread. Measured are CPU seconds of the whole process, so that other load on the machine counts little; the ways
take turns, and the median of their turns is given. *Forward* is a batch of 32 prepared images through the network;
*from JPEG* is `embed` of 32 files of 128 x 64, reading, resizing and normalising included. Networks have random
weights (but tiny-clip) and are exported as `passerby export` does; cosines are the smallest between 32 features and
torch's. Files of others, `.onnx`, have no torch to be compared with.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

import passerby
from loading import Way, make_images, measure, split_of
from passerby.data.augmentation.transforms import TestTransform
from passerby.data.split import Split
from passerby.errors import PasserbyError
from passerby.exporting.exported_card import exported_card
from passerby.exporting.graphs import IMAGES, ImageGraph, network_to_export
from passerby.exporting.onnx_model import BATCH, to_onnx
from passerby.inference import FileEmbedder, TorchEmbedder, in_torch
from passerby.inference.runtimes import Precision, Runtime, open_session
from passerby.models.backbones import create
from passerby.models.clip import ClipShape
from passerby.models.clip_reid import ClipReid, ClipReidSizes
from passerby.models.zoo import prepare, write_card
from passerby.models.zoo.card_files import card_path

SIZE = 32
FILES = 256
CPU_INFORMATION = Path("/proc/cpuinfo")


def clip_vit_b() -> TorchEmbedder:
    """The image tower of CLIP-ReID."""
    network = ClipReid(ClipShape("ViT-B-16", (256, 128)), ClipReidSizes(None, prompts=False))
    return TorchEmbedder(network, TestTransform(), {}, torch.device("cpu"))


def backbone(name: str) -> TorchEmbedder:
    """A bare backbone for images of 256 x 128."""
    return TorchEmbedder(create(name), TestTransform(), {"method": "backbone"}, torch.device("cpu"))


NETWORKS: dict[str, Callable[[], TorchEmbedder]] = {
    "resnet50": lambda: backbone("resnet50"),
    "vit_small": lambda: backbone("vit_small"),
    "clip-vit-b-16": clip_vit_b,
    "tiny-clip": lambda: in_torch(passerby.load("tiny-clip", device="cpu"), "the benchmark"),
}


RUNTIMES: tuple[tuple[str, Runtime, Precision], ...] = (
    ("ONNX Runtime", "onnx", "fp32"),
    ("OpenVINO", "openvino", "fp32"),
    ("OpenVINO, bf16", "openvino", "bf16"),
)


def exported(model: TorchEmbedder, folder: Path, name: str) -> Path:
    """The model as an ONNX file with its card; nothing is proven here but by the cosines of the table."""
    example = torch.zeros((2, *model.transform.size, 3), dtype=torch.uint8)
    graph = to_onnx(ImageGraph(network_to_export(model), model.transform), example, IMAGES, {0: BATCH}, name)
    file = folder / f"{name}.onnx"
    file.write_bytes(graph.SerializeToString())
    write_card(exported_card(model, licence=None, source=name, facts={}), card_path(file))
    return file


def file_ways(file: Path, split: Split, runtime: Runtime, precision: Precision) -> tuple[FileEmbedder, Way, Way]:
    """A file in a runtime: forward only, and from JPEG."""
    model = FileEmbedder(open_session(file, runtime=runtime, precision=precision))
    pixels = [np.random.default_rng(number).integers(0, 256, (128, 64, 3), np.uint8) for number in range(SIZE)]
    inputs = prepare(model.card.input, pixels)
    return model, lambda _: model.session.run(inputs), lambda rows: model.embed(paths(split, rows), batch_size=SIZE)


def torch_ways(model: TorchEmbedder, split: Split) -> tuple[Way, Way]:
    """The same in torch."""
    images = torch.randn(SIZE, 3, *model.transform.size)
    return lambda _: model.embed_batch(images), lambda rows: model.embed(paths(split, rows), batch_size=SIZE)


def paths(split: Split, rows: Any) -> list[Path]:
    return [split.path(row) for row in rows.tolist()]


def rows_of(name: str, folder: Path, split: Split, seconds: float) -> Iterator[dict[str, Any]]:
    """The table's rows of one model."""
    model = NETWORKS[name]() if name in NETWORKS else None
    file = Path(name) if model is None else exported(model, folder, name)
    ways: dict[tuple[str, str], Way] = {}
    cosines: dict[str, float] = {}
    some = [split.path(row) for row in range(SIZE)]
    expected = None if model is None else model.embed(some)
    if model is not None:
        ways["torch", "forward"], ways["torch", "from JPEG"] = torch_ways(model, split)
    for title, runtime, precision in RUNTIMES:
        ways_of_file = file_ways(file, split, runtime, precision)
        opened, ways[title, "forward"], ways[title, "from JPEG"] = ways_of_file
        found = opened.embed(some, batch_size=SIZE)
        expected = found if expected is None else expected
        cosines[title] = float((found * expected).sum(1).min())
    rates = measure(ways, split, seconds, SIZE)
    for title in dict.fromkeys(runtime for runtime, _ in ways):
        forward, whole = rates[title, "forward"], rates[title, "from JPEG"]
        yield {"model": Path(name).stem, "runtime": title, "forward": forward, "from_jpeg": whole,
               "cosine": cosines.get(title)}  # fmt: skip


def processor() -> str:
    """Its name, and the units that matter here."""
    text = CPU_INFORMATION.read_text("utf-8") if CPU_INFORMATION.is_file() else ""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    units = [unit for unit in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")
             if unit in fields.get("flags", "").split()]  # fmt: skip
    return f"{fields.get('model name', platform.processor() or platform.machine())} ({', '.join(units)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(NETWORKS), help="names, or .onnx files with cards")
    parser.add_argument("--seconds", type=float, default=8, help="CPU seconds for each way")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            photos = Path(folder) / "photos"
            photos.mkdir()
            make_images(photos, FILES)
            split = split_of(photos, FILES)
            rows = [row for name in arguments.models for row in rows_of(name, Path(folder), split, arguments.seconds)]
    except PasserbyError as error:
        sys.exit(f"inference.py: {error}")
    if arguments.json:
        print(json.dumps({"processor": processor(), "rows": rows}, indent=2))
        return
    print(
        f"{processor()}, one thread, batches of {SIZE}\n\n| model | runtime | forward | from JPEG | smallest cosine |"
    )
    print("|---|---|--:|--:|--:|")
    for row in rows:
        cosine = "" if row["cosine"] is None else f"{row['cosine']:.6f}"
        print(f"| {row['model']} | {row['runtime']} | {row['forward']:.1f} | {row['from_jpeg']:.1f} | {cosine} |")


if __name__ == "__main__":
    main()
