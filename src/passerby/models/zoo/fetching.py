"""Get a published model: from the cache, a mirror or its makers, each file checked by its hash."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from passerby.atomic_files import write_atomically
from passerby.errors import CheckpointError
from passerby.models.zoo.card_files import card_path, file_digest, weights_file, write_card
from passerby.models.zoo.downloading import PATIENT, Patience, check_file, download
from passerby.models.zoo.published import PublishedFile, PublishedModel, published_model
from passerby.progress import log_line

MIRROR, OFFLINE = "PASSERBY_ZOO_MIRROR", "PASSERBY_OFFLINE"
"""Environment variables: an address or folder that holds NAME/FILE of each model; and whether no server is asked."""

_NO = ("", "0", "false", "no")


def fetch_model(
    name: str,
    *,
    accept_terms: bool = False,
    hashes: Mapping[str, str] | None = None,
    patience: Patience = PATIENT,
    quiet: bool = False,
) -> Path:
    """The file of a published model, which is fetched if it is not in the cache.

    Args:
        name: of `passerby zoo list`.
        accept_terms: agreement to terms that forbid commercial use.
        hashes: SHA-256 or SHA-384 by name of file, for files whose hash the catalogue does not know.
        patience: with servers.
        quiet: show no progress.

    Returns:
        The `.onnx` or `.xml`, in `$PASSERBY_CACHE/zoo/NAME`, with its card beside it.

    Raises:
        CheckpointError: no such model, no address or hash of it is known, its terms are not accepted, it cannot be
            fetched, or what came is another file.
        DataError: another process fetches it at the moment.
    """
    model = published_model(name)
    wanted = _with_hashes(model, hashes or {})
    if model.model_file is None:
        raise CheckpointError(f"{name}: cannot be fetched: {model.obtain}")
    file = model.folder / model.model_file.name
    missing = [each for each in wanted if not _is_there(model, each)]
    if missing and not model.terms.commercial and not accept_terms:
        raise CheckpointError(
            f"{name}: its terms forbid commercial use ({model.terms.data}): if yours is none, say so with "
            "--accept-terms"
        )
    for each in missing:
        _fetch(model, each, patience, quiet)
    if model.card is not None and not card_path(file).is_file():
        write_card(model.card.model_copy(update={"sha256": file_digest(weights_file(file))}), card_path(file))
    return file


def is_fetched(model: PublishedModel) -> bool:
    """Whether all files of a model are in the cache; what is in them is looked at when they are fetched and loaded."""
    return bool(model.files) and all((model.folder / file.name).is_file() for file in model.files)


def _with_hashes(model: PublishedModel, hashes: Mapping[str, str]) -> list[PublishedFile]:
    """The files of a model, with the hashes that the user knows."""
    names = [file.name for file in model.files]
    if unknown := sorted(set(hashes) - set(names)):
        raise CheckpointError(f"{model.name}: has no file {unknown[0]!r}: its files are {', '.join(names)}")
    files = []
    for file in model.files:
        given = hashes.get(file.name, "").lower()
        if given and (len(given) not in (64, 96) or set(given) - set("0123456789abcdef")):
            raise CheckpointError(f"{model.name}: {given!r} is no SHA-256 (64 digits) or SHA-384 (96) of {file.name}")
        if given and file.digest and given != getattr(file, "sha256" if len(given) == 64 else "sha384"):
            raise CheckpointError(f"{model.name}: the hash of {file.name} is known, and is another than the one given")
        key = "sha384" if len(given) == 96 else "sha256"
        files.append(file.model_copy(update={key: given}) if given and not file.digest else file)
    return files


def _is_there(model: PublishedModel, file: PublishedFile) -> bool:
    """Whether a file is in the cache, whole; one of a known hash is checked."""
    path = model.folder / file.name
    if not path.is_file():
        return False
    if not file.digest:
        log_line(
            f"{path}: was put there by hand and is taken unverified, for no hash of it is known: "
            f"`passerby zoo get {model.name} --hash {file.name}=HASH` checks it",
            show=True,
        )
        return True
    if check_file(path, file.digest):
        return True
    log_line(f"{path} is not the published file, and is fetched again", show=True)
    return False


def _fetch(model: PublishedModel, file: PublishedFile, patience: Patience, quiet: bool) -> None:
    out = model.folder / file.name
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    remedy = f"put the file at {out}, or name a mirror in {MIRROR}"
    if not file.digest:
        raise CheckpointError(
            f"{model.name}: cannot be checked, for no hash of {file.name} is known: {model.obtain or remedy}"
        )
    if mirror and not mirror.startswith(("http://", "https://")):
        _copy(Path(mirror).expanduser() / model.name / file.name, out, file.digest)
        return
    if os.environ.get(OFFLINE, "").strip().lower() not in _NO:
        raise CheckpointError(f"{model.name}: {file.name} is not in the cache, and {OFFLINE} is set: {remedy}")
    url = f"{mirror}/{quote(model.name)}/{quote(file.name)}" if mirror else file.url
    if not url:
        raise CheckpointError(f"{model.name}: no address of {file.name} is known: {model.obtain}; {remedy}")
    download(url, out, digest=file.digest, size=file.size, patience=patience, quiet=quiet)


def _copy(source: Path, out: Path, digest: str) -> None:
    """A file of a mirror that is a folder."""
    if not source.is_file():
        raise CheckpointError(f"{source}: is missing in the mirror: put it there, or unset {MIRROR}")
    if not check_file(source, digest):
        raise CheckpointError(f"{source}: is not the published file, whose hash is {digest[:16]}…")
    with write_atomically(out) as temporary:
        shutil.copyfile(source, temporary)
