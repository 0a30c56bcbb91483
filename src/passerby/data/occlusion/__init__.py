"""Controlled occlusion of images, and the visible fraction of people."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.occlusion.manifest import manifest_rows, reproduce, write_manifest
    from passerby.data.occlusion.occlude import LEVELS, Condition, Fill, Occluded, Occlusion, image_seed
    from passerby.data.occlusion.source import Donors, OccludedSource, OcclusionRun, choose_donors
    from passerby.data.occlusion.visibility import TABLE_OF_WORLD, read_visibility

__all__ = [
    "LEVELS",
    "TABLE_OF_WORLD",
    "Condition",
    "Donors",
    "Fill",
    "Occluded",
    "OccludedSource",
    "Occlusion",
    "OcclusionRun",
    "choose_donors",
    "image_seed",
    "manifest_rows",
    "read_visibility",
    "reproduce",
    "write_manifest",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "manifest": ["manifest_rows", "reproduce", "write_manifest"],
        "occlude": ["LEVELS", "Condition", "Fill", "Occluded", "Occlusion", "image_seed"],
        "source": ["Donors", "OccludedSource", "OcclusionRun", "choose_donors"],
        "visibility": ["TABLE_OF_WORLD", "read_visibility"],
    },
)
