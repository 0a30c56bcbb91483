"""`metrics.json`: the metrics of every data set that a model was evaluated on, by name."""

import hashlib
import json
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path
from typing import Any

from passerby.atomic_files import write_text_atomically
from passerby.data.display_name import display_name
from passerby.data.fingerprint import fingerprint
from passerby.data.split import Benchmark
from passerby.inference.embedder import Embedder
from passerby.json_text import json_text
from passerby.progress import log_line

FILE_NAME = "metrics.json"
_PAGE_LETTERS = 60


def evaluation_fingerprint(benchmark: Benchmark) -> str:
    """Tells query and gallery of one data set from those of another of the same name; 32 hexadecimal digits."""
    marks = "".join(fingerprint(part) for part in benchmark.query_and_gallery())
    return hashlib.blake2b(marks.encode(), digest_size=16).hexdigest()


def model_record(embedder: Embedder) -> dict[str, Any]:
    """Which model it was: its file as the user named it, the file's SHA-256, and the seed of a run of ours."""
    if embedder.file is None:
        return {"path": None, "sha256": None, "seed": embedder.description.get("seed")}
    with embedder.file.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": str(embedder.file), "sha256": digest, "seed": embedder.description.get("seed")}


def read_metrics(folder: Path) -> dict[str, dict[str, Any]]:
    """The metrics in a folder, by name of the data set; a file that is damaged is moved aside, and that is said."""
    file = folder / FILE_NAME
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError:  # not JSON, or not UTF-8
        content = None
    if isinstance(content, dict) and all(isinstance(entry, dict) for entry in content.values()):
        return content
    aside = file.with_name(_numbered(f"{FILE_NAME}.damaged", lambda name: file.with_name(name).exists()))
    file.replace(aside)
    log_line(f"{file} was damaged and is now {aside.name}; its metrics have to be computed again", show=True)
    return {}


def entry_name(content: dict[str, dict[str, Any]], name: str, mark: str) -> str:
    """Under which name metrics go: the short one of the data set, numbered if other data is there under it already."""
    return _numbered(display_name(name), lambda entry: content.get(entry, {}).get("data_fingerprint", mark) != mark)


def page_name(content: dict[str, dict[str, Any]], entry: str) -> str:
    """`report/<entry>.html` in letters that every file system takes, and that no other entry's page has."""
    taken = {str(metrics.get("page")).casefold() for name, metrics in content.items() if name != entry}
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in entry).strip("-")
    stem = stem[-_PAGE_LETTERS:] or "data"
    return f"report/{_numbered(stem, lambda name: f'report/{name}.html'.casefold() in taken)}.html"


def write_metrics(folder: Path, entry: str, metrics: dict[str, Any]) -> None:
    """Put one entry into the file, or replace it."""
    content = read_metrics(folder)
    content[entry] = metrics
    write_text_atomically(folder / FILE_NAME, json_text(content) + "\n")


def folder_of_model(parent: Path, name: str, model: dict[str, Any]) -> Path:
    """`parent/name`, numbered if metrics of another model are there already."""

    def of_another(candidate: str) -> bool:
        entries = read_metrics(parent / candidate).values()
        return any(entry.get("model", {}).get("sha256") != model["sha256"] for entry in entries)

    return parent / _numbered(name, of_another)


def _numbered(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name itself or, where that is taken, the first of `name-2`, `name-3`, ... that is not."""
    return next(each for each in chain([name], (f"{name}-{number}" for number in count(2))) if not is_taken(each))
