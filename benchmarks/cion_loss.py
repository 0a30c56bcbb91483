"""Time and memory of CION's loss by sums over groups, against the loop over pairs of images, in one run.

    python benchmarks/cion_loss.py [--batch 24] [--outputs 65336] [--local 8] [--images 2 4 8] [--turns 3] [--json]

Both give the same loss and gradient (which is checked). Measured are forward and backward pass on the CPU with one
thread, each in a process of its own: CPU seconds (the best of the turns), and by how much the loss raises the peak of
the process's memory above its inputs. The loop is what the published code does: for every pair of views and every pair
of images of a group a cross-entropy of its own.
"""

import argparse
import json
import multiprocessing
import platform
import sys
import time
from multiprocessing.connection import Connection
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softmax

import passerby.losses.self_distillation as ours
from ranking import peak, resident


def by_pairs(student: Tensor, teacher: Tensor, centre: Tensor, n: int) -> Tensor:
    """The official form, pair by pair."""
    predictions = [view.unflatten(0, (-1, n)).unbind(1) for view in log_softmax(student / 0.1, 2).unbind()]
    targets = [view.unflatten(0, (-1, n)).unbind(1) for view in softmax((teacher - centre) / 0.04, 2).unbind()]

    def cross_entropy(a: int, v: int, i: int, j: int) -> Tensor:
        return -(targets[a][i] * predictions[v][j]).sum(1).mean()

    total, pairs = student.new_zeros(()), 0
    for a in range(len(targets)):
        for v in range(len(predictions)):
            if v == a:
                continue
            pairs += 1
            same = torch.stack([cross_entropy(a, v, i, i) for i in range(n)]).mean()
            across = [cross_entropy(a, v, i, j) for i in range(n) for j in range(n) if i != j]
            total = total + (same + sum(across)) / (n * (n - 1) + 1)
    return cast(Tensor, total / pairs)


def by_sums(student: Tensor, teacher: Tensor, centre: Tensor, n: int) -> Tensor:
    """The same by `identity_distillation`."""
    return ours.identity_distillation(student, teacher, centre, images_per_identity=n)


WAYS = {"loop over pairs": by_pairs, "sums over groups": by_sums}


def measure(way: str, n: int, views: int, batch: int, outputs: int, turns: int, connection: Connection) -> None:
    """CPU seconds, bytes, loss and a digest of the gradient, sent through the connection."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    student = torch.rand(views, batch, outputs, generator=generator).mul_(2).sub_(1).requires_grad_()
    teacher = torch.rand(2, batch, outputs, generator=generator).mul_(2).sub_(1)
    centre = torch.zeros(1, outputs)
    before, seconds = resident(), []
    for _ in range(turns):
        student.grad = None
        begun = time.process_time()
        loss = WAYS[way](student, teacher, centre, n)
        loss.backward()
        seconds.append(time.process_time() - begun)
    assert student.grad is not None
    connection.send((min(seconds), peak() - before, float(loss.detach()), float(student.grad.norm())))


def in_own_process(way: str, n: int, arguments: argparse.Namespace) -> tuple[float, int, float, float]:
    """`measure` in a new process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    given = (way, n, 2 + arguments.local, arguments.batch, arguments.outputs, arguments.turns, there)
    process = context.Process(target=measure, args=given)
    process.start()
    there.close()
    found: tuple[float, int, float, float] = here.recv()
    process.join()
    return found


def run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The table's rows."""
    rows = []
    for n in arguments.images:
        found = {way: in_own_process(way, n, arguments) for way in WAYS}
        (_, _, loss, norm), (_, _, other_loss, other_norm) = found.values()
        if abs(loss - other_loss) > 1e-4 * abs(loss) or abs(norm - other_norm) > 1e-3 * norm:
            raise AssertionError(f"losses {loss} and {other_loss}, gradients {norm} and {other_norm} differ")
        rows += [{"n": n, "way": way, "seconds": each[0], "bytes": each[1]} for way, each in found.items()]
    return rows


def main() -> int:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--batch", type=int, default=24, help="images (default: 24)")
    parser.add_argument("--outputs", type=int, default=65336, help="outputs of the head (default: 65336)")
    parser.add_argument("--local", type=int, default=8, help="local views (default: 8)")
    parser.add_argument("--images", type=int, nargs="+", default=[2, 4, 8], help="images per identity (default: 2 4 8)")
    parser.add_argument("--turns", type=int, default=3, help="of which the best counts (default: 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if any(arguments.batch % n for n in arguments.images):
        parser.error("--batch must be a multiple of each of --images")
    rows = run(arguments)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"Python {platform.python_version()}, torch {torch.__version__}, one thread, batch {arguments.batch}")
    print("| images per identity | way | CPU seconds | memory, MiB |")
    print("|---|---|---|---|")
    for row in rows:
        print(f"| {row['n']} | {row['way']} | {row['seconds']:.2f} | {row['bytes'] / 2**20:,.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
