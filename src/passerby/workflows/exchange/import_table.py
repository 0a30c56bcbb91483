"""Put a table of pictures or features into a gallery: what `passerby gallery import` does."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from passerby.errors import DataError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.identities.labelled import LabelledPerson
from passerby.gallery.opening import shown_location
from passerby.gallery.records import Added, ModelKey
from passerby.inference.embedder import Embedder, check_batch_size
from passerby.inference.loading import as_embedder
from passerby.output_paths import checked_folder, expanded
from passerby.progress import Progress
from passerby.workflows.exchange.columns import is_export, model_of
from passerby.workflows.exchange.table_people import TablePerson, people_of
from passerby.workflows.exchange.table_rows import PeopleTable, read_people
from passerby.workflows.indexing.tracked_people import model_key

_BATCH = 64
_AT_ONCE = 200
_MODEL = "tiny-clip"


@dataclass(frozen=True)
class Imported:
    """A table that was imported.

    Attributes:
        gallery: as it was named, without a password.
        new, known, erased: tracklets that were added, that were there, and that had been erased and were not added.
        identities: how many people the table knows who are new.
    """

    gallery: str
    new: int
    known: int
    erased: int
    identities: int


def import_table(
    table: str | Path,
    gallery: str | Path,
    *,
    model: Embedder | str | Path | None = None,
    features: str | None = None,
    batch_size: int = _BATCH,
    reason: str = "",
    device: str | None = None,
    show: bool = False,
) -> Imported:
    """Put pictures or features of one's own into a gallery, without video.

    Rows of one `track` are a tracklet; each row without one is a tracklet of its own, in a video of its own, so that
    nothing counts as seen at once. Interrupted or said twice, the same call adds only what is missing.

    Args:
        table: Parquet or CSV, in the columns of every table of people: `path` or `embedding`, and as far as known
            `camera`, `video`, `track`, `frame`, `time`, `identity`, `height`, `visible` and `caption`; or an export.
        gallery: a folder, made where it is missing, or the address of a server.
        model: computes the features, as `passerby.load` takes it; or computed those of the column `embedding`.
        features: a name for features that no model of passerby computed, so that others are not compared with them.
        batch_size: pictures embedded at once.
        reason: why, for the gallery's log.
        device: where the model computes.
        show: whether to show progress on stderr.

    Raises:
        DataError: the table or a picture cannot be read, or nobody said which model the features are of.
        CheckpointError: the model cannot be loaded.
        GalleryError: a tracklet cannot be stored as it is.
    """
    check_batch_size(batch_size)
    people, stored = read_people(expanded(table))
    key, embedder = _model(people, stored, model, features, device)
    place = gallery if "://" in str(gallery) else checked_folder(gallery)
    total, labelled = Added(0, 0), dict[str, LabelledPerson]()
    with (
        open_gallery(place, create=True) as opened,
        Progress("importing", people.rows.num_rows, unit="rows", quiet=not show) as progress,
    ):
        for some in people_of(
            people, key, embedder, exported=is_export(stored), batch_size=batch_size, at_once=_AT_ONCE
        ):
            added = opened.add([each.new for each in some])
            total = Added(*(before + now for before, now in zip(total, added, strict=True)))
            _label(labelled, some)
            progress.advance(sum(each.rows for each in some))
        founded = opened.take_over(list(labelled.values()), reason=reason)
    return Imported(shown_location(gallery), *total, identities=founded)


def _label(labelled: dict[str, LabelledPerson], some: list[TablePerson]) -> None:
    """Add tracklets to the people whose they are."""
    for each in some:
        if each.label is not None:
            person = LabelledPerson([], each.name, each.notes, each.confirmed)
            labelled.setdefault(each.label, person).keys.append(each.new.key)


def _model(
    people: PeopleTable,
    stored: pa.Schema,
    model: Embedder | str | Path | None,
    features: str | None,
    device: str | None,
) -> tuple[ModelKey, Embedder | None]:
    """Whose the features are, and what computes them; None where the table has them."""
    if people.embeddings is None:
        if features is not None:
            raise DataError(f"{people.file}: has no column `embedding`: leave out the name of its features")
        embedder = as_embedder(model or _MODEL, device=device)
        return _key(embedder, model or _MODEL), embedder
    dim, said = people.embeddings.shape[1], model_of(stored)
    if said is not None and model is None and features is None:
        key = said
    elif model is not None and features is None:
        key = _key(as_embedder(model, device=device), model)
    elif features is not None and model is None:
        key = ModelKey(hashlib.sha256(f"features {features}".encode()).hexdigest(), features, dim)
    else:
        raise DataError(f"{people.file}: say which model its embeddings are of, or name them as features; one of both")
    if key.dim != dim:
        raise DataError(f"{people.file}: its embeddings have {dim} numbers, but those of {key.name} have {key.dim}")
    return key, None


def _key(embedder: Embedder, model: Embedder | str | Path) -> ModelKey:
    return model_key(embedder, str(model) if isinstance(model, str | Path) else type(model).__name__)
