"""Declaration of a public benchmark: a layout on disk, a reader for it, and the counts its authors publish."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from passerby.data.camera_labels import camera_labels, describe_classes
from passerby.data.image_files import examples, missing_files, sub_folders
from passerby.data.limits import check_regular
from passerby.data.split import Benchmark, Split, names_in_order, split_from_names
from passerby.errors import DataError


class Counts(NamedTuple):
    """Size of one split; None where it is not known."""

    images: int
    identities: int | None = None
    cameras: int | None = None


@dataclass(frozen=True)
class PublishedCounts:
    """Counts of a complete copy without junk; the distractors of a gallery count as one identity.

    Attributes:
        train, query, gallery: the counts of each split; None where nothing is published.
        confirmed: whether they were checked against the data or its official lists. Only then is a mismatch an error;
            otherwise `passerby data check` remarks on it.
        camera_classes: pairs of a person and a camera in the training half: how many classes it has with labels made
            camera-local. In all, or of each camera; None where not published.
    """

    train: Counts | None
    query: Counts | None
    gallery: Counts | None
    confirmed: bool = True
    camera_classes: int | tuple[int, ...] | None = None

    def by_part(self) -> dict[str, Counts | None]:
        """The counts by the name of the split."""
        return {"train": self.train, "query": self.query, "gallery": self.gallery}


class Images(NamedTuple):
    """The images of one split before labels are numbered: columns of equal length, None where unknown.

    Tracks are numbers of tracklets, frames their images in order.
    """

    paths: list[str]
    identities: list[str]
    cameras: list[str] | None
    tracks: list[int] | None = None
    frames: list[int] | None = None


class Parts(NamedTuple):
    """The images of each part as a reader returns them; `train` is None for sets without a training half.

    `multi_query_images` are images of the queries' people in the queries' cameras, for multi-query evaluation.
    """

    train: Images | None
    query: Images
    gallery: Images
    multi_query_images: Images | None = None


@dataclass(frozen=True)
class PublicBenchmark:
    """One public data set.

    Attributes:
        name: how recipes and the command line call it.
        title: how papers call it.
        folders: official names of its folder, tried inside the root that the user gives.
        contents: for each thing the reader needs, the paths inside that folder under which copies keep it.
        read: reads the folder; gets the path of each of `contents` as well.
        cameras: names of its cameras in the order of their labels; empty where they are taken from the files.
        camera_network: where its cameras stand; sets cut out of one another share it. None where that is not known.
        counts: published counts, None for layouts that have none.
        obtain: how to get it.
        terms: what its licence allows.
        same_camera_rule: whether a gallery image of the query's own identity and camera is left out of the ranking.
        disjoint: whether no identity name occurs in both the training and the test half.
        tracklets: whether tracklets are compared and not images.
        optional: those of `contents` without which the rest is still a data set.
        other_layouts: paths by which copies in a layout that is not read are recognised, and what to do with them.
    """

    name: str
    title: str
    folders: tuple[str, ...]
    contents: Mapping[str, tuple[str, ...]]
    read: Callable[[Path, Mapping[str, str]], Parts]
    counts: PublishedCounts | None
    obtain: str
    terms: str
    cameras: tuple[str, ...] = ()
    camera_network: str | None = None
    same_camera_rule: bool = True
    disjoint: bool = True
    tracklets: bool = False
    optional: frozenset[str] = frozenset()
    other_layouts: Mapping[str, str] = field(default_factory=dict)

    def load(self, root: Path, *, check_counts: bool = True) -> Benchmark:
        """Read it from `root`, the folder that holds its sub-folders or the parent of that folder.

        Raises DataError when the folder is missing, part of it is missing, or (with `check_counts`) its counts are
        not the published ones.
        """
        folder, located = self._locate(root)
        benchmark = self._number_labels(folder, self.read(folder, located))
        if check_counts and self.counts is not None and self.counts.confirmed:
            mismatches = count_mismatches(benchmark, self.counts)
            if mismatches:
                raise DataError(
                    f"{self.name} in {folder}: {'; '.join(mismatches)}. Unpack the archive again, or take this copy as "
                    "it is: data.check_counts=false in a recipe, --set check_counts=false of `passerby eval` and "
                    "`passerby occlusion`, check_counts=False in Python"
                )
        return benchmark

    def _locate(self, root: Path) -> tuple[Path, dict[str, str]]:
        """The folder of the data set and the path of each of `contents` inside it."""
        if not root.is_dir():
            raise DataError(
                f"{self.name}: there is no folder {root}; name the one that holds {self._wanted()} "
                "with --root or data.root"
            )
        candidates = [(folder, self._contents_in(folder)) for folder in self._candidates(root)]
        folder, located = max(candidates, key=lambda candidate: len(candidate[1]))  # the first of equals
        if self.contents.keys() <= located.keys() | self.optional:
            return folder, located
        if located:
            missing = [" or ".join(paths) for part, paths in self.contents.items() if part not in located]
            raise DataError(
                f"{self.name}: {folder} holds {', '.join(located.values())} but not {', '.join(missing)}; "
                f"{self._advice(root) or 'unpack the whole archive'}"
            )
        tried = f" or its {', '.join(self.folders)}" if self.folders else ""
        raise DataError(
            f"{self.name}: {self._wanted()} not found in {root}{tried}, which holds "
            f"{examples(sub_folders(root), 5) or 'no folders'}; "
            f"{self._advice(root) or 'name the right folder with --root or data.root'}"
        )

    def _advice(self, root: Path) -> str:
        """What to do with a copy in a layout that is recognised but not read; empty for others."""
        for folder in self._candidates(root):
            for path, advice in self.other_layouts.items():
                if (folder / path).exists():
                    return f"{folder / path} {advice}"
            if (folder / "bounding_box_test").is_dir() and "bounding_box_test" not in self._paths():
                return f"{folder} is laid out like Market-1501: name it as market-layout, not as {self.name}"
        return ""

    def _paths(self) -> list[str]:
        return [path for alternatives in self.contents.values() for path in alternatives]

    def _candidates(self, root: Path) -> list[Path]:
        return [root, *(root / name for name in (*self.folders, self.name))]

    def _contents_in(self, folder: Path) -> dict[str, str]:
        """The path of each of `contents` that the folder holds."""
        located: dict[str, str] = {}
        for part, alternatives in self.contents.items():
            present = [path for path in alternatives if (folder / path).exists()]
            if present:
                located[part] = present[0]
        return located

    def _wanted(self) -> str:
        return ", ".join(alternatives[0] for alternatives in self.contents.values())

    def _number_labels(self, folder: Path, parts: Parts) -> Benchmark:
        """Number the names: cameras are shared by all splits, identities by query and gallery."""
        given = [images for images in parts if images is not None]
        with_cameras = all(images.cameras is not None for images in given)
        seen = names_in_order(*(pa.array(images.cameras or [], type=pa.string()) for images in given))
        camera_names = (*self.cameras, *sorted(set(seen) - set(self.cameras), key=lambda name: (len(name), name)))
        test_names = names_in_order(*(pa.array(images.identities, type=pa.string()) for images in parts[1:] if images))

        def split(images: Images, identity_names: tuple[str, ...] | None = None) -> Split:
            return split_from_names(
                folder,
                images.paths,
                images.identities,
                images.cameras if with_cameras else None,
                identity_names=identity_names,
                camera_names=camera_names if with_cameras else (),
                tracks=None if images.tracks is None else np.array(images.tracks, dtype=np.int64),
                frames=None if images.frames is None else np.array(images.frames, dtype=np.int64),
            )

        return Benchmark(
            name=self.name,
            train=None if parts.train is None else split(parts.train),
            query=split(parts.query, test_names),
            gallery=split(parts.gallery, test_names),
            same_camera_rule=self.same_camera_rule and with_cameras,
            tracklets=self.tracklets,
            multi_query_images=None
            if parts.multi_query_images is None
            else split(parts.multi_query_images, test_names),
        )


def count_mismatches(benchmark: Benchmark, published: PublishedCounts) -> list[str]:
    """One phrase for each split whose counts are not the published ones, with both counts."""
    mismatches = []
    for part, expected in published.by_part().items():
        split: Split | None = getattr(benchmark, part)
        if expected is None:
            continue
        counts = Counts(0, 0, 0) if split is None else counts_of(split)
        differing = [
            f"{number:,} {what} instead of {wanted:,}"
            for what, number, wanted in zip(Counts._fields, counts, expected, strict=True)
            if wanted is not None and number != wanted
        ]
        if differing:
            mismatches.append(f"{part} has {', '.join(differing)}")
    return mismatches


def class_mismatch(train: Split, published: PublishedCounts | None) -> str:
    """The counts of camera-local classes where they are not the published ones, for messages; else empty."""
    if published is None or published.camera_classes is None or train.cameras is None:
        return ""
    counts = camera_labels(train).counts
    expected = published.camera_classes
    if isinstance(expected, int):
        return "" if int(counts.sum()) == expected else f"{describe_classes(counts)} instead of {expected:,}"
    if tuple(counts.tolist()) == expected:
        return ""
    return f"{describe_classes(counts)} instead of {describe_classes(expected)}"


def counts_of(split: Split) -> Counts:
    """The size of a split as published counts give it: junk left out."""
    return Counts(len(split), split.identity_count, None if split.cameras is None else split.camera_count)


def numbered(count: int, digits: int = 1) -> tuple[str, ...]:
    """Camera names `1`, `2`, ..., as files of that many digits write them."""
    return tuple(f"{number:0{digits}d}" for number in range(1, count + 1))


def read_lines(file: Path) -> list[str]:
    """The lines of a text file that belongs to a data set.

    Raises:
        DataError: it cannot be read, or is no UTF-8 text.
    """
    try:
        check_regular(file)
        return file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not a text file: fetch the official file again") from error


def check_present(name: str, root: Path, paths: list[str]) -> None:
    """Check that all listed images are on disk; a DataError names the first that are not."""
    missing = missing_files(root, paths)
    if missing:
        raise DataError(
            f"{name}: {len(missing):,} of {len(paths):,} listed images are not in {root}: {examples(missing)}; "
            "unpack the whole archive"
        )
