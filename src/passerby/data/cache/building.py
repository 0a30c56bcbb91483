"""Builds a pixel cache, or resumes an interrupted build, in one process while the others wait.

While a cache is built the name of its folder ends in `.building`; a rename publishes it. An image is marked done only
after its pixels are on the disk, so whatever kills the builder, the next one takes up where it stopped. Threads do the
work: Pillow decodes and resizes without holding Python's lock.
"""

import json
import os
import shlex
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from passerby.atomic_files import sweep_temporaries, write_text_atomically
from passerby.data.cache.disk import check_room, gibibytes, not_written
from passerby.data.cache.files import (
    ASIDE,
    DONE,
    PENDING,
    RECORD,
    UNREADABLE,
    find_damage,
    move_aside,
    pixel_counts,
    read_stored,
    update_array,
    write_array,
)
from passerby.data.cache.naming import FORMAT, CacheKind, cache_name, file_stats
from passerby.data.pixels.decoding import read_image, read_size, resize_image
from passerby.data.pixels.reading import check_readable, find_unreadable, in_threads
from passerby.data.split import Split
from passerby.errors import DataError, DeviceError, PasserbyError
from passerby.progress import log_line

_COMMIT_SECONDS = 2.0


class Builder:
    """Builder of the cache of one split.

    Args:
        split: whose images are cached, in its order.
        kind: what is stored of each image.
        folder: where caches are kept.
        skip_unreadable: publish the cache although images cannot be read.
        show_progress: report on stderr what is done.
    """

    def __init__(self, split: Split, kind: CacheKind, folder: Path, skip_unreadable: bool, show_progress: bool) -> None:
        if not len(split):
            raise DataError(f"no images to cache under {split.root}")
        self._split, self._kind, self._folder = split, kind, folder
        self._skip_unreadable, self._show = skip_unreadable, show_progress
        self._file_bytes, self._modified = file_stats(split)
        self._family, version = cache_name(split, kind, self._file_bytes, self._modified)
        self._location = folder / f"{self._family}-{version}"
        self._building = folder / f"{self._location.name}.building"
        self._write_lock = threading.Lock()
        self._complaints: dict[int, str] = {}

    def build(self, *, retry: bool = False) -> Path:
        """The folder of the cache, which is built unless it is complete; with `retry` missing images are tried again.

        A cache that is damaged is moved aside, for a run may have it open, and built again.

        Raises:
            DataError: unreadable images.
            DeviceError: the disk.
        """
        try:
            complete = self._location.exists() and find_damage(self._location, complete=True) is None
            retry = retry and complete and self._can_be_mended()
            if complete and not retry:
                return self._location
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._set_damaged_aside()
                if not self._location.exists():
                    self._fill()
                elif retry:
                    self._mend()
        except OSError as error:
            raise DeviceError(not_written(self._folder, error)) from error
        return self._location

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the caches of these images, which other processes report to be waiting for."""
        lock = FileLock(self._folder / f"{self._family}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            log_line(f"another process builds the pixel cache {self._location}; waiting for it", show=self._show)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _set_damaged_aside(self) -> None:
        damage = find_damage(self._location, complete=True) if self._location.exists() else None
        if damage is not None:
            aside = move_aside(self._location)
            text = f"the pixel cache {self._location} is damaged ({damage}) and is built again; it is now {aside.name}"
            log_line(text, show=self._show)

    def _fill(self) -> None:
        damage = find_damage(self._building, complete=False) if self._building.exists() else None
        if damage is not None:  # nobody else has it open
            log_line(f"the pixel cache {self._building} is damaged ({damage}) and is built again", show=self._show)
            shutil.rmtree(self._building)
        self._building.mkdir(exist_ok=True)
        sweep_temporaries(self._building, alone=True)
        records = self._records()
        status = self._status(len(records))
        total = int(pixel_counts(records).sum())
        images = f"{len(records):,} images {self._kind.description}"
        check_room(self._building / "pixels.bin", total, images)
        log_line(f"pixel cache {self._location}: {images}, {gibibytes(total)}", show=self._show)
        with (self._building / "pixels.bin").open("r+b", buffering=0) as pixels:
            pixels.truncate(total)
            self._take_over_known(records, status, pixels)
            self._decode(records, status, pixels)
        unreadable = self._write_complaints()
        if unreadable and (not self._skip_unreadable or len(unreadable) == len(records)):
            check_readable(unreadable, len(records))
        self._publish(len(records))

    def _can_be_mended(self) -> bool:
        """Whether the complete cache lacks an image that can be read now."""
        rows = np.flatnonzero(read_stored(self._location).status != DONE)
        title = "trying unreadable images again"
        return len(find_unreadable(self._split, title, rows=rows, show=self._show)) < len(rows)

    def _mend(self) -> None:
        """Add the images to the complete cache that it lacks and that can be read now.

        Processes that have it open are not disturbed: finished images stay in place, and they read no others.
        """
        self._building = self._location
        records = self._records()
        status = self._status(len(records))
        with (self._building / "pixels.bin").open("r+b", buffering=0) as pixels:
            pixels.truncate(int(pixel_counts(records).sum()))
            self._decode(records, status, pixels)
        self._write_complaints()

    def _write_complaints(self) -> list[str]:
        unreadable = [self._complaints[row] for row in sorted(self._complaints)]
        write_text_atomically(self._building / "unreadable.json", json.dumps(unreadable, indent=1))
        return unreadable

    def _records(self) -> NDArray[np.void]:
        """The place of every image in the cache; at native size from the headers of the files."""
        file = self._building / "records.npy"
        if file.exists():
            records: NDArray[np.void] = np.load(file)
        else:
            (self._building / "pixels.bin").touch()
            records = np.zeros(len(self._split), dtype=RECORD)
            records["file_bytes"], records["modified_ns"] = self._file_bytes, self._modified
        new = np.flatnonzero(records["height"] == 0)
        if not len(new):
            return records
        place = int(pixel_counts(records).sum())  # what could not be measured last time goes behind all others
        if self._kind.size is not None:
            records["height"], records["width"] = self._kind.size
        else:

            def measure(row: int) -> None:
                with suppress(DataError):  # reported when it is decoded
                    records["height"][row], records["width"][row] = read_size(self._split.path(row))

            for _ in in_threads(measure, new, "measuring images", show=self._show):
                pass
        ends = place + np.cumsum(3 * records["height"][new].astype(np.int64) * records["width"][new])
        records["offset"][new] = np.concatenate([[place], ends[:-1]])
        write_array(file, records)
        return records

    def _status(self, count: int) -> NDArray[np.uint8]:
        """The status column, which `_commit` writes; unreadable images get another chance."""
        file = self._building / "status.npy"
        if not file.exists():
            write_array(file, np.zeros(count, dtype=np.uint8))
        status: NDArray[np.uint8] = np.load(file)
        status[status == UNREADABLE] = PENDING
        return status

    def _take_over_known(self, records: NDArray[np.void], status: NDArray[np.uint8], pixels: BinaryIO) -> None:
        """Copy the images whose files are unchanged from earlier caches of the same split."""
        for donor in sorted(self._folder.glob(f"{self._family}-*")):
            if donor == self._building or donor.suffix == ASIDE:
                continue
            try:
                if not (donor / "status.npy").exists():
                    continue
                damage = find_damage(donor, complete=donor.suffix != ".building")
                if damage is not None:
                    raise DataError(f"it is damaged ({damage})")
                theirs, donor_status, source = read_stored(donor)
            except (PasserbyError, OSError) as error:
                log_line(f"nothing is copied from the pixel cache {donor}: {error}", show=self._show)
                continue
            columns = ("height", "width", "file_bytes", "modified_ns")
            same = np.logical_and.reduce([records[name] == theirs[name] for name in columns])
            rows = np.flatnonzero(same & (donor_status == DONE) & (status == PENDING))
            if not len(rows):
                continue
            for row in rows.tolist():
                begin = int(theirs["offset"][row])
                length = 3 * int(records["height"][row]) * int(records["width"][row])
                self._write(pixels, int(records["offset"][row]), source.read(begin, length))
            self._commit(rows, status, pixels)

    def _decode(self, records: NDArray[np.void], status: NDArray[np.uint8], pixels: BinaryIO) -> None:
        """Decode all pending images; those that were finished are kept, whatever ends this."""

        def work(row: int) -> str | None:
            try:
                self._write(pixels, int(records["offset"][row]), self._pixels(row, records))
            except DataError as error:
                return str(error)
            return None

        finished: list[NDArray[np.int64]] = []
        committed = time.monotonic()
        try:
            for block, complaints in in_threads(
                work, np.flatnonzero(status == PENDING), "decoding images", show=self._show
            ):
                self._complaints |= {
                    row: text for row, text in zip(block.tolist(), complaints, strict=True) if text is not None
                }
                finished.append(block[[text is None for text in complaints]])
                if time.monotonic() - committed > _COMMIT_SECONDS:
                    self._commit(np.concatenate(finished), status, pixels)
                    finished, committed = [], time.monotonic()
        finally:
            if finished:
                self._commit(np.concatenate(finished), status, pixels)
        status[sorted(self._complaints)] = UNREADABLE
        update_array(self._building / "status.npy", status)

    def _pixels(self, row: int, records: NDArray[np.void]) -> NDArray[np.uint8]:
        """The image of a row as it is stored, uint8 [3, H, W]."""
        image = read_image(self._split.path(row))
        if self._kind.size is not None and self._kind.interpolation is not None:
            return resize_image(image, self._kind.size, self._kind.interpolation).transpose(2, 0, 1)
        if (image.height, image.width) != (records["height"][row], records["width"][row]):
            raise DataError(f"image {self._split.path(row)} cannot be read: its header gives another size")
        return np.asarray(image).transpose(2, 0, 1)

    def _write(self, pixels: BinaryIO, offset: int, image: NDArray[np.uint8]) -> None:
        remaining = np.ascontiguousarray(image).data.cast("B")
        with self._write_lock:
            pixels.seek(offset)
            while remaining:
                remaining = remaining[pixels.write(remaining) :]

    def _commit(self, rows: NDArray[np.int64], status: NDArray[np.uint8], pixels: BinaryIO) -> None:
        """Mark images as done, once their pixels are safe on the disk."""
        if len(rows):
            os.fsync(pixels.fileno())
            status[rows] = DONE
            update_array(self._building / "status.npy", status)

    def _publish(self, count: int) -> None:
        manifest = {
            "format": FORMAT,
            "images": count,
            "size": self._kind.size,
            "interpolation": self._kind.interpolation,
            "root": str(self._split.root),
        }
        write_text_atomically(self._building / "manifest.json", json.dumps(manifest, indent=1))
        self._building.rename(self._location)
        for superseded in self._folder.glob(f"{self._family}-*.building"):
            shutil.rmtree(superseded)
        earlier = [path for path in sorted(self._folder.glob(f"{self._family}-*")) if path != self._location]
        if earlier:  # not removed: a run may have it open, and on a network disk would lose it
            names = " ".join(shlex.quote(str(path)) for path in earlier)
            log_line(
                f"earlier caches of these images are of use only to runs that have them open: rm -r {names}",
                show=self._show,
            )
