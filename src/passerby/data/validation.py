"""Validation: a query/gallery pair of identities that are set aside from a training split."""

import numpy as np
from numpy.typing import NDArray

from passerby.data.split import JUNK, Split
from passerby.errors import DataError


def validation_split(train: Split, *, identities: float, seed: int) -> tuple[Split, Split, Split]:
    """Set some identities of a training split aside to validate on.

    Of every identity set aside, one image per camera is a query and the rest are the gallery, but only as far as every
    query keeps a match: another camera's image of the same person in the gallery. An identity seen by one camera
    therefore goes into the gallery whole, as a distractor. Where cameras are unknown, one image of each identity that
    has several is a query. The draw depends on the seed and the identities' names, not on the order of the rows.

    Args:
        train: the split to cut; left as it is.
        identities: how many to set aside, or (below 1) which fraction of all.
        seed: of the draw of identities and of the query images.

    Returns:
        The remaining training split (labels renumbered `0..C-1`, without junk), the query and the gallery. The latter
        two share their identity names; all three share the camera names.

    Raises:
        DataError: the number does not leave at least one identity on either side, or none of those set aside can be
            searched for.
    """
    labels = np.unique(train.identities[train.identities != JUNK])
    count = _number_to_hold_out(identities, labels.size)
    order = np.argsort(np.array([train.identity_names[label] for label in labels]), kind="stable")
    generator = np.random.default_rng(seed)
    held_out = np.sort(labels[order][generator.permutation(labels.size)[:count]])
    is_held_out = np.isin(train.identities, held_out)
    test = train.take(is_held_out).relabelled()
    by_identity = np.lexsort((np.array(test.paths.to_pylist()), test.identities))
    borders = np.flatnonzero(np.diff(test.identities[by_identity])) + 1
    queries = [
        row
        for rows in np.split(by_identity, borders)  # of one identity each, in the order of their paths
        for row in _query_rows(rows, test.cameras, generator)
    ]
    if not queries:
        raise DataError(
            f"none of the {count:,} identities set aside for validation is seen by two cameras (or twice, where "
            "cameras are unknown), so nothing can be searched for: set more aside"
        )
    is_query = np.zeros(len(test), dtype=np.bool_)
    is_query[queries] = True
    return train.take(~is_held_out).relabelled(), test.take(is_query), test.take(~is_query)


def _number_to_hold_out(identities: float, available: int) -> int:
    count = max(1, round(identities * available)) if 0 < identities < 1 else int(identities)
    if not 1 <= count < available or (identities > 1 and count != identities):
        raise DataError(
            f"cannot set {identities:g} of {available:,} identities aside for validation: give a number from 1 to "
            f"{available - 1:,}, or a fraction below 1"
        )
    return count


def _query_rows(
    rows: NDArray[np.int64], cameras: NDArray[np.int64] | None, generator: np.random.Generator
) -> list[int]:
    """The queries among the rows of one identity: one per camera, each with a match left among the other rows."""
    if cameras is None:
        return [int(generator.choice(rows))] if rows.size > 1 else []
    by_camera = [rows[cameras[rows] == camera] for camera in np.unique(cameras[rows])]
    chosen = [int(generator.choice(members)) for members in by_camera]
    if sum(members.size > 1 for members in by_camera) < 2:
        # Only one camera (or none) would keep an image, and its own query would have no other camera's to match: that
        # camera keeps all its images, and serves the queries of the others.
        del chosen[int(np.argmax([members.size for members in by_camera]))]
    return chosen
