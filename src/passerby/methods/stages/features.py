"""Features extracted once and learned from many times."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from passerby.atomic_files import write_atomically
from passerby.data.fingerprint import fingerprint
from passerby.data.loading.loaders import EvalLoader
from passerby.data.loading.sampling import shuffled_batches
from passerby.distributed.processes import gather_shares, share_of, take_buffers_of_first_process
from passerby.methods.method import TrainingData
from passerby.methods.stage import Stage
from passerby.models.feature_check import check_features
from passerby.models.inference_mode import evaluation_mode
from passerby.models.weights_digest import add_weights
from passerby.progress import Progress, log_line

EXTRACTION_BATCH = 64
"""Images whose features are computed at once."""


class FeatureBatch(NamedTuple):
    """A batch of cached features: float32 [B, D], and their identities, int64 [B]."""

    features: Tensor
    identities: Tensor


class FeatureBatches:
    """Shuffled batches of cached features; the last, smaller one is included.

    Args:
        features: [N, D]; identities: int64 [N].
        batch_size: per process.
        seed, epoch: key the order.
        process, processes: every process gets its own share, all the same number of steps.
    """

    def __init__(
        self,
        features: Tensor,
        identities: Tensor,
        *,
        batch_size: int,
        seed: int,
        epoch: int,
        process: int,
        processes: int,
    ) -> None:
        self._features, self._identities = features, identities
        self._batches = shuffled_batches(
            len(features), batch_size, seed=seed, epoch=epoch, rank=process, processes=processes, drop_last=False
        )
        self._first = 0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[FeatureBatch]:
        for rows in self._batches[self._first :]:
            indices = torch.as_tensor(rows)
            yield FeatureBatch(self._features[indices], self._identities[indices])

    def skip_to(self, step: int) -> None:
        """Begin with this step."""
        self._first = step


def extract_features(stage: Stage, function: Callable[[Tensor], Tensor], data: TrainingData, file: Path) -> Tensor:
    """Features of all training images, float32 [N, D] on the CPU, kept in `file` for a resumed run.

    Every process extracts its share of the images and reads the others' shares. Images are not augmented. All modules
    of the stage are in inference mode meanwhile, whatever mode Lightning finds or wants them in.

    Args:
        stage: whose device and processes are used.
        function: images [B, 3, H, W] → features [B, D], by modules of the stage.
        data: what to extract from.
        file: where the features go; a part per process, under names that tell the images and the frozen weights.
    """
    processes, process = stage.trainer.world_size, stage.global_rank
    bounds = [len(data.split) * number // processes for number in range(processes + 1)]
    mark = _mark(stage, data)
    parts = [file.with_suffix(f".{mark}.{number}-of-{processes}{file.suffix}") for number in range(processes)]
    if not _is_whole(parts[process]):
        rows = range(bounds[process], bounds[process + 1])
        part = _extract(stage, function, data, rows)
        with write_atomically(parts[process]) as temporary:
            safetensors.torch.save_file({"features": part}, temporary)
    stage.trainer.strategy.barrier("features")
    return torch.cat([safetensors.torch.load_file(part)["features"] for part in parts])


def features_of(stage: Stage, function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Features of one batch, float32 [B, D] on the CPU, in inference mode and without gradient."""
    with torch.no_grad(), evaluation_mode(stage):
        return function(images).float().cpu()


def current_features(stage: Stage, function: Callable[[Tensor], Tensor], data: TrainingData) -> Tensor:
    """Features of all training images as the stage's modules see them now, float32 [N, D] on its device.

    Every process computes its share and gets those of the others. Images are not augmented.

    Args:
        stage: whose device is used.
        function: images [B, 3, H, W] → features [B, D], by modules of the stage.
        data: what to extract from.
    """
    take_buffers_of_first_process(stage)
    count = len(data.split)
    return gather_shares(_extract(stage, function, data, share_of(count)).to(stage.device), count)


def _is_whole(part: Path) -> bool:
    """Whether a part is there and can be read; one that is damaged is extracted again, and that is logged."""
    if not part.exists():
        return False
    try:
        with safetensors.safe_open(part, framework="pt") as file:
            file.get_slice("features")
    except safetensors.SafetensorError:
        log_line(f"{part} is damaged and its features are extracted again", show=True)
        return False
    return True


def _mark(stage: Stage, data: TrainingData) -> str:
    """A digest of 16 hexadecimal digits, which differs for other images, sizes or weights (hence init and seed).

    What the stage trains does not count: it moves, and no feature that is extracted once depends on it.
    """
    learning = {name for name, parameter in stage.named_parameters() if parameter.requires_grad}
    digest = hashlib.blake2b(digest_size=8)
    add_weights(digest, ((name, value) for name, value in stage.state_dict().items() if name not in learning))
    digest.update(repr((data.test_transform, fingerprint(data.split))).encode())
    return digest.hexdigest()


def _extract(stage: Stage, function: Callable[[Tensor], Tensor], data: TrainingData, rows: range) -> Tensor:
    loader = EvalLoader(data.split, data.plain, data.test_transform, EXTRACTION_BATCH, rows=rows, device=stage.device)
    batches = []
    with Progress("features", len(rows), quiet=stage.global_rank > 0) as progress:
        for batch in loader:
            batches.append(features_of(stage, function, batch.images))
            check_features(batches[-1], [str(data.split.path(row)) for row in batch.indices.tolist()])
            progress.advance(len(batch.images))
    return torch.cat(batches)


def features_of_settled_neck(
    stage: Stage,
    pooled: Callable[[Tensor], Tensor],
    neck: nn.BatchNorm1d,
    behind: Callable[[Tensor], Tensor],
    data: TrainingData,
) -> Tensor:
    """Features of all training images behind a neck, whose statistics are first taken from them; float32 [n, D].

    Args:
        stage: that asks.
        pooled: from images to features before the neck, [B, D].
        neck: its running statistics are replaced.
        behind: from those features to the ones behind the neck.
        data: the training images.
    """
    features = current_features(stage, pooled, data)
    assert neck.running_mean is not None
    assert neck.running_var is not None
    neck.running_mean.copy_(features.mean(0))
    neck.running_var.copy_(features.var(0))
    model: Any = stage.model
    with torch.no_grad(), evaluation_mode(model):
        return behind(features)
