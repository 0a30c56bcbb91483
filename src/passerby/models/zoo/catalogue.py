"""Published pre-trained backbones: what there is, what it reached, where to get it and what its licence says.

passerby brings no weights of others: most of these may not be passed on. `passerby.models.zoo.files` reads the files
that you obtain yourself.
"""

import csv
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from passerby.errors import CheckpointError

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Colour = tuple[float, float, float]
"""Red, green, blue."""


@dataclass(frozen=True)
class Collection:
    """Backbones that were published together.

    Attributes:
        title: what their authors call them.
        obtain: where and how to get the files.
        licence: what one may do with them, in a line or two.
        training: what they were trained on and how.
        mean: subtracted from pixels between 0 and 1 in pre-training.
        std: divided by in pre-training.
    """

    title: str
    obtain: str
    licence: str
    training: str
    mean: Colour = _IMAGENET_MEAN
    std: Colour = _IMAGENET_STD


_LUPERSON_ONLY = "the LUPerson images may be used for research only, not commercially"

COLLECTIONS: Mapping[str, Collection] = {
    "reidzoo": Collection(
        title="ReIDZoo",
        obtain="sign the agreement ReIDZoo_License.pdf of github.com/Zplusdragon/CION_ReIDZoo and follow its README",
        licence="signed agreement: research only; no commercial use, redistribution or modification without consent",
        training="CION (NeurIPS 2024) on CION-AL: 3.9 million images of 247 thousand people",
    ),
    "luperson": Collection(
        title="LUPerson",
        obtain="links in the README of github.com/DengpanFu/LUPerson",
        licence=f"the repository is under Apache-2.0; {_LUPERSON_ONLY}",
        training="MoCo v2 (CVPR 2021) on LUPerson: 4 million images without labels",
        mean=(0.3525, 0.3106, 0.3140),
        std=(0.2660, 0.2522, 0.2505),
    ),
    "luperson-nl": Collection(
        title="LUPerson-NL",
        obtain="links (Baidu) in the README of github.com/DengpanFu/LUPerson-NL",
        licence="the repository states none: ask its authors; its data, like LUPerson, is meant for research",
        training="PNL (CVPR 2022) on LUPerson-NL: 10 million images with the labels of a tracker",
        mean=(0.3452, 0.3070, 0.3114),
        std=(0.2633, 0.2500, 0.2480),
    ),
    "transreid-ssl": Collection(
        title="TransReID-SSL",
        obtain="links in the README of github.com/damo-cv/TransReID-SSL",
        licence=f"the repository is under MIT; {_LUPERSON_ONLY}",
        training="DINO (arXiv 2111.12084) on LUPerson",
    ),
    "pass": Collection(
        title="PASS",
        obtain="links in the README of github.com/CASIA-IVA-Lab/PASS-reID",
        licence=f"the repository is under Apache-2.0; {_LUPERSON_ONLY}",
        training="part-aware self-distillation (ECCV 2022) on LUPerson",
    ),
    "imagenet": Collection(
        title="ImageNet",
        obtain="weights of timm or torchvision",
        licence="as timm or torchvision says of the file; ImageNet's images are meant for research",
        training="ImageNet",
    ),
}
"""Name → collection; `imagenet/ARCHITECTURE` stands for any such weights and is not in the list."""

DEFAULT_COLLECTION = "reidzoo"


@dataclass(frozen=True)
class ZooEntry:
    """One published backbone.

    Attributes:
        name: `ARCHITECTURE` for ReIDZoo's, `COLLECTION/ARCHITECTURE` for others.
        title: what papers call the network.
        file: the name of its file, where that is known.
        parameters: millions, as published; as counted where nothing was. ReIDZoo's count of vision transformers
            includes 1,000 classes that are not in the files.
        macs: multiply-accumulate operations for an image of 256×128, in thousand millions, likewise.
    """

    name: str
    title: str
    file: str
    parameters: float
    macs: float

    @property
    def architecture(self) -> str:
        """The name that `passerby.models.backbones.registry.create` takes."""
        return split_name(self.name)[1]

    @property
    def collection(self) -> Collection:
        """What it was published with."""
        return COLLECTIONS[split_name(self.name)[0]]


