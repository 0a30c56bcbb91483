"""Camera-local labels (the intra-camera supervised setting, ICS): identities that are valid inside one camera only.

Such labels are cheap to give, because nobody has to compare cameras. A class is one person in one camera. The same
person in three cameras is three classes, and person `7` of one camera has nothing to do with person `7` of another. A
split of such labels has `scope="camera"`: its identities are the classes,
numbered camera by camera, and named `camera/local name`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.data.concatenation import concatenate
from passerby.data.image_files import examples
from passerby.data.number_names import same_numbers
from passerby.data.split import JUNK, IntegerColumn, Split, names_in_order
from passerby.errors import DataError

UNEQUAL = 5
"""A remark is made where one camera has this many times as many people as another."""


@dataclass(frozen=True)
class CameraLabels:
    """The classes of a split with camera-local labels.

    Attributes:
        accumulated: int64 [n images], the class of each image, `0..N-1`.
        class_cameras: int64 [N], the camera label of each class; ascending.
        class_local: the name that each class has in its camera, [N].
        camera_names: the name of each camera label, [C].
        counts: int64 [C], how many classes each camera has.
    """

    accumulated: IntegerColumn
    class_cameras: IntegerColumn
    class_local: tuple[str, ...]
    camera_names: tuple[str, ...]
    counts: IntegerColumn

    @property
    def classes(self) -> int:
        """N, the number of pairs of a camera and a person in it."""
        return len(self.class_local)

    @property
    def can_associate(self) -> bool:
        """Whether at least two cameras have people, so that classes can be linked across cameras."""
        return int((self.counts > 0).sum()) > 1

    @property
    def first_classes(self) -> IntegerColumn:
        """int64 [C], the first class of each camera, that is the number of classes in the cameras before it."""
        return np.asarray(np.cumsum(self.counts) - self.counts, dtype=np.int64)

    def class_name(self, number: int) -> str:
        """`camera/local name` of a class, for people."""
        return f"{self.camera_names[int(self.class_cameras[number])]}/{self.class_local[number]}"


def camera_labels(split: Split) -> CameraLabels:
    """The camera-local classes of a training split, made from its labels where these are valid in all cameras.

    Raises:
        DataError: no cameras, or junk among the rows.
    """
    local = split if split.scope == "camera" else camera_local(split)
    assert local.cameras is not None
    if (local.identities == JUNK).any():
        raise DataError("junk images cannot be trained on: drop them with Split.relabelled()")
    classes = len(local.identity_names)
    class_cameras = np.zeros(classes, dtype=np.int64)
    class_cameras[local.identities] = local.cameras
    prefixes = [len(local.camera_names[camera]) + 1 for camera in class_cameras]
    return CameraLabels(
        accumulated=local.identities,
        class_cameras=class_cameras,
        class_local=tuple(name[skip:] for name, skip in zip(local.identity_names, prefixes, strict=True)),
        camera_names=local.camera_names,
        counts=np.bincount(class_cameras, minlength=len(local.camera_names)).astype(np.int64),
    )


def camera_local(split: Split, *, prefix: str = "") -> Split:
    """Turn labels that are valid in all cameras into camera-local ones, without junk.

    Nothing is random: in each camera its people are ranked in the order of their labels, and a class is that rank plus
    the number of people in the cameras before. The original labels are kept as `true_identities`.

    Args:
        split: with cameras.
        prefix: put before the names of true identities, to tell those of several data sets apart.

    Raises:
        DataError: cameras are unknown.
    """
    if split.scope == "camera":
        return split
    if split.cameras is None:
        raise DataError(
            "labels cannot be made camera-local, for the cameras are unknown: give the table a 'camera' column, or lay "
            "folders out as camera/identity/*.jpg"
        )
    known = split.take(split.identities != JUNK)
    assert known.cameras is not None
    people = max(1, len(known.identity_names))
    keys, classes = np.unique(known.cameras * people + known.identities, return_inverse=True)
    names = tuple(f"{known.camera_names[key // people]}/{known.identity_names[key % people]}" for key in keys.tolist())
    return replace(
        known,
        identities=classes.astype(np.int64).reshape(-1),
        identity_names=names,
        scope="camera",
        true_identities=known.identities,
        true_identity_names=tuple(prefix + name for name in known.identity_names),
    )


def split_of_camera_labels(
    images: Split,
    local_names: pa.Array | pa.ChunkedArray,
    true_names: pa.Array | pa.ChunkedArray | None,
    *,
    junk: str = "-1",
) -> Split:
    """Label images, whose cameras are known, by the name of the person inside the camera; junk is left out.

    Args:
        images: whatever their identities are, those are forgotten.
        local_names: string [N], the name of each image's person in its camera.
        true_names: string [N], who that is in all cameras; null or `junk` where nobody knows.
        junk: the local name of images that show nobody in particular.

    Raises:
        DataError: cameras are unknown.
    """
    if images.cameras is None:
        raise DataError("labels that hold inside their camera need the camera of each image")
    ranks, names = _ranked(local_names, junk)
    truth, true_identity_names = (None, ()) if true_names is None else _ranked(pc.fill_null(true_names, junk), junk)
    labelled = replace(
        images, identities=ranks, identity_names=names, true_identities=truth, true_identity_names=true_identity_names
    )
    # Ranks over all cameras and ranks inside each come in one order, so the classes are the same.
    return replace(
        camera_local(labelled),
        true_identities=None if truth is None else truth[ranks != JUNK],
        true_identity_names=true_identity_names,
    )


def join_camera_local(splits: Sequence[Split]) -> Split:
    """Join several training splits into one with camera-local labels, which are made where labels are global.

    Cameras of different sets stay different, as `passerby.data.concatenate` has it.

    Raises:
        DataError: cameras of a set are unknown.
    """
    several = len(splits) > 1
    return concatenate(
        [camera_local(split, prefix=f"{number}/" if several else "") for number, split in enumerate(splits)]
    )


def true_identities_of_classes(split: Split) -> IntegerColumn | None:
    """The true identity of each class, int64 [N], `JUNK` where unknown; None if the split has no true identities.

    Of a class whose images are of several people, the one on most of them; of equals the first by name.
    """
    if split.true_identities is None:
        return None
    classes, people, images = _people_of_classes(split, split.true_identities)
    order = np.lexsort((people, classes, -images))  # of equals the first by name
    named, first = np.unique(classes[order], return_index=True)
    true = np.full(len(split.identity_names), JUNK, dtype=np.int64)
    true[named] = people[order][first]
    return true


def camera_label_remarks(labels: CameraLabels, split: Split) -> list[str]:
    """Lines about labels that look like mistakes, or from which less can be learned than could be."""
    remarks = []
    occurring = labels.counts[labels.counts > 0]
    if not labels.can_associate:
        remarks.append("all labels are of one camera: nothing can be linked, people are told apart inside it only")
    single = np.flatnonzero(np.bincount(labels.accumulated, minlength=labels.classes) == 1)
    if single.size:
        named = examples(map(labels.class_name, single.tolist()))
        remarks.append(f"people with a single image in their camera: {single.size:,} of {labels.classes:,} ({named})")
    if occurring.size and occurring.max() >= UNEQUAL * occurring.min():
        most, fewest = int(np.argmax(labels.counts)), int(np.flatnonzero(labels.counts == occurring.min())[0])
        remarks.append(
            f"cameras differ much in people: {labels.counts[most]:,} in {labels.camera_names[most]}, "
            f"{labels.counts[fewest]:,} in {labels.camera_names[fewest]}; few links can be found to the latter"
        )
    alike = _one_number_for_two(labels)
    if alike:
        remarks.append(f"names of one camera that are the same number: {examples(alike)}; is each pair one person?")
    mixed = _of_several_people(split)
    if mixed.size:
        named = examples(map(labels.class_name, mixed.tolist()))
        remarks.append(
            f"people of one camera who are several by true_identity: {mixed.size:,} of {labels.classes:,} ({named}); "
            "links are judged by the one on most of their images"
        )
    return remarks


def describe_classes(counts: Sequence[int] | NDArray[np.int64]) -> str:
    """`3,262 classes (652, 541, 694, 241, 576 and 558 in the cameras)`."""
    shown = [f"{int(count):,}" for count in counts]
    listed = f"{', '.join(shown[:-1])} and {shown[-1]} in the cameras" if len(shown) > 1 else "of one camera"
    return f"{int(np.sum(counts)):,} classes ({listed})"


def _one_number_for_two(labels: CameraLabels) -> list[str]:
    """`door/7 and door/7.0`: classes of a camera that differ by how one number is written."""
    local_names = np.array(labels.class_local, dtype=object)
    return [
        f"{camera}/{first} and {camera}/{other}"
        for number, camera in enumerate(labels.camera_names)
        for first, other in same_numbers(local_names[labels.class_cameras == number])
    ]


def _of_several_people(split: Split) -> IntegerColumn:
    """The classes whose images have different known true identities, int64 [M]."""
    if split.true_identities is None:
        return np.zeros(0, dtype=np.int64)
    classes, people = np.unique(_people_of_classes(split, split.true_identities)[0], return_counts=True)
    return np.asarray(classes[people > 1], dtype=np.int64)


def _people_of_classes(split: Split, truth: IntegerColumn) -> tuple[IntegerColumn, IntegerColumn, IntegerColumn]:
    """Pairs of a class and a true identity that occur on its images, ascending, with image counts; int64 [P] each."""
    people = max(1, len(split.true_identity_names))
    known = truth != JUNK
    pairs, images = np.unique(split.identities[known] * people + truth[known], return_counts=True)
    return pairs // people, pairs % people, images.astype(np.int64)


def _ranked(names: pa.Array | pa.ChunkedArray, junk: str) -> tuple[IntegerColumn, tuple[str, ...]]:
    """Each name's place in their sorted order, int64 [N], `JUNK` for junk; and that order."""
    different = names_in_order(names, besides=frozenset({junk}))
    positions = pc.fill_null(pc.index_in(names, value_set=pa.array(different, type=pa.string())), JUNK)
    return np.array(positions, dtype=np.int64), different
