"""The text tower of a model, as a file of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from passerby.exporting.exported_card import CONTEXT, TOKENIZER
from passerby.exporting.graphs import TOKENS, TextGraph
from passerby.exporting.onnx_model import BATCH, to_onnx
from passerby.exporting.parity import Features, Parity, Precision, check_parity, compare
from passerby.exporting.writing import network_of
from passerby.inference.runtimes import default_threads
from passerby.inference.runtimes.onnx_session import open_onnx
from passerby.inference.text_embedding import TextEmbeddingModel
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.models.clip.word_tokens import END, START

LENGTH = "L"
_VOCABULARY = START - 1
_TEXTS = 64
_SHORT = 20


@dataclass(frozen=True)
class TextTower:
    """A text tower that was written, and how its features differ from the model's."""

    file: Path
    parity: Parity
    tokenizer: str = TOKENIZER


def export_text(embedder: TorchEmbedder, network: nn.Module, file: Path, precision: Precision) -> TextTower | None:
    """Write the text tower of a model that has one, and compare it.

    Args:
        embedder: the model.
        network: a copy of its network, to be exported.
        file: the `.onnx` to write; ONNX Runtime and OpenVINO both read it.
        precision: of the file; int8 is for images only.

    Raises:
        ExportError: it does not compute what the model does.
    """
    if not hasattr(network, "embed_text"):
        return None
    tokens = example_tokens(embedder.description.get("tokens"))
    model = to_onnx(TextGraph(network), torch.from_numpy(tokens[:2]), TOKENS, {0: BATCH, 1: LENGTH}, file.name)
    network_of(model, "onnx", precision).save(file, {})
    with torch.inference_mode():
        features = cast(TextEmbeddingModel, embedder.model).embed_text(torch.from_numpy(tokens).to(embedder.device))
    expected: Features = features.float().cpu().numpy()
    session = open_onnx(file, default_threads())

    def run(some: NDArray[np.int64]) -> Features:
        return np.asarray(session.run(None, {TOKENS: some})[0])

    source = f"{len(tokens)} drawn texts"
    parity = compare(run, tokens, expected, source)
    check_parity(parity, precision, file.name)
    short = tokens[:, _SHORT:].sum(1) == 0
    check_parity(compare(run, tokens[short, :_SHORT], expected[short], source), precision, file.name)
    return TextTower(file, parity)


def example_tokens(known: list[int] | None, count: int = _TEXTS) -> NDArray[np.int64]:
    """Token numbers of texts that mean nothing, of all lengths, int64 [count, 77].

    Args:
        known: the tokens that a model has learned; None: all.
        count: how many texts.
    """
    generator = np.random.default_rng(0)
    choices = np.array([token for token in known if token < START] if known else np.arange(1, _VOCABULARY))
    tokens = np.zeros((count, CONTEXT), np.int64)
    for row, words in enumerate(np.linspace(1, CONTEXT - 2, count).astype(int).tolist()):
        tokens[row, 0], tokens[row, words + 1] = START, END
        tokens[row, 1 : words + 1] = generator.choice(choices, words)
    return tokens
