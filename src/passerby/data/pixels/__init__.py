"""Image files to pixels: decoding, resizing and cropping."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.pixels.decoding import Interpolation, Size, read_image, resize_image
    from passerby.data.pixels.reading import check_readable, find_unreadable
    from passerby.data.pixels.resizing import resize

__all__ = ["Interpolation", "Size", "check_readable", "find_unreadable", "read_image", "resize", "resize_image"]

__getattr__ = lazy_exports(
    __name__,
    {
        "decoding": ["Interpolation", "Size", "read_image", "resize_image"],
        "reading": ["check_readable", "find_unreadable"],
        "resizing": ["resize"],
    },
)
