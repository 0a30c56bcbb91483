"""Models as ONNX and OpenVINO files that need no torch, written only if they compute what the model does."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.exporting.exporter import Exported, ExportPlan, write_export, write_unproven
    from passerby.exporting.parity import Parity, Precision, RankingParity
    from passerby.exporting.settings import ExportSettings
    from passerby.exporting.writing import Format

__all__ = [
    "ExportPlan",
    "ExportSettings",
    "Exported",
    "Format",
    "Parity",
    "Precision",
    "RankingParity",
    "write_export",
    "write_unproven",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "exporter": ["ExportPlan", "Exported", "write_export", "write_unproven"],
        "parity": ["Parity", "Precision", "RankingParity"],
        "settings": ["ExportSettings"],
        "writing": ["Format"],
    },
)
