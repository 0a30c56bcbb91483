"""From a model to files that are proven: written into a folder, compared with the model, and refused if they differ."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from passerby.data.split import Benchmark
from passerby.errors import ExportError
from passerby.exporting.crops import Evaluated, evaluation_crops, parity_crops
from passerby.exporting.exported_card import exported_card, text_section
from passerby.exporting.graphs import IMAGES, ImageGraph, network_to_export
from passerby.exporting.onnx_model import BATCH, OPSET, to_onnx
from passerby.exporting.parity import (
    Features,
    Parity,
    Precision,
    RankingParity,
    check_parity,
    compare,
    compare_rankings,
    ranks_alike,
)
from passerby.exporting.quantisation import Harm, find_harm, is_transformer, quantise_openvino
from passerby.exporting.settings import ExportSettings
from passerby.exporting.text_tower import TextTower, export_text
from passerby.exporting.writing import Format, Network, network_of
from passerby.inference.runtimes import ModelSession, open_session, reference_values
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.models.zoo import METADATA_KEY, ModelCard, ReferenceSection, card_path, card_text, file_digest, write_card
from passerby.progress import Progress, log_line

_BATCH = 32
_LONGEST_REFERENCE = 4096
_HARM_CROPS = 16

Suffix = Literal[".onnx", ".xml"]
_SUFFIXES: Mapping[Format, Suffix] = {"onnx": ".onnx", "openvino": ".xml"}


def _ending(precision: Precision) -> str:
    return "" if precision == "fp32" else f"-{precision}"


@dataclass(frozen=True)
class ExportPlan:
    """What is to be written.

    Attributes:
        format: of the files.
        precision: of weights, and with int8 of computing.
        settings: what the files are compared on.
        source: where the model comes from, for the card.
        licence: of the weights, for the card; None: as the model declares.
    """

    format: Format
    precision: Precision
    settings: ExportSettings
    source: str
    licence: str | None = None

    def image_file(self, folder: Path) -> Path:
        """Where the image tower is written: `model.onnx`, `model-fp16.xml`."""
        return folder / f"model{_ending(self.precision)}{_SUFFIXES[self.format]}"

    def text_file(self, folder: Path) -> Path:
        """Where the text tower is written: `text.onnx`, `text-fp16.onnx`."""
        return folder / f"text{_ending(self.text_precision)}.onnx"

    @property
    def text_precision(self) -> Precision:
        """Of the text tower, which is never int8."""
        return "fp16" if self.precision == "int8" else self.precision


@dataclass(frozen=True)
class Exported:
    """Files that compute what the model does.

    Attributes:
        file: the image tower: an `.onnx`, or an `.xml` with its `.bin` beside it.
        card: beside it.
        parity: how its features differ from the model's.
        ranking: how its rankings differ; None where it is not int8.
        text: the text tower, where there is one, as `.onnx`.
        text_parity: how its features differ.
    """

    file: Path
    card: Path
    parity: Parity
    ranking: RankingParity | None = None
    text: Path | None = None
    text_parity: Parity | None = None


def write_export(embedder: TorchEmbedder, folder: Path, plan: ExportPlan, data: Benchmark | None) -> Exported:
    """Write a model's files into a folder, and compare them with the model.

    Args:
        embedder: on the CPU.
        folder: is there and holds nothing of these names; what is left in it after an error is of no use.
        plan: what to write.
        data: the crops to compare on; None: drawn people.

    Raises:
        ExportError: a file does not compute what the model does.
        CheckpointError: torch cannot write the network as ONNX.
        DataError: the data has too few images, or one cannot be read.
    """
    settings, file = plan.settings, plan.image_file(folder)
    crops = parity_crops(embedder.transform, data, settings)
    evaluated = evaluation_crops(embedder.transform, data, settings) if plan.precision == "int8" else None
    log_line("writing the network as ONNX", show=True)
    network = network_to_export(embedder)
    graph = _onnx_graph(network, embedder, plan)
    calibration = None if evaluated is None else evaluated.calibration.images
    made = network_of(graph, plan.format, plan.precision, calibration, settings.keep_fp16)
    card = exported_card(embedder, licence=plan.licence, source=plan.source, facts=_facts(plan, evaluated))
    made.save(file, {METADATA_KEY: card_text(card)})
    session = open_session(file, card, check=False)
    expected = embed_crops(embedder, crops.images, "features of the model")
    parity = compare(lambda batch: session.run(batch)[0], crops.images, expected, crops.source)
    check_parity(parity, plan.precision, file.name)
    ranking = None
    if evaluated is not None:
        ranking = _compare_rankings(embedder, session, evaluated)
        if not ranks_alike(ranking):
            harm = _find_harm(graph, evaluated, plan, embedder)
            raise ExportError(_refusal(file.name, ranking, harm, settings.keep_fp16))
    text = export_text(embedder, network, plan.text_file(folder), plan.text_precision)
    card = _finished(card, session, parity, ranking, text, embedder)
    _save_with_card(made, file, card)
    exported = Exported(file, card_path(file), parity, ranking)
    return exported if text is None else replace(exported, text=text.file, text_parity=text.parity)


def write_unproven(embedder: TorchEmbedder, file: Path) -> None:
    """Write the image tower of a model as ONNX with its card, for a caller who compares the features before any use.

    Args:
        embedder: on the CPU.
        file: to write, an `.onnx`.

    Raises:
        CheckpointError: torch cannot write the network as ONNX.
    """
    source = str(embedder.file or type(embedder.model).__name__)
    plan = ExportPlan("onnx", "fp32", ExportSettings(), source)
    graph = _onnx_graph(network_to_export(embedder), embedder, plan)
    card = exported_card(embedder, licence=None, source=source, facts=_facts(plan, None))
    network_of(graph, plan.format, plan.precision).save(file, {METADATA_KEY: card_text(card)})
    write_card(card.model_copy(update={"sha256": file_digest(file)}), card_path(file))


def embed_crops(embedder: TorchEmbedder, images: NDArray[np.uint8], title: str) -> Features:
    """Features of the model as `embed` gives them, float32 [N, D], of crops at its size."""
    parts = []
    with Progress(title, len(images)) as progress:
        for first in range(0, len(images), _BATCH):
            some = list(images[first : first + _BATCH])
            parts.append(embedder.embed(some, batch_size=_BATCH))
            progress.advance(len(some))
    return np.concatenate(parts)


def _onnx_graph(network: nn.Module, embedder: TorchEmbedder, plan: ExportPlan) -> Any:
    example = torch.zeros((2, *embedder.transform.size, 3), dtype=torch.uint8)
    return to_onnx(ImageGraph(network, embedder.transform), example, IMAGES, {0: BATCH}, plan.source)


def _facts(plan: ExportPlan, evaluated: Evaluated | None) -> dict[str, str]:
    facts = {"precision": plan.precision, "opset": str(OPSET)}
    if evaluated is not None:
        facts["calibration"] = evaluated.calibration.source
    if plan.settings.keep_fp16:
        facts["kept_fp16"] = ", ".join(plan.settings.keep_fp16)
    return facts


def _compare_rankings(embedder: TorchEmbedder, session: ModelSession, evaluated: Evaluated) -> RankingParity:
    parts = (evaluated.query, evaluated.gallery)
    query, gallery = (embed_crops(embedder, images, "features of the model") for images in parts)
    found = [_run(session, images) for images in parts]
    rows = (evaluated.query_split, evaluated.gallery_split)
    return compare_rankings((query, gallery), (found[0], found[1]), *rows, evaluated.source)


def _run(session: ModelSession, images: NDArray[np.uint8]) -> Features:
    parts = []
    with Progress("features of the exported file", len(images)) as progress:
        for first in range(0, len(images), _BATCH):
            parts.append(session.run(images[first : first + _BATCH])[0])
            progress.advance(len(parts[-1]))
    return np.concatenate(parts)


def _find_harm(graph: Any, evaluated: Evaluated, plan: ExportPlan, embedder: TorchEmbedder) -> list[Harm]:
    """Layers that int8 hurts, found in OpenVINO's form, in which layers can be taken out one by one."""
    from passerby.exporting.openvino_model import to_openvino

    some = evaluated.calibration.images[:_HARM_CROPS]
    quantised = quantise_openvino(
        to_openvino(graph),
        evaluated.calibration.images,
        transformer=is_transformer(graph),
        keep=plan.settings.keep_fp16,
    )
    return find_harm(quantised, some, embedder.embed(list(some)))


