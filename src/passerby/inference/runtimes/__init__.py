"""Model files of others in ONNX Runtime and OpenVINO, used as their cards say."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.inference.runtimes.card_draft import card_template, file_ports
    from passerby.inference.runtimes.opening import Runtime, find_card, open_session
    from passerby.inference.runtimes.reference_check import check_reference, reference_values
    from passerby.inference.runtimes.session import Arithmetic, ModelSession, Port, default_threads, is_int8

__all__ = [
    "Arithmetic",
    "ModelSession",
    "Port",
    "Runtime",
    "card_template",
    "check_reference",
    "default_threads",
    "file_ports",
    "find_card",
    "is_int8",
    "open_session",
    "reference_values",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "card_draft": ["card_template", "file_ports"],
        "opening": ["Runtime", "find_card", "open_session"],
        "reference_check": ["check_reference", "reference_values"],
        "session": ["Arithmetic", "ModelSession", "Port", "default_threads", "is_int8"],
    },
)
