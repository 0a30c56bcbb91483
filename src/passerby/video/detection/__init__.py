"""Find people in frames."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.video.detection.camera_detector import CameraDetector, CameraSettings
    from passerby.video.detection.detector import Detections, Detector
    from passerby.video.detection.opening import DEFAULT_DETECTOR, WITHOUT_FILE, open_detector
    from passerby.video.detection.region import Region, read_region, region_of_polygons

__all__ = [
    "DEFAULT_DETECTOR",
    "WITHOUT_FILE",
    "CameraDetector",
    "CameraSettings",
    "Detections",
    "Detector",
    "Region",
    "open_detector",
    "read_region",
    "region_of_polygons",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "camera_detector": ["CameraDetector", "CameraSettings"],
        "detector": ["Detections", "Detector"],
        "opening": ["DEFAULT_DETECTOR", "WITHOUT_FILE", "open_detector"],
        "region": ["Region", "read_region", "region_of_polygons"],
    },
)
