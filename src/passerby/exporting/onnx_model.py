"""From a torch module to ONNX: any number of images, names that say where a layer stands, weights in half or in full.

Torch's exporter that traces a program with symbolic sizes is used, not the older one that records one run: that one
writes the number of images it was shown into the graph wherever a network asks for it.
"""

import logging
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from passerby.errors import CheckpointError
from passerby.exporting.graphs import EMBEDDINGS

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""The lowest that torch's exporter writes; ONNX Runtime reads it since 1.14."""

BATCH = "N"
OUTSIDE = "graph"
"""Where a step stands that belongs to no module of the network."""

_EXAMPLES = 2
_SCOPES = "pkg.torch.onnx.name_scopes"
_LARGEST_FILE = 2**31 - 1
_SMALLEST_HALVED = 256
"""Weights of fewer numbers (biases, scales, constants) are not worth halving."""


def to_onnx(
    graph: nn.Module, example: Tensor, input_name: str, dimensions: Mapping[int, str], source: str
) -> "onnx.ModelProto":
    """An ONNX model that computes what a module does.

    Args:
        graph: in evaluation mode.
        example: an input of two rows or more.
        input_name: its name in the file.
        dimensions: of the input, those that may have any length, and what they are called; `BATCH` is the first one's.
        source: names the model in errors.

    Raises:
        CheckpointError: torch cannot write this network as ONNX, or it is too large for one file.
    """
    assert len(example) >= _EXAMPLES, "torch takes a dimension of 1 for a fixed one"
    names = dict.fromkeys(dimensions, torch.export.Dim.DYNAMIC)
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                graph,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[input_name],
                output_names=[EMBEDDINGS],
                dynamic_shapes=(names,),
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = " ".join(str(error.__cause__ or error).split())[:160]
        raise CheckpointError(
            f"{source}: torch cannot write this network as ONNX ({reason}): it must not decide by values of an image "
            "what it computes"
        ) from error
    assert program is not None
    return _tidied(program.model_proto, dimensions, source)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings and notes of torch's exporter, which are about its own code."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def halved(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The same with weights stored as float16, and converted back when a runtime loads them: computing stays float32.

    Weights that float16 cannot hold keep their type.
    """
    import onnx
    from onnx import numpy_helper

    found = type(model)()
    found.CopyFrom(model)
    casts = []
    for weights in found.graph.initializer:
        if weights.data_type != onnx.TensorProto.FLOAT or int(np.prod(weights.dims)) < _SMALLEST_HALVED:
            continue
        values = numpy_helper.to_array(weights)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            continue
        name = weights.name
        weights.CopyFrom(numpy_helper.from_array(half, f"{name}.float16"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}.float16"], [name], name=f"{name}/Cast", to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *found.graph.node]
    del found.graph.node[:]
    found.graph.node.extend(nodes)
    return found


def set_metadata(model: "onnx.ModelProto", texts: Mapping[str, str]) -> None:
    """Write texts into a model's metadata in place of what is there."""
    del model.metadata_props[:]
    for key, value in texts.items():
        model.metadata_props.add(key=key, value=value)


def _tidied(model: "onnx.ModelProto", dimensions: Mapping[int, str], source: str) -> "onnx.ModelProto":
    """Without traces of this machine, unused weights and shapes inside; nodes named after the layer they belong to."""
    graph = model.graph
    used = {name for node in graph.node for name in node.input}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    _name_nodes(graph.node)
    _forget(graph.node, graph.initializer, graph.input, graph.output, [graph])
    for place, name in dimensions.items():
        graph.input[0].type.tensor_type.shape.dim[place].dim_param = name
    graph.output[0].type.tensor_type.shape.dim[0].dim_param = BATCH
    graph.name, model.producer_name = "passerby", "passerby"
    set_metadata(model, {})
    if model.ByteSize() > _LARGEST_FILE:
        raise CheckpointError(f"{source}: has {model.ByteSize():,} bytes of weights; one ONNX file holds 2 GiB")
    return model


def _name_nodes(nodes: "Iterable[onnx.NodeProto]") -> None:
    """`visual.conv1/Conv`: where the layer stands in the network, and what it does."""
    seen: Counter[str] = Counter()
    for node in nodes:
        scopes = next((each.value for each in node.metadata_props if each.key == _SCOPES), "")
        place = [
            each for each in scopes.strip("[]").replace("'", "").split(", ")[-2:-1] if not each.startswith("_empty")
        ]
        name = f"{(place[0] if place else '').removeprefix('model.') or OUTSIDE}/{node.op_type}"
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}_{seen[name]}"


def _forget(*groups: "Iterable[onnx.NodeProto | onnx.TensorProto | onnx.ValueInfoProto | onnx.GraphProto]") -> None:
    """Remove what the exporter notes about its own work, such as lines of source files on this machine."""
    for group in groups:
        for each in group:
            each.doc_string = ""
            del each.metadata_props[:]
