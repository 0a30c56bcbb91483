"""What SAGA's embedding costs beside CLIP-ReID's, at the same stride, on the shapes of ViT-B/16.

    python benchmarks/saga_inference.py
    python benchmarks/saga_inference.py --device cuda --batch 64

The two networks (random weights) embed the same batch in turns, so that other work on the machine burdens both alike;
medians over the turns. On a CPU, CPU seconds of all threads are compared, because wall time says little beside other
work. A third line computes the text anchors for every batch, as the published code does. Multiply-accumulates are
counted by torch.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from passerby.models.clip.towers import ClipShape
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.models.saga.network import Saga
from passerby.models.saga.shape import SagaShape, SagaSizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stride", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    clip = ClipShape("ViT-B-16-quickgelu", (256, 128), arguments.stride)
    clip_reid = ClipReid(clip, ClipReidSizes(None)).eval().to(device)
    saga = Saga(SagaShape(clip), SagaSizes(None)).eval().to(device)
    images = torch.randn(arguments.batch, 3, 256, 128, device=device)

    def afresh(batch: Tensor) -> Tensor:
        saga._cached_anchors = None
        return saga.embed(batch)

    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "CLIP-ReID": clip_reid.embed,
        "SAGA": saga.embed,
        "SAGA, anchors anew for every batch": afresh,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        work = {name: _multiplications(embed, images) for name, embed in ways.items()}  # also the warm-up
        for _ in range(arguments.turns):
            for name, embed in ways.items():
                seconds[name].append(_seconds(embed, images, device))
    kind = "CPU s" if device.type == "cpu" else "s"
    print(f"| network | GMAC/image | {kind}/image | beside CLIP-ReID |\n|---|---|---|---|")
    reference = median(seconds["CLIP-ReID"])
    for name, measured in seconds.items():
        each = median(measured) / arguments.batch
        print(f"| {name} | {work[name]:.2f} | {each:.4f} | {100 * (median(measured) / reference - 1):+.1f} % |")


def _multiplications(embed: Callable[[Tensor], Tensor], images: Tensor) -> float:
    """Billions of multiply-accumulates per image, without what is cached."""
    embed(images)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its products would not be counted
    with FlopCounterMode(display=False) as counter:
        embed(images)
    torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() / 2e9 / len(images)


def _seconds(embed: Callable[[Tensor], Tensor], images: Tensor, device: torch.device) -> float:
    """CPU seconds of one batch on a CPU, wall seconds elsewhere."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    begun = clock()
    embed(images)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - begun


if __name__ == "__main__":
    main()
