"""The file beside a gallery's own that keeps its lists of features. It can always be made anew."""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as array_files

from passerby.atomic_files import write_atomically
from passerby.errors import GalleryError
from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.inverted_lists import COUNTS, InvertedLists, Recall
from passerby.gallery.schema import read_setting
from passerby.gallery.stores.sqlite import INDEX_FILE

_KIND = "passerby index of features, version 1"
REMEDY = "`passerby gallery index-features` makes it anew"


def sidecar_of(database: Database, model: int) -> Path:
    """The file of a model's lists, of a gallery in a folder."""
    return database.places[0] / INDEX_FILE.format(model)


def write_sidecar(transaction: Transaction, file: Path, model: int, lists: InvertedLists) -> None:
    """Write lists, atomically; within a writing transaction, so that no erasure is overtaken.

    Raises:
        GalleryError: the disk is full or read-only; the file is as it was.
    """
    about = {
        "kind": _KIND, "of": _named(transaction, model), "probes": lists.probes, "trained": lists.trained,
        "recall": asdict(lists.recall),
    }  # fmt: skip
    arrays = {"tracklets": lists.tracklets, "lists": lists.lists, "centroids": lists.centroids}
    try:
        with write_atomically(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            archive.writestr("about.json", json.dumps(about))
            for name, array in arrays.items():  # not compressed: a search for bytes sees what there is
                content = io.BytesIO()
                array_files.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
                archive.writestr(name, content.getvalue())
    except OSError as error:
        raise GalleryError(f"{file}: cannot be written ({error.strerror}): nothing was changed") from error


def read_sidecar(transaction: Transaction, file: Path, model: int, dim: int) -> InvertedLists:
    """Read lists.

    Raises:
        GalleryError: the file is damaged, or of another gallery or model.
        FileNotFoundError: there is none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            about = json.loads(archive.read("about.json"))
            named = ("tracklets", "lists", "centroids")
            arrays = [array_files.read_array(io.BytesIO(archive.read(name)), allow_pickle=False) for name in named]
            read = _checked(about, arrays, dim)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise GalleryError(f"{file}: cannot be read ({error.strerror}): {REMEDY}") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError, NotImplementedError) as error:
        raise GalleryError(f"{file}: is damaged: {REMEDY}") from error
    if about["of"] != _named(transaction, model):
        raise GalleryError(f"{file}: belongs to another gallery or model: {REMEDY}")
    return read


def _checked(about: dict[str, Any], arrays: list[np.ndarray[Any, Any]], dim: int) -> InvertedLists:
    tracklets, lists, centroids = arrays
    kinds = [(array.dtype, array.ndim) for array in arrays]
    if about["kind"] != _KIND or kinds != [(np.dtype("<i8"), 1), (np.dtype("<i4"), 1), (np.dtype("<f2"), 2)]:
        raise ValueError("written by another version")
    inside = len(lists) == 0 or (lists.min() >= 0 and lists.max() < len(centroids))
    probes, trained = int(about["probes"]), int(about["trained"])
    if len(lists) != len(tracklets) or centroids.shape[1] != dim or not inside or not 1 <= probes <= len(centroids):
        raise ValueError("its parts do not belong together")
    recall = Recall(**about["recall"])
    if len(recall.shares) != len(COUNTS):
        raise ValueError("measured in another way")
    return InvertedLists(tracklets, lists, centroids, probes, trained, recall)


def _named(transaction: Transaction, model: int) -> str:
    """Of which gallery and model the lists are, without telling the gallery's secret."""
    fingerprint: str = transaction.rows("SELECT fingerprint FROM models WHERE id = ?", (model,))[0][0]
    return hashlib.sha256(f"{read_setting(transaction, 'secret')} {fingerprint}".encode()).hexdigest()
