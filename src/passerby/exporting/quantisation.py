"""int8 after training, by NNCF, and which layers it hurts."""

import contextlib
import difflib
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import RecipeError
from passerby.exporting.graphs import EMBEDDINGS, IMAGES
from passerby.exporting.onnx_model import OUTSIDE
from passerby.exporting.openvino_model import run_openvino
from passerby.exporting.parity import Features
from passerby.progress import Progress

if TYPE_CHECKING:
    import onnx

_NO_REPORTS = "NNCF_CI"
"""NNCF reports its use to its makers over the network unless this is in the environment when it is imported."""

_PRODUCTS = re.compile("^(MatMul|Gemm|Conv)")
"""Operations that int8 makes faster."""

_WORTH_NAMING = 0.05
"""Of what the worst layer costs."""

_WITHOUT_BIASES = "/WithoutBiases"
"""What OpenVINO appends to a layer whose bias it adds in a step of its own."""


class Harm(NamedTuple):
    """A layer of an int8 network, and the mean cosine to the model's features that is regained without its int8."""

    layer: str
    regained: float


def is_transformer(model: "onnx.ModelProto") -> bool:
    """Whether a network attends: NNCF then spares what int8 destroys in it, and smooths what goes into its products."""
    return any(node.op_type == "Softmax" for node in model.graph.node)


def quantise_onnx(
    model: "onnx.ModelProto", images: NDArray[np.uint8], *, transformer: bool, keep: Sequence[str]
) -> "onnx.ModelProto":
    """An ONNX model whose matrix products and convolutions are int8, calibrated on images [N, H, W, 3].

    Raises:
        RecipeError: `keep` names a layer that is not there.
    """
    names = [node.name for node in model.graph.node]
    samples = [{IMAGES: image[None]} for image in images]
    ignored = [*_around_the_network(names, transformer), *matching_layers(names, keep)]
    quantised: onnx.ModelProto = _quantise(model, samples, transformer, ignored)
    return quantised


def quantise_openvino(model: Any, images: NDArray[np.uint8], *, transformer: bool, keep: Sequence[str]) -> Any:
    """The same for an `openvino.Model`."""
    names = [each.get_friendly_name() for each in model.get_ordered_ops() if each.get_type_name() != "Constant"]
    ignored = [*_around_the_network(names, transformer), *matching_layers(names, keep)]
    return _quantise(model, [image[None] for image in images], transformer, ignored)


def matching_layers(names: Sequence[str], keep: Sequence[str]) -> list[str]:
    """The names that are one of `keep`, or of a part of the network that is.

    Args:
        names: of all layers: `backbone.layer4.0.conv1/Conv`.
        keep: such names, or their beginning up to a dot or slash: `backbone.layer4`.

    Raises:
        RecipeError: one of `keep` names nothing; the nearest name is told.
    """
    found: list[str] = []
    for wanted in keep:
        beginnings = (f"{wanted}.", f"{wanted}/", f"{wanted}_")
        matching = [name for name in names if name == wanted or name.startswith(beginnings)]
        if not matching:
            near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.0)
            raise RecipeError(f"keep_fp16: the network has no layer {wanted!r}; the nearest is {''.join(near)}")
        found += matching
    return list(dict.fromkeys(found))


def find_harm(model: Any, images: NDArray[np.uint8], expected: Features, most: int = 5) -> list[Harm]:
    """The layers of an int8 network that cost most, worst first: each alone is computed in full, and features compared.

    Args:
        model: an `openvino.Model` of NNCF, before it was saved.
        images: a few, uint8 [N, H, W, 3].
        expected: the model's features of them, float32 [N, D].
        most: how many layers to name at most.
    """
    layers = _quantised_layers(model)
    before = _mean_cosine(run_openvino(model, images), expected)
    found = []
    with Progress("looking for layers that int8 hurts", len(layers), unit="layers") as progress:
        for layer in layers:
            without = model.clone()
            _take_out(without, layer)
            found.append(
                Harm(
                    layer.removesuffix(_WITHOUT_BIASES), _mean_cosine(run_openvino(without, images), expected) - before
                )
            )
            progress.advance(1)
    worst = sorted(found, key=lambda harm: (-harm.regained, harm.layer))[:most]
    return [harm for harm in worst if harm.regained > _WORTH_NAMING * max(worst[0].regained, 0)]


def _around_the_network(names: Sequence[str], transformer: bool) -> list[str]:
    """Steps outside of all modules, before and after the network: pixels and lengths stay exact, products may not.

    Of a transformer products there stay exact too: that is the projection behind a tower, one of many products. Where a
    token is chosen behind it, as in CLIP-ReID, OpenVINO cannot compile its int8.
    """
    outside = [name for name in names if name.startswith(f"{OUTSIDE}/")]
    exact = [name for name in outside if transformer or not _PRODUCTS.search(name.rpartition("/")[2])]
    return [*exact, *(name for name in names if name == EMBEDDINGS)]


def _quantise(model: Any, samples: list[Any], transformer: bool, ignored: list[str]) -> Any:
    os.environ.setdefault(_NO_REPORTS, "1")
    import nncf

    nncf.set_log_level(logging.ERROR)
    with _progress_on_stderr():
        return nncf.quantize(
            model,
            nncf.Dataset(samples),
            subset_size=len(samples),
            model_type=nncf.ModelType.TRANSFORMER if transformer else None,
            ignored_scope=nncf.IgnoredScope(names=ignored, validate=False) if ignored else None,
        )


@contextlib.contextmanager
def _progress_on_stderr() -> Iterator[None]:
    """NNCF shows its progress where a command's result belongs."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _quantised_layers(model: Any) -> list[str]:
    """Names of the layers that take something quantised, in the order of the network."""
    return [
        each.get_friendly_name()
        for each in model.get_ordered_ops()
        if each.get_type_name() != "FakeQuantize" and any(_is_quantised(port) for port in each.inputs())
    ]


def _take_out(model: Any, layer: str) -> None:
    for each in model.get_ordered_ops():
        if each.get_friendly_name() == layer:
            for port in each.inputs():
                if _is_quantised(port):
                    port.replace_source_output(port.get_source_output().get_node().input_value(0))


def _is_quantised(port: Any) -> bool:
    return bool(port.get_source_output().get_node().get_type_name() == "FakeQuantize")


def _mean_cosine(found: Features, expected: Features) -> float:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((found * expected).sum(1) / np.maximum(lengths, 1e-12)).mean())