@dataclass(frozen=True)
class Score:
    """Percentages on one benchmark, and by how much they exceed those of ImageNet's weights (None: not told)."""

    map: float
    rank1: float
    map_gain: float | None
    rank1_gain: float | None


@dataclass(frozen=True)
class FineTuning:
    """How weights were fine-tuned on one benchmark: batch size, learning rate, epochs of warm-up."""

    batch_size: int
    rate: float
    warmup_epochs: int


@dataclass(frozen=True)
class PublishedResult:
    """What a backbone reached after fine-tuning, as its authors say.

    Attributes:
        method: how it was fine-tuned.
        size: height and width of images.
        scores: benchmark → figures.
        settings: benchmark → how; empty where that was not told.
    """

    method: str
    size: tuple[int, int]
    scores: Mapping[str, Score]
    settings: Mapping[str, FineTuning]


BENCHMARKS = ("market1501", "msmt17")


@cache
def entries() -> tuple[ZooEntry, ...]:
    """All published backbones, ReIDZoo's 32 first."""
    return tuple(
        ZooEntry(row["name"], row["title"], row["file"], float(row["parameters"]), float(row["macs"]))
        for row in _rows("catalogue.csv")
    )


def find_entry(name: str) -> ZooEntry:
    """The published backbone of this name.

    Raises:
        CheckpointError: there is none; the nearest names are told.
    """
    known = {entry.name: entry for entry in entries()}
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `passerby zoo list`"
        raise CheckpointError(f"{name!r} is not in the zoo: {hint}")
    return known[name]


def split_name(name: str) -> tuple[str, str]:
    """Collection and architecture of an entry's name.

    Raises:
        CheckpointError: there is no such collection, or none is named and the first has no such architecture.
    """
    collection, slash, architecture = name.partition("/")
    if not slash:
        if not any(entry.name == name for entry in entries()):
            raise CheckpointError(
                f"{name!r} is none of {DEFAULT_COLLECTION}'s: say whose weights they are, as imagenet/{name}"
            )
        return DEFAULT_COLLECTION, name
    if collection not in COLLECTIONS:
        raise CheckpointError(f"{name!r}: there is no collection {collection!r}; known are {', '.join(COLLECTIONS)}")
    return collection, architecture


@cache
def published_results(name: str) -> tuple[PublishedResult, ...]:
    """What the backbone of this name reached; empty where nothing was published."""
    return tuple(_result(row) for row in _rows("results.csv") if row["name"] == name)


def count_operations(architecture: str, image_size: tuple[int, int] = (256, 128)) -> tuple[float, float]:
    """Parameters in millions, and multiply-accumulate operations for one image in thousand millions.

    Counted by `torch.utils.flop_counter` on a network without memory: matrix products and convolutions, nothing
    element-wise and no normalisation.

    Raises:
        RecipeError: no such architecture, or not for images of this size.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from passerby.models.backbones.registry import create

    with torch.device("meta"):
        backbone = create(architecture, image_size).eval()
        with FlopCounterMode(display=False) as counter:
            backbone(torch.zeros(1, 3, *image_size))
    parameters = sum(parameter.numel() for parameter in backbone.parameters())
    return parameters / 1e6, counter.get_total_flops() / 2e9


def _rows(file: str) -> Iterator[dict[str, str]]:
    text = (files("passerby") / "models" / "zoo" / file).read_text("utf-8")
    return iter(csv.DictReader(text.splitlines()))


def _result(row: Mapping[str, str]) -> PublishedResult:
    height, width = row["size"].split("x")
    scores = {
        data: Score(
            float(row[f"{data}_map"]),
            float(row[f"{data}_rank1"]),
            _optional(row[f"{data}_map_gain"]),
            _optional(row[f"{data}_rank1_gain"]),
        )
        for data in BENCHMARKS
    }
    settings = {
        data: FineTuning(int(row[f"{data}_batch"]), float(row[f"{data}_rate"]), int(row[f"{data}_warmup"]))
        for data in BENCHMARKS
        if row[f"{data}_batch"]
    }
    return PublishedResult(row["method"], (int(height), int(width)), scores, settings)


def _optional(text: str) -> float | None:
    return float(text) if text else None
