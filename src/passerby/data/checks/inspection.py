"""Inspection of a data set before it is used: counts, unreadable and duplicate images, leaks and label errors."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.benchmarks.public_benchmark import (
    PublicBenchmark,
    class_mismatch,
    count_mismatches,
    counts_of,
)
from passerby.data.camera_labels import camera_label_remarks, camera_labels, describe_classes
from passerby.data.checks.decode_check import FileScan, scan_files
from passerby.data.checks.findings import Finding, Inspection, Severity, SplitSummary
from passerby.data.image_files import examples
from passerby.data.number_names import one_number_remarks
from passerby.data.split import JUNK, PARTS, Benchmark, Split
from passerby.errors import DataError

_EXAMPLES = 20  # of a finding that are kept


def inspect_data(
    data: Benchmark,
    *,
    public: PublicBenchmark | None = None,
    decode: bool = True,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Inspection:
    """Count images, compare with published counts, read every image, and look for problems that distort results.

    Args:
        data: what to look at, loaded with `check_counts=False` so that a mismatch is a finding, not an error.
        public: the public benchmark it should be, if it is one.
        decode: whether to decode every image to its end; otherwise only missing and duplicate files are found.
        workers: number of processes that read images; None for as many as there are cores, at most 8.
        on_progress: called with the number of images read since the last call.

    Raises:
        DataError: there are no images at all.
    """
    splits = {part: split for part in PARTS if (split := getattr(data, part)) is not None}
    if not splits:
        raise DataError(f"{data.name} has no images")
    published = public.counts.by_part() if public is not None and public.counts is not None else {}
    scan = scan_files(
        [split.root / path for split in splits.values() for path in split.paths.to_pylist()],
        decode=decode,
        workers=workers,
        on_progress=on_progress,
    )
    findings = [
        *_counts(data, public),
        *_unreadable(scan),
        *_leaks(data, disjoint=public is not None and public.disjoint),
        *_duplicates(splits, scan),
        *_rare_identities(data),
        *_camera_local(data),
        *_one_number(splits.values()),
        *_unanswerable(data),
    ]
    return Inspection(
        name=data.name,
        splits=tuple(
            SplitSummary(part, _location(split), counts_of(split), published.get(part))
            for part, split in splits.items()
        ),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "problem")),
        decoded=decode,
    )


def queries_without_match(query: Split, gallery: Split, *, same_camera_rule: bool) -> NDArray[np.bool_]:
    """The queries without a match, bool [Q].

    They have no gallery image of their identity, or with `same_camera_rule` none by another camera.
    """
    size = len(query.identity_names) + 1  # the last place counts junk, label -1
    matches = np.bincount(gallery.identities % size, minlength=size)[query.identities]
    if same_camera_rule and query.cameras is not None and gallery.cameras is not None:
        cameras = len(query.camera_names)
        pairs = np.bincount((gallery.identities % size) * cameras + gallery.cameras, minlength=size * cameras)
        matches = matches - pairs[(query.identities % size) * cameras + query.cameras]
    return np.asarray((matches == 0) | (query.identities == JUNK))


def _counts(data: Benchmark, public: PublicBenchmark | None) -> Iterator[Finding]:
    if public is None or public.counts is None:
        return
    classes = "" if data.train is None else class_mismatch(data.train, public.counts)
    camera_local = [f"train, made camera-local, has {classes}"] if classes else []
    for mismatch in count_mismatches(data, public.counts) or camera_local:
        if public.counts.confirmed:
            yield Finding("counts", "problem", f"{mismatch}: this copy is not the published {public.title}", 1)
        else:
            yield Finding("counts", "remark", f"{mismatch} (published, but not confirmed on the data itself)", 1)


def _unreadable(scan: FileScan) -> Iterator[Finding]:
    if complaints := list(scan.complaints.values()):
        message = f"images that cannot be read: {len(complaints):,} ({examples(complaints)})"
        yield Finding("unreadable", "problem", message, len(complaints), tuple(complaints[:_EXAMPLES]))


def _leaks(data: Benchmark, *, disjoint: bool) -> Iterator[Finding]:
    """Identities of the training half that are tested on."""
    if data.train is None:
        return
    tested = {name for split in (data.query, data.gallery) if split is not None for name in _occurring(split)}
    shared = sorted(tested & _occurring(data.train))
    if shared:
        yield Finding(
            "identities-in-train-and-test",
            "problem" if disjoint else "remark",
            f"identities both trained and tested on{', which this benchmark keeps apart' if disjoint else ''}: "
            f"{len(shared):,} ({examples(shared)})",
            len(shared),
            tuple(shared[:_EXAMPLES]),
        )


def _duplicates(splits: dict[str, Split], scan: FileScan) -> Iterator[Finding]:
    """Images with the same content: inside a split, in two of them, and under two identities."""
    parts = np.repeat(np.array(list(splits)), [len(split) for split in splits.values()])
    paths = [path for split in splits.values() for path in split.paths.to_pylist()]
    names = [
        split.identity_names[label] if label != JUNK else "-1"
        for split in splits.values()
        for label in split.identities
    ]
    inside: list[str] = []
    across: list[str] = []
    contradicting: list[str] = []
    for group in scan.duplicates():
        line = " = ".join(paths[row] for row in group)
        (inside if len(set(parts[group])) == 1 else across).append(line)
        if len({names[row] for row in group}) > 1:
            contradicting.append(line)
    for kind, lines, what in (
        ("duplicates", inside, "groups of images with the same content inside one split"),
        ("duplicates-across-splits", across, "groups of images with the same content in different splits"),
        ("duplicates-of-two-identities", contradicting, "groups of images with the same content but other identities"),
    ):
        if lines:
            yield Finding(
                kind, "remark", f"{what}: {len(lines):,} ({examples(lines)})", len(lines), tuple(lines[:_EXAMPLES])
            )


def _rare_identities(data: Benchmark) -> Iterator[Finding]:
    """Identities seen by one camera only, in training and in testing, and training identities with a single image."""
    tests = [split for split in (data.query, data.gallery) if split is not None]
    for half, splits in (("train", [data.train] if data.train is not None else []), ("test", tests)):
        if splits and all(split.cameras is not None and split.scope == "global" for split in splits):
            one_camera = _seen_once([(split, split.cameras) for split in splits])
            if one_camera:
                message = f"{half} identities seen by one camera only: {len(one_camera):,} ({examples(one_camera)})"
                yield Finding(
                    f"one-camera-{half}-identities", "remark", message, len(one_camera), tuple(one_camera[:_EXAMPLES])
                )
    if data.train is not None and data.train.scope == "global":
        if not data.train.identity_names:
            message = "identities are unknown: these images can be embedded, not trained on"
            yield Finding("unknown-identities", "remark", message, len(data.train))
        elif data.train.identity_count == 1:
            message = f"one train identity only ({data.train.identity_names[0]}): nothing can be learned from one"
            yield Finding("one-train-identity", "remark", message, 1)
        single_image = _seen_once([(data.train, np.arange(len(data.train)))])
        if single_image:
            message = f"train identities with a single image: {len(single_image):,} ({examples(single_image)})"
            yield Finding("one-image-identities", "remark", message, len(single_image), tuple(single_image[:_EXAMPLES]))


def _camera_local(data: Benchmark) -> Iterator[Finding]:
    """Counts of camera-local training labels, and remarks about them."""
    if data.train is None or data.train.scope == "global":
        return
    local = data.train.with_occurring_cameras()
    labels = camera_labels(local)
    message = f"training labels hold inside each camera only: {describe_classes(labels.counts)}"
    yield Finding("camera-local-labels", "remark", message, labels.classes)
    for remark in camera_label_remarks(labels, local):
        yield Finding("camera-label-remark", "remark", remark, 1)
    if data.query is None and data.gallery is None:
        message = "no query and gallery images with identities that hold everywhere: only links can be judged"
        yield Finding("nothing-to-evaluate", "remark", message, 1)


def _one_number(splits: Iterable[Split]) -> Iterator[Finding]:
    """Identities and cameras whose names differ, but are the same number."""
    identities = {name for split in splits if split.scope == "global" for name in split.identity_names}
    cameras = {name for split in splits for name in split.camera_names}
    for kind, names in (("identities", identities), ("cameras", cameras)):
        for remark in one_number_remarks(kind, sorted(names)):
            yield Finding(f"{kind}-of-one-number", "remark", remark, 1)


def _unanswerable(data: Benchmark) -> Iterator[Finding]:
    """Queries without a match, or a benchmark that lacks its queries or gallery."""
    if data.query is None or data.gallery is None:
        missing = "gallery" if data.gallery is None else "query"
        if data.query is not None or data.gallery is not None:
            yield Finding("missing-part", "problem", f"there are no {missing} images: nothing can be evaluated", 1)
        return
    unmatched = queries_without_match(data.query, data.gallery, same_camera_rule=data.same_camera_rule)
    if paths := data.query.paths.take(np.flatnonzero(unmatched)).to_pylist():
        rule = " by another camera" if data.same_camera_rule else ""
        message = (
            f"queries without a match{rule} in the gallery, left out of the results: "
            f"{len(paths):,} of {len(data.query):,} ({examples(paths)})"
        )
        severity: Severity = "problem" if len(paths) == len(data.query) else "remark"
        yield Finding("queries-without-match", severity, message, len(paths), tuple(paths[:_EXAMPLES]))


def _occurring(split: Split) -> set[str]:
    return {split.identity_names[label] for label in np.unique(split.identities) if label != JUNK}


def _seen_once(splits: list[tuple[Split, NDArray[np.int64] | None]]) -> list[str]:
    """Names of the identities for which the column beside the split takes only one value, over all the splits."""
    pairs = np.unique(
        np.concatenate(
            [np.stack([split.identities, column], axis=1) for split, column in splits if column is not None]
        ),
        axis=0,
    )
    labels, counts = np.unique(pairs[:, 0], return_counts=True)
    return [splits[0][0].identity_names[label] for label in labels[(counts == 1) & (labels != JUNK)]]


def _location(split: Split) -> Path:
    """The innermost folder that holds all images of a split."""
    folders = {path.rpartition("/")[0] for path in split.paths.to_pylist()}
    return split.root / os.path.commonpath(folders) if folders else split.root
