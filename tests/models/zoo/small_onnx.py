"""Small ONNX files for tests, made by the package onnx."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="makes small model files for tests")


def write_small_onnx(
    file: Path,
    *,
    batch: int | str = "n",
    layout: str = "NCHW",
    size: tuple[int, int] = (16, 8),
    opset: int = 17,
    seed: int = 0,
    poison: float = 0.0,
    metadata: dict[str, str] | None = None,
    **saving: Any,
) -> Path:
    """A convolution with a stride and a mean over places: 12 features that know colours, sides and scales.

    Args:
        file: to write.
        batch, layout, size: of its input `pixels`.
        opset: declared.
        seed: of its weights.
        poison: added to its weights; NaN for a broken network.
        metadata: texts by key.
        saving: for `onnx.save_model`.
    """
    helper, numpy_helper, kinds = onnx.helper, onnx.numpy_helper, onnx.TensorProto
    weights = np.random.default_rng(seed).normal(size=(12, 3, 4, 4)).astype(np.float32) + np.float32(poison)
    height, width = size
    dimensions = [batch, 3, height, width] if layout == "NCHW" else [batch, height, width, 3]
    nodes = [helper.make_node("Transpose", ["pixels"], ["image"], perm=[0, 3, 1, 2])] if layout == "NHWC" else []
    nodes += [
        helper.make_node("Conv", ["pixels" if layout == "NCHW" else "image", "weights"], ["seen"], strides=[4, 4]),
        helper.make_node("Tanh", ["seen"], ["bent"]),
        helper.make_node("GlobalAveragePool", ["bent"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", kinds.FLOAT, dimensions)],
        [helper.make_tensor_value_info("features", kinds.FLOAT, [batch, 12])],
        [numpy_helper.from_array(weights * np.float32(0.05), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save_model(model, str(file), **saving)
    return file
