"""What is known of cameras: how wrong their clocks are, and how long people need from one to another."""

import math
from typing import NamedTuple

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction


class Camera(NamedTuple):
    """A camera of the gallery.

    Attributes:
        name: of the camera.
        clock_offset: seconds that its clock is ahead of the true time.
        travel_times: least seconds that anybody needs between its view and that of another camera, by the other's name;
            cameras that may see one person at once are not in it.
    """

    name: str
    clock_offset: float
    travel_times: dict[str, float]


def set_clock(transaction: Transaction, name: str, offset: float) -> None:
    """Set by how many seconds a camera's clock is ahead.

    Raises:
        GalleryError: there is no such camera, or this is no number.
    """
    _check_camera(transaction, name)
    if not math.isfinite(offset):
        raise GalleryError(f"camera {name}: the offset of its clock is a number of seconds, not {offset}")
    transaction.run("UPDATE cameras SET clock_offset = ? WHERE name = ?", (float(offset), name))


def set_travel_time(transaction: Transaction, camera: str, other: str, seconds: float | None) -> None:
    """Set the least time that anybody needs between two cameras, in both directions.

    Args:
        transaction: writes the gallery.
        camera, other: their names.
        seconds: 0 where nobody is seen by both at once; None where somebody may be, which is what is taken for granted
            of cameras of which nothing was said.

    Raises:
        GalleryError: there is no such camera, they are one, or this is no time.
    """
    for name in (camera, other):
        _check_camera(transaction, name)
    if camera == other:
        raise GalleryError(f"camera {camera}: a travel time is between two different cameras")
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise GalleryError(
            f"cameras {camera} and {other}: a travel time is a number of seconds from 0 on, not {seconds}"
        )
    for pair in ((camera, other), (other, camera)):
        transaction.run("DELETE FROM travel_times WHERE camera = ? AND other = ?", pair)
        if seconds is not None:
            statement = "INSERT INTO travel_times (camera, other, seconds) VALUES (?, ?, ?)"
            transaction.run(statement, (*pair, float(seconds)))


def read_cameras(transaction: Transaction) -> list[Camera]:
    """All cameras, by name."""
    cameras = [
        Camera(name, offset, {})
        for name, offset in transaction.rows("SELECT name, clock_offset FROM cameras ORDER BY name")
    ]
    by_name = {each.name: each for each in cameras}
    for name, other, seconds in transaction.rows("SELECT camera, other, seconds FROM travel_times ORDER BY other"):
        by_name[name].travel_times[other] = seconds
    return cameras


def _check_camera(transaction: Transaction, name: str) -> None:
    if not transaction.rows("SELECT 1 FROM cameras WHERE name = ?", (name,)):
        raise GalleryError(f"there is no camera {name!r} in the gallery")
