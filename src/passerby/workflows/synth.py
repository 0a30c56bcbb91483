"""Draw a synthetic world as crops, videos or tracklets: what `passerby synth` does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from passerby.synth import Look, TrackerNoise, write_contact_sheet, write_market, write_tracklets, write_videos
from passerby.synth.output.contact_sheet import check_contact_sheet

_CROPS_IDENTITIES = 80


@dataclass(frozen=True)
class WorldRequest:
    """What to draw.

    Attributes:
        out: the folder to write to.
        identities: people; by default 80, or in videos one every two seconds.
        cameras: each with a place, light and colours of its own.
        seed: everything follows from it.
        height: of the crops in pixels; they are half as wide.
        images: crops of every person in every camera.
        crowd: how many others are near a person, on average.
        look: of people, cameras and places.
        people_per_city: how many crops' identities share cameras; by default all.
        train: share of the identities that are for training.
        masks: whether a mask of the visible person is written beside every crop.
        processes: how many draw crops or videos at once.
        videos: seconds that every camera films instead of crops.
        overlapping: whether all cameras film the same moments.
        tracklets: in how many videos people are tracked with errors instead of crops.
        noise: how much the tracker errs; 0 is perfect, 1 is usual.
        contact_sheet: whether a page of samples is written beside the folder.
        replace: whether a world of other arguments in the folder is replaced.
    """

    out: Path = Path("world")
    identities: int | None = None
    cameras: int = 4
    seed: int = 7
    height: int = 128
    images: int = 4
    crowd: float = 1.0
    look: Look = "plain"
    people_per_city: int | None = None
    train: float = 0.5
    masks: bool = False
    processes: int = 1
    videos: float | None = None
    overlapping: bool = False
    tracklets: int | None = None
    noise: float = 1.0
    contact_sheet: bool = False
    replace: bool = False

    @property
    def kind(self) -> Literal["crops", "videos", "tracklets"]:
        """What is written."""
        return "videos" if self.videos is not None else "tracklets" if self.tracklets is not None else "crops"

    @property
    def people(self) -> int:
        """How many identities there are."""
        if self.identities is not None:
            return self.identities
        if self.videos is None:
            return _CROPS_IDENTITIES
        return round(min(max(4, self.videos), 3600) / 2)  # NaN, which no comparison keeps, is refused later

    @property
    def page(self) -> Path:
        """Where the page of samples goes: beside the folder; `.` too has a name and a parent."""
        named = self.out if self.out.name not in ("", "..") else self.out.resolve()
        return named.with_name(f"{named.name}.png") if named.name else named / "world.png"


def draw_world(request: WorldRequest) -> Path:
    """Draw it and return the folder.

    Raises:
        DataError: an argument is out of range, or the folder or page holds something else.
    """
    common: dict[str, Any] = {
        "cameras": request.cameras,
        "seed": request.seed,
        "look": request.look,
        "replace": request.replace,
    }
    if request.contact_sheet:  # found out before minutes are spent on the world
        check_contact_sheet(request.page, crowd=request.crowd, **common)
    made = _write(request, common)
    if request.contact_sheet:
        write_contact_sheet(request.page, crowd=request.crowd, **common)
    return made


def _write(request: WorldRequest, common: dict[str, Any]) -> Path:
    people, size = request.people, (request.height, request.height // 2)
    if request.videos is not None:
        return write_videos(
            request.out,
            identities=people,
            seconds=request.videos,
            overlapping=request.overlapping,
            noise=_tracker_noise(request.noise),
            processes=request.processes,
            **common,
        )
    if request.tracklets is not None:
        return write_tracklets(
            request.out,
            identities=people,
            videos=request.tracklets,
            appearances=min(3, request.tracklets),
            noise=_tracker_noise(request.noise),
            size=size,
            **common,
        )
    return write_market(
        request.out,
        identities=people,
        images_per_camera=request.images,
        size=size,
        train_fraction=request.train,
        crowd=request.crowd,
        masks=request.masks,
        people_per_city=request.people_per_city,
        processes=request.processes,
        **common,
    )


def _tracker_noise(factor: float) -> TrackerNoise:
    return TrackerNoise.none() if factor == 0 else TrackerNoise().scaled(factor)