def _refusal(name: str, ranking: RankingParity, harm: list[Harm], kept: tuple[str, ...]) -> str:
    listed = ", ".join(f"{each.layer} ({each.regained:.4f})" for each in harm)
    names = ", ".join((*kept, *(each.layer for each in harm)))
    advice = (
        f"int8 hurts most, by the cosine that is regained without it: {listed}; keep them from it with "
        f"--set 'keep_fp16=[{names}]'"
        if harm
        else "no single layer is at fault: take fp16"
    )
    return f"{name} was not kept: {ranking.told()}; at most 0.5 points of mAP may be lost, and 95 % must stay: {advice}"


def _finished(
    card: ModelCard,
    session: ModelSession,
    parity: Parity,
    ranking: RankingParity | None,
    text: TextTower | None,
    embedder: TorchEmbedder,
) -> ModelCard:
    """The card with what was measured."""
    facts = {**card.facts, "parity": parity.told()}
    if ranking is not None:
        facts["ranking"] = ranking.told()
    if text is not None:
        facts |= {"text_parity": text.parity.told(), "tokenizer": text.tokenizer}
    values = reference_values(session)
    reference = ReferenceSection(values=tuple(values.tolist())) if len(values) <= _LONGEST_REFERENCE else None
    return ModelCard(
        **dict(card)
        | {
            "kind": "clip" if text is not None else "embedder",
            "facts": facts,
            "reference": reference,
            "text": None if text is None else text_section(text.file, embedder.description),
        }
    )


def _save_with_card(network: Network, file: Path, card: ModelCard) -> None:
    """Write the file with its card inside and beside, and open it as users will: the card is checked."""
    network.save(file, {METADATA_KEY: card_text(card)})
    digest = file_digest(file.with_suffix(".bin") if file.suffix == ".xml" else file)
    write_card(card.model_copy(update={"sha256": digest}), card_path(file))
    open_session(file)
