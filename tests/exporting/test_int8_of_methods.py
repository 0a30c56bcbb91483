"""int8 of transformers that choose a token behind their projection."""

from pathlib import Path

import numpy as np
import torch

import passerby
from passerby.exporting.graphs import IMAGES, ImageGraph, network_to_export
from passerby.exporting.onnx_model import BATCH, to_onnx
from passerby.exporting.openvino_model import run_openvino, to_openvino
from passerby.exporting.quantisation import quantise_openvino
from passerby.inference import in_torch
from tests.exporting.nano_models import write_nano_model


def test_clip_reid_in_int8_runs_in_openvino(tmp_path: Path) -> None:
    file = write_nano_model("clip-reid", tmp_path / "model.safetensors")
    model = in_torch(passerby.load(file, device="cpu"), "the test")
    example = torch.zeros((2, *model.transform.size, 3), dtype=torch.uint8)
    graph = to_onnx(ImageGraph(network_to_export(model), model.transform), example, IMAGES, {0: BATCH}, "nano")
    images = np.random.default_rng(0).integers(0, 256, (16, *model.transform.size, 3), dtype=np.uint8)
    expected = run_openvino(to_openvino(graph), images)
    found = run_openvino(quantise_openvino(to_openvino(graph), images, transformer=True, keep=()), images)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(1) / lengths).min() > 0.99
