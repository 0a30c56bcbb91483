"""Images per CPU second of embedding on a CPU: torch against ONNX Runtime and OpenVINO, with reading and without.

    python benchmarks/inference.py [--models resnet50 tiny-clip FILE.onnx …] [--seconds 8] [--json]

One thread. Measured are CPU seconds of the whole process, so that other load on the machine counts little; the ways
take turns, and the median of their turns is given. *Forward* is 32 prepared images through the network, 16 at a time
as `embed` does; *from JPEG* is `embed` of 32 files of 128 x 64, reading, resizing and normalising included. Networks
have random weights (but tiny-clip) and are exported as `passerby export` does, int8 calibrated on 64 drawn people and
not judged by a gate here; cosines are the smallest between 32 features and torch's. Files of others, `.onnx`, have no
torch to be compared with, and are not made int8.
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
from passerby.exporting.crops import parity_crops
from passerby.exporting.exported_card import exported_card
from passerby.exporting.graphs import IMAGES, ImageGraph, network_to_export
from passerby.exporting.onnx_model import BATCH, to_onnx
from passerby.exporting.settings import ExportSettings
from passerby.exporting.writing import network_of
from passerby.inference import FileEmbedder, TorchEmbedder, in_torch
from passerby.inference.computing import BATCH_ON_CPU
from passerby.inference.runtimes import Arithmetic, Runtime, open_session
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


RUNTIMES: tuple[tuple[str, Runtime, Arithmetic], ...] = (
    ("ONNX Runtime", "onnx", "fp32"),
    ("OpenVINO", "openvino", "fp32"),
    ("OpenVINO, bf16", "openvino", "bf16"),
)


def exported(model: TorchEmbedder, folder: Path, name: str) -> tuple[Path, Path]:
    """The model as an ONNX file and as OpenVINO's in int8, with their cards; the table's cosines alone prove them."""
    example = torch.zeros((2, *model.transform.size, 3), dtype=torch.uint8)
    graph = to_onnx(ImageGraph(network_to_export(model), model.transform), example, IMAGES, {0: BATCH}, name)
    file = folder / f"{name}.onnx"
    file.write_bytes(graph.SerializeToString())
    card = exported_card(model, licence=None, source=name, facts={})
    write_card(card, card_path(file))
    in_int8 = folder / f"{name}-int8.xml"
    calibration = parity_crops(model.transform, None, ExportSettings()).images
    network_of(graph, "openvino", "int8", calibration).save(in_int8, {})
    write_card(card, card_path(in_int8))
    return file, in_int8


def file_ways(file: Path, split: Split, runtime: Runtime, precision: Arithmetic) -> tuple[FileEmbedder, Way, Way]:
    """A file in a runtime: forward only, and from JPEG."""
    model = FileEmbedder(open_session(file, runtime=runtime, precision=precision))
    pixels = [np.random.default_rng(number).integers(0, 256, (128, 64, 3), np.uint8) for number in range(SIZE)]
    inputs = prepare(model.card.input, pixels)
    pieces = [inputs[first : first + BATCH_ON_CPU] for first in range(0, SIZE, BATCH_ON_CPU)]
    return (
        model,
        lambda _: [model.session.run(piece) for piece in pieces],
        lambda rows: model.embed(paths(split, rows), batch_size=SIZE),
    )


def torch_ways(model: TorchEmbedder, split: Split) -> tuple[Way, Way]:
    """The same in torch."""
    images = torch.randn(SIZE, 3, *model.transform.size)
    return lambda _: model.embed_batch(images), lambda rows: model.embed(paths(split, rows), batch_size=SIZE)


def paths(split: Split, rows: Any) -> list[Path]:
    return [split.path(row) for row in rows.tolist()]


def rows_of(name: str, folder: Path, split: Split, seconds: float) -> Iterator[dict[str, Any]]:
    """The table's rows of one model."""
    model = NETWORKS[name]() if name in NETWORKS else None
    file, in_int8 = (Path(name), None) if model is None else exported(model, folder, name)
    ways: dict[tuple[str, str], Way] = {}
    cosines: dict[str, float] = {}
    some = [split.path(row) for row in range(SIZE)]
    expected = None if model is None else model.embed(some)
    if model is not None:
        for title, each in (("torch", model), ("torch, bf16", model.in_bfloat16())):
            ways[title, "forward"], ways[title, "from JPEG"] = torch_ways(each, split)
            cosines[title] = float((each.embed(some) * expected).sum(1).min())
    listed = [(file, *each) for each in RUNTIMES]
    if in_int8 is not None:
        listed.append((in_int8, "OpenVINO, int8", "openvino", "fp32"))
    for each_file, title, runtime, precision in listed:
        ways_of_file = file_ways(each_file, split, runtime, precision)
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
