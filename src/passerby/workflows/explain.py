"""Pictures of what a model used of an image and what it suppressed: maps over the crop, whole and occluded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from passerby.data.arguments import check_type, check_whole_number
from passerby.data.occlusion.occlude import Condition, Fill, Occlusion, image_seed, occlude
from passerby.data.pixels.decoding import read_image, resize_image
from passerby.inference.embedder import Embedder
from passerby.inference.loading import as_embedder, runtime_in_torch
from passerby.inference.torch_embedder import TorchEmbedder, in_torch
from passerby.models.inspection.attention_maps import AttentionMaps
from passerby.output_paths import check_not_input, check_output_file, expanded, expanded_paths
from passerby.report.ranking.figure import FIGURE_SUFFIXES, save_figure

_COLOURS = "inferno"
_STRENGTH = 0.75
_TILE = (1.15, 2.6)


@dataclass(frozen=True)
class Occluder:
    """How an image is occluded, to be shown next to the whole one.

    Attributes:
        condition: `rectangle`, `bottom`, `patches` or `people`.
        level: the occluded share.
        fill: what an occluded pixel becomes.
        donor: the image of another person, for the condition `people`.
    """

    condition: Condition
    level: float = 0.4
    fill: Fill = "grey"
    donor: str | Path | None = None


@dataclass(frozen=True)
class Explained:
    """One image, whole or occluded.

    Attributes:
        name: of the file.
        image: uint8 [H, W, 3], as the network sees it.
        seen: where the network looked.
        occluded: bool [H, W]; None for a whole image.
    """

    name: str
    image: NDArray[np.uint8]
    seen: AttentionMaps
    occluded: NDArray[np.bool_] | None = None

    def weight_on_occluded(self) -> dict[str, float]:
        """Of each map, the share that lies on what is occluded; empty for a whole image."""
        if self.occluded is None:
            return {}
        inside = self.seen.geometry.share_inside(torch.from_numpy(self.occluded))
        return {name: float((values * inside).sum()) for name, values in self.seen.maps.items()}


def explain(
    model: Embedder | str | Path,
    images: str | Path | Sequence[str | Path],
    out: str | Path = "explain.png",
    *,
    occluder: Occluder | None = None,
    anchors: int = 3,
    device: str | None = None,
    allow_torchscript: bool = False,
) -> list[Explained]:
    """Draw what a model looks at, as maps over each image.

    Examples:
        >>> passerby.explain("runs/saga", "query/0003_c1.jpg", "maps.png")[0].seen.maps
        >>> passerby.explain(model, files, "maps.svg", occluder=passerby.Occluder("rectangle", level=0.4))

    Args:
        model: as `passerby.load` returns it, or what `passerby.load` takes; of a method that has attention.
        images: files, one or several.
        out: the picture to write: .png, .svg or .pdf.
        occluder: how each image is also occluded, to be shown next to it.
        anchors: how many of SAGA's anchors are shown.
        device: of a model that has yet to be loaded, see `passerby.load`.
        allow_torchscript: of a model that has yet to be loaded, see `passerby.load`.

    Returns:
        Each whole image, followed by its occluded version if that was asked for.

    Raises:
        PasserbyError: the model or an image cannot be used, or the picture cannot be written.
    """
    out = expanded(out)
    check_output_file(out, FIGURE_SUFFIXES)
    check_whole_number("anchors", anchors, at_least=0)
    if occluder is not None:
        check_type("occluder", occluder, Occluder)
    files = expanded_paths(images, "images")
    check_not_input(out, files)
    runtime = runtime_in_torch(model)
    opened = as_embedder(model, device=device, allow_torchscript=allow_torchscript, runtime=runtime)
    embedder = in_torch(opened, "explain")
    explained = [each for file in files for each in _explain(embedder, file, occluder, anchors)]
    save_figure(explain_figure(explained), out)
    return explained


def explain_figure(explained: Sequence[Explained]) -> Figure:
    """One line for each image: the image, then its maps over it; what is occluded is outlined."""
    columns = 1 + max(len(each.seen.maps) for each in explained)
    figure = Figure(
        figsize=(_TILE[0] * columns + 0.2, _TILE[1] * len(explained) + 0.1), dpi=140, facecolor="white",
        layout="constrained",
    )  # fmt: skip
    panels = figure.subplots(len(explained), columns, squeeze=False)
    for line, each in enumerate(explained):
        on_occluded = each.weight_on_occluded()
        covered = "" if each.occluded is None else f"\noccluded: {100 * each.occluded.mean():.0f} %"
        _draw(panels[line, 0], each, None, each.name[:16] + covered)
        for column, (name, values) in enumerate(each.seen.maps.items(), start=1):
            caption = f"{name}\npeak {float(values.max() / values.mean()):.1f} × mean"
            if on_occluded:
                caption += f"\non occluded: {100 * on_occluded[name]:.0f} %"
            _draw(panels[line, column], each, each.seen.geometry.over_pixels(values).numpy(), caption)
        for column in range(1 + len(each.seen.maps), columns):
            panels[line, column].axis("off")
    return figure


def _explain(embedder: TorchEmbedder, file: Path, occluder: Occluder | None, anchors: int) -> list[Explained]:
    transform = embedder.transform
    image = resize_image(read_image(file), transform.size, transform.interpolation)
    versions: list[tuple[NDArray[np.uint8], NDArray[np.bool_] | None]] = [(image, None)]
    if occluder is not None:
        seed = image_seed("explain", file.name, occluder.condition, 0)
        donor = None
        if occluder.donor is not None:
            donor = resize_image(read_image(expanded(occluder.donor)), transform.size, transform.interpolation)
        found = occlude(image, Occlusion(occluder.condition, occluder.level, seed, occluder.fill), donor)
        versions.append((found.image, found.mask))
    pixels = torch.from_numpy(np.stack([picture.transpose(2, 0, 1) for picture, _ in versions]))
    maps = embedder.attention_maps(transform.normalise(pixels).to(embedder.device), anchors=anchors)
    return [
        Explained(file.name, picture, seen, occluded) for (picture, occluded), seen in zip(versions, maps, strict=True)
    ]


def _draw(axes: Axes, each: Explained, values: NDArray[np.float32] | None, caption: str) -> None:
    """The image, and over it a map scaled to its own largest value: dark where nothing was used."""
    shown = each.image / 255.0
    if values is not None:
        strength = values / max(float(values.max()), 1e-12)
        coloured = mpl.colormaps[_COLOURS](strength)[..., :3]
        grey = shown.mean(2, keepdims=True)
        shown = (1 - _STRENGTH) * grey + _STRENGTH * coloured
    axes.imshow(shown, interpolation="nearest")
    if each.occluded is not None and each.occluded.any() and not each.occluded.all():
        axes.contour(each.occluded, levels=[0.5], colors="#35c3ff", linewidths=1.0)
    axes.set_title(caption, fontsize=6)
    axes.set_xticks([])
    axes.set_yticks([])
