"""`passerby eval`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passerby.cli.options import (
    PROTOCOL,
    AllowTorchscript,
    AsJson,
    BatchSize,
    CameraWeights,
    Data,
    Device,
    ModelArgument,
    Precision,
    Root,
    Runtime,
    Settings,
    SkipAsTheRun,
    flag,
    keys_option,
    option,
)
from passerby.cli.plugin_option import with_plugins
from passerby.cli.printing.help import TRAINING, command

if TYPE_CHECKING:
    from passerby.config import Section

ORDER = 11

_ABOUT = """Evaluate a model on a query and a gallery: mAP, CMC, mINP with intervals, and a page of rank lists.

Without --data, a run is evaluated on the data that its recipe names. `passerby occlusion` measures occluded queries.
"""

_EXAMPLES = (
    "passerby eval runs/market",
    "passerby eval runs/market --data market1501 --root /data/market1501 --rerank",
    "passerby eval ViT-CLIP-ReID-SIE-OLP.pth --data market1501 --root /data --camera-embedding market1501:1.0",
)


def _settings() -> "type[Section]":
    from passerby.workflows.evaluation_settings import EvaluationSettings

    return EvaluationSettings


Out = Annotated[
    Path | None, option("DIR", "Receives metrics.json and report/; default: the run, else evaluation/.", "--out", "-o")
]
Pooling = Annotated[
    str | None,
    option("NAME", "Compare tracklets by the mean, attention or max of their images; none: images.", panel=PROTOCOL),
]
MultiQuery = Annotated[bool, flag("--multi-query", "Join the queries of each person and camera to one.", PROTOCOL)]
Rerank = Annotated[bool, flag("--rerank", "Re-rank as well (k-reciprocal); uses all queries together.", PROTOCOL)]
OpenSet = Annotated[
    int,
    option("N", "Draws of half of the people as unknown, to measure false alarms.", panel=PROTOCOL, at_least=0),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "eval", with_plugins(evaluate), _ABOUT, *_EXAMPLES, panel=TRAINING)


def evaluate(
    model: ModelArgument,
    data: Data = None,
    root: Root = None,
    out: Out = None,
    figure: Annotated[Path | None, option("FILE", "Draw rank lists as a .png, .svg or .pdf picture too.")] = None,
    export: Annotated[Path | None, option("FILE", "Write how every query did as .csv or .parquet too.")] = None,
    pooling: Pooling = None,
    multi_query: MultiQuery = False,
    rerank: Rerank = False,
    open_set: OpenSet = 0,
    batch_size: BatchSize = None,
    device: Device = None,
    runtime: Runtime = "auto",
    precision: Precision = "fp32",
    camera_embedding: CameraWeights = None,
    allow_torchscript: AllowTorchscript = False,
    skip_unreadable: SkipAsTheRun = None,
    settings: Settings = None,
    _keys: Annotated[bool, keys_option(_settings)] = False,
    as_json: AsJson = False,
) -> None:
    """Parse, run, print."""
    from passerby.cli.printing.output import print_seeds
    from passerby.evaluation.pooling import as_pooling
    from passerby.workflows.evaluation_settings import CameraEmbedding, read_evaluation_settings

    chosen = read_evaluation_settings(settings or ())
    protocol = chosen.protocol(as_pooling(pooling), multi_query=multi_query, rerank=rerank, open_set_draws=open_set)
    from passerby.workflows.evaluate import evaluate_and_report  # torch, after what can be wrong without it
    from passerby.workflows.evaluation_request import EvaluationRequest

    request = EvaluationRequest(
        model=model,
        data=data,
        root=root,
        out=out,
        figure=figure,
        export=export,
        protocol=protocol,
        batch_size=batch_size,
        device=device,
        runtime=runtime,
        precision=precision,
        camera_embedding=CameraEmbedding.parsed(camera_embedding or ""),
        allow_torchscript=allow_torchscript,
        skip_unreadable=skip_unreadable,
        check_counts=chosen.check_counts,
    )
    print_seeds(evaluate_and_report(request), as_json=as_json)
