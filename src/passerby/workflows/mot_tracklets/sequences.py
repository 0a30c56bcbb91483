"""Which sequences lie in a folder, and where their frames, truth and tracks are."""

import re
from dataclasses import dataclass
from pathlib import Path

from passerby.data.image_files import sub_folders
from passerby.errors import DataError
from passerby.printable import printable

_THRICE = re.compile(r"(MOT17-\d+)-(DPM|FRCNN|SDP)")
"""MOT17 holds each sequence three times, with detections of three detectors and one truth."""


@dataclass(frozen=True)
class MotSequence:
    """A video with people in it.

    Attributes:
        name: of it.
        frames: a video, or a folder of pictures.
        truth: the file with the ground truth; None where there is none.
        tracks: the file with the tracks that are read; None where the people of the truth are.
        shared: whether one number of the truth is one person in all sequences of the folder.
    """

    name: str
    frames: Path
    truth: Path | None
    tracks: Path | None
    shared: bool

    @property
    def files(self) -> list[Path]:
        """What its boxes are read from."""
        return [file for file in (self.truth, self.tracks) if file is not None]


def find_sequences(source: Path, tracks: Path | None = None) -> list[MotSequence]:
    """The sequences of a folder, by name.

    Args:
        source: a sequence (`img1/`, `gt/gt.txt`), a folder of such, or what `passerby synth --videos` wrote (`videos/`,
            `gt/`, `tracks/`).
        tracks: a file in MOTChallenge's form, or a folder with `NAME.txt` for each sequence. None for what lies in
            `tracks/NAME.txt`, and where there is no such file the truth.

    Raises:
        DataError: there are no sequences, or one has neither truth nor tracks, or `tracks` does not fit them.
    """
    if (source / "videos").is_dir():
        found = _drawn(source)
    elif _is_sequence(source):
        found = [_sequence(source, source.resolve().name)]
    else:
        names = sorted(name for name in sub_folders(source) if _is_sequence(source / name))
        found = [_sequence(source / name, name) for name in (names if tracks is not None else _once(names))]
    if not found:
        raise DataError(
            f"{printable(str(source))} holds no sequences: name a folder with img1/ and gt/gt.txt, a folder of such, "
            "or what passerby synth --videos wrote"
        )
    return [_with_tracks(each, tracks, alone=len(found) == 1) for each in found]


def _is_sequence(folder: Path) -> bool:
    return (folder / "img1").is_dir() or (folder / "seqinfo.ini").is_file()


def _once(names: list[str]) -> list[str]:
    """The names without the second and third of what MOT17 holds three times."""
    first: dict[str, str] = {}
    for name in names:
        thrice = _THRICE.fullmatch(name)
        first.setdefault(name if thrice is None else thrice[1], name)
    return list(first.values())


def _sequence(folder: Path, name: str) -> MotSequence:
    described = (folder / "seqinfo.ini").is_file()
    frames = folder if described else folder / "img1"
    return MotSequence(
        name, frames, _if_there(folder / "gt" / "gt.txt"), _if_there(folder / "tracks" / f"{name}.txt"), shared=False
    )


def _drawn(folder: Path) -> list[MotSequence]:
    found: dict[str, MotSequence] = {}
    for video in sorted((folder / "videos").iterdir()):
        if video.name.startswith("."):
            continue
        if video.stem in found:
            raise DataError(f"{printable(str(folder / 'videos'))} has two videos called {printable(video.stem)}")
        truth, tracks = (_if_there(folder / kind / f"{video.stem}.txt") for kind in ("gt", "tracks"))
        found[video.stem] = MotSequence(video.stem, video, truth, tracks, shared=True)
    return list(found.values())


def _with_tracks(sequence: MotSequence, tracks: Path | None, *, alone: bool) -> MotSequence:
    name = printable(sequence.name)
    if tracks is None:
        if not sequence.files:
            raise DataError(f"sequence {name} has no gt/gt.txt and no tracks: name its tracks by --tracks")
        return sequence
    if tracks.is_dir():
        file = tracks / f"{sequence.name}.txt"
        if not file.is_file():
            raise DataError(f"{printable(str(tracks))} has no tracks of sequence {name}: it needs {name}.txt")
    elif alone:
        file = tracks
    else:
        raise DataError(f"{printable(str(tracks))} is no folder: several sequences need one, with NAME.txt for each")
    return MotSequence(sequence.name, sequence.frames, sequence.truth, file, sequence.shared)


def _if_there(file: Path) -> Path | None:
    return file if file.is_file() else None
