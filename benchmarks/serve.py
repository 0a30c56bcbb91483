"""How a service answers many clients at once: times, errors, memory, and whether an acknowledged write was lost.

    python benchmarks/serve.py                                       # 100,000 tracklets, 50 clients, 60 seconds
    python benchmarks/serve.py --tracklets 10000 --clients 10 --seconds 10

Each client asks as fast as it is answered: searches by tracklet, pictures, legal holds (which must be there in the
end), and, now and then, a name for an identity, after which every search reads again who is who. Clients and service
share the machine. Features are random, of 512 dimensions, as in benchmarks/gallery.py; nothing is embedded.
"""

import argparse
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from gallery import tracklets  # benchmarks/gallery.py, beside this file
from passerby.gallery import ModelKey, open_gallery
from passerby.gallery.identities.labelled import LabelledPerson

UNLIMITED = ("requests_per_second=1e9", "burst=1000000000", "picture_requests_per_second=1e9", "connections=2000")


def build(folder: Path, count: int) -> str:
    """A gallery whose tracklets are identities of ten, and a key for it."""
    model = ModelKey("b" * 64, "random", 512)
    begun = time.process_time()
    with open_gallery(folder, create=True, actor="benchmark") as gallery:
        some = []
        for each in tracklets(count, model, 4_000):
            some.append(each)
            if len(some) == 2_000:
                gallery.add(some)
                some = []
        gallery.add(some)
        keys = [f"video{number % 20}@{number}" for number in range(count)]
        gallery.take_over([LabelledPerson(keys[first : first + 10], confirmed=False) for first in range(0, count, 10)])
        print(f"built in {time.process_time() - begun:.0f} s of CPU time", flush=True)
        return gallery.add_key("benchmark", "admin")


class Client(threading.Thread):
    """Asks until the time is over."""

    def __init__(self, number: int, address: str, key: str, count: int, end: float, corrections: float) -> None:
        super().__init__(name=f"client-{number}")
        self.random, self.count, self.end, self.corrections = random.Random(number), count, end, corrections
        self.headers = {"Authorization": f"Bearer {key}"}
        self.connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=120)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.held: list[str] = []
        self.errors: list[str] = []

    def run(self) -> None:
        while time.monotonic() < self.end:
            drawn, tracklet = self.random.random(), self.random.randint(1, self.count)
            if drawn < self.corrections:
                identity = self.random.randint(1, self.count // 10)
                self.ask("name", "PATCH", f"/v1/identities/{identity}", {"name": f"person {identity}"})
            elif drawn < 0.05:
                reason = f"{self.name} {len(self.held)}"
                if self.ask("hold", "POST", "/v1/holds", {"tracklet": tracklet, "reason": reason}):
                    self.held.append(reason)
            elif drawn < 0.45:
                self.ask("picture", "GET", f"/v1/tracklets/{tracklet}/crops/0")
            else:
                self.ask("search", "POST", "/v1/search", {"tracklet": tracklet})

    def ask(self, kind: str, method: str, path: str, content: object = None) -> bool:
        body = None if content is None else json.dumps(content)
        begun = time.perf_counter()
        try:
            self.connection.request(method, path, body, {**self.headers, "Content-Type": "application/json"})
            answer = self.connection.getresponse()
            said = answer.read()
        except OSError as error:
            self.errors.append(f"{kind}: {error}")
            return False
        self.times[kind].append(time.perf_counter() - begun)
        if answer.status >= 400:
            self.errors.append(f"{kind}: {answer.status} {said[:200]!r}")
        return answer.status < 400


def memory(process: subprocess.Popen[str]) -> float:
    """MiB that the service holds now."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu(process: subprocess.Popen[str]) -> float:
    """Seconds of CPU time that the service has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracklets", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--corrections", type=float, default=0.002, help="share of requests that name an identity")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passerby-serve-") as folder:
        place = Path(folder) / "gallery"
        key = build(place, given.tracklets)
        command = [sys.executable, "-m", "passerby", "serve", str(place), "--port", "0"]
        command += [word for setting in UNLIMITED for word in ("--set", setting)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+?(?=,)", process.stdout.readline())
            assert found is not None
            measure(place, found[0], key, process, given)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def measure(place: Path, address: str, key: str, process: subprocess.Popen[str], given: argparse.Namespace) -> None:
    """Ask, and print what came of it."""
    first = Client(0, address, key, given.tracklets, 0.0, 0.0)
    assert first.ask("search", "POST", "/v1/search", {"tracklet": 1}), first.errors
    print(f"first search (reads all features): {first.times['search'][0]:.1f} s by the clock", flush=True)
    end, begun = time.monotonic() + given.seconds, cpu(process)
    clients = [Client(n + 1, address, key, given.tracklets, end, given.corrections) for n in range(given.clients)]
    for client in clients:
        client.start()
    sizes = []
    while time.monotonic() < end:
        sizes.append(memory(process))
        time.sleep(given.seconds / 12)
    for client in clients:
        client.join()
    worked = cpu(process) - begun
    answered = 0
    print("kind      answers   a second   p50 ms   p95 ms   p99 ms")
    for kind in ("search", "picture", "hold", "name"):
        times = 1000 * np.array([each for client in clients for each in client.times[kind]])
        if times.size:
            answered += times.size
            shares = " ".join(f"{np.percentile(times, share):8.0f}" for share in (50, 95, 99))
            print(f"{kind:8s} {times.size:8,d} {times.size / given.seconds:10.1f} {shares}")
    errors = [error for client in clients for error in client.errors]
    print(f"errors: {len(errors)}", *errors[:3])
    print(f"CPU time of the service: {worked:.0f} s, {1000 * worked / answered:.1f} ms an answer")
    print("memory, MiB:", " ".join(f"{size:.0f}" for size in sizes))
    with open_gallery(place) as gallery:
        kept = {hold.reason for hold in gallery.holds()}
        held = [reason for client in clients for reason in client.held]
        print(f"holds acknowledged: {len(held):,}; lost: {len(set(held) - kept)}")
        faults = [each for each in gallery.verify() if each.kind != "picture"]  # those are random bytes
        print(f"faults of the gallery afterwards: {len(faults)}", *faults[:3])


if __name__ == "__main__":
    main()
