"""A gallery of tracklets that can be searched, trusted and erased from."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.gallery.access.keys import AccessKey
    from passerby.gallery.erasure.erasing import Receipt
    from passerby.gallery.erasure.plan import ErasurePlan
    from passerby.gallery.erasure.preview import ErasurePreview
    from passerby.gallery.gallery import Gallery, open_gallery, restore_gallery
    from passerby.gallery.holding import Hold
    from passerby.gallery.identities.cameras import Camera
    from passerby.gallery.identities.decisions import Decision
    from passerby.gallery.identities.doubtful import Settled
    from passerby.gallery.identities.doubts import Doubt
    from passerby.gallery.identities.history import Change
    from passerby.gallery.identities.identifying import Identified
    from passerby.gallery.identities.people import Identity
    from passerby.gallery.jobs import Job
    from passerby.gallery.nearest.feature_index import FeatureIndex
    from passerby.gallery.probability.calibration import Calibration
    from passerby.gallery.records import Added, Crop, Feature, ModelKey, NewTracklet, Tracklet
    from passerby.gallery.search import Filters, Hit, Hits
    from passerby.gallery.upkeep.backup import Restored
    from passerby.gallery.upkeep.erasure_list import ErasureList
    from passerby.gallery.upkeep.manifest import Backup
    from passerby.gallery.upkeep.verification import Finding

__all__ = [
    "AccessKey",
    "Added",
    "Backup",
    "Calibration",
    "Camera",
    "Change",
    "Crop",
    "Decision",
    "Doubt",
    "ErasureList",
    "ErasurePlan",
    "ErasurePreview",
    "Feature",
    "FeatureIndex",
    "Filters",
    "Finding",
    "Gallery",
    "Hit",
    "Hits",
    "Hold",
    "Identified",
    "Identity",
    "Job",
    "ModelKey",
    "NewTracklet",
    "Receipt",
    "Restored",
    "Settled",
    "Tracklet",
    "open_gallery",
    "restore_gallery",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "erasure.erasing": ["Receipt"],
        "erasure.plan": ["ErasurePlan"],
        "gallery": ["Gallery", "open_gallery", "restore_gallery"],
        "holding": ["Hold"],
        "access.keys": ["AccessKey"],
        "erasure.preview": ["ErasurePreview"],
        "identities.cameras": ["Camera"],
        "identities.doubtful": ["Settled"],
        "identities.doubts": ["Doubt"],
        "jobs": ["Job"],
        "identities.decisions": ["Decision"],
        "identities.history": ["Change"],
        "identities.identifying": ["Identified"],
        "identities.people": ["Identity"],
        "nearest.feature_index": ["FeatureIndex"],
        "probability.calibration": ["Calibration"],
        "records": ["Added", "Crop", "Feature", "ModelKey", "NewTracklet", "Tracklet"],
        "search": ["Filters", "Hit", "Hits"],
        "upkeep.backup": ["Restored"],
        "upkeep.erasure_list": ["ErasureList"],
        "upkeep.manifest": ["Backup"],
        "upkeep.verification": ["Finding"],
    },
)


def __dir__() -> list[str]:
    return __all__
