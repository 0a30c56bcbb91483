"""What was chosen is kept, so that the same work is done in the same way again, and nothing is measured twice."""

import hashlib
import importlib.metadata
import json
from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.distributed.processor import processor
from passerby.extras import is_installed
from passerby.inference.computing import Computing, Proof
from passerby.inference.embedder import Embedder
from passerby.inference.runtimes import default_threads
from passerby.json_text import json_text
from passerby.output_paths import default_cache_folder
from passerby.progress import log_line
from passerby.version import __version__

_RUNTIMES = ("torch", "onnxruntime", "openvino")


def choice_key(model: Embedder, *, runtime: str, precision: str, with_file: bool) -> dict[str, object]:
    """What a choice depends on: the model, what was asked for, the versions of everything that computes, and where."""
    return {
        "model": model.fingerprint().hex(),
        "reference": str(model.computing),
        "runtime": runtime,
        "precision": precision,
        "with_file": with_file,
        "threads": default_threads(),
        "processor": processor(),
        "passerby": __version__,
        **{name: _version(name) for name in _RUNTIMES if is_installed(name)},
    }


def _version(package: str) -> str:
    """Of what is installed under any name that provides a package, such as onnxruntime-gpu."""
    names = importlib.metadata.packages_distributions().get(package, [package])
    return ", ".join(importlib.metadata.version(name) for name in sorted(set(names)))


def choice_file(key: dict[str, object]) -> Path:
    """Where a choice is kept."""
    name = hashlib.blake2b(json_text(key).encode(), digest_size=12).hexdigest()
    return default_cache_folder() / "computing" / f"{name}.json"


def kept_choice(key: dict[str, object]) -> Computing | None:
    """What was chosen before; None if nothing was. A file that is damaged counts as none, and that is said."""
    file = choice_file(key)
    try:
        content = json.loads(file.read_text("utf-8"))["chosen"]
        return Computing(content["runtime"], content["precision"], Proof(**content["proof"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log_line(f"{file} cannot be read ({error}): runtime and precision are chosen anew", show=True)
        return None


def keep_choice(key: dict[str, object], chosen: Computing) -> str:
    """Keep a choice, in a file that tells key and proof to whoever opens it; says in a few words where, or why not."""
    file = choice_file(key)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(file, json_text({"chosen": chosen.record(), "key": key}) + "\n")
    except OSError as error:  # no reason not to compute
        return f"not kept, for {file.parent} cannot be written ({error.strerror or error})"
    return f"kept in {file}"
