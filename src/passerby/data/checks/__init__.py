"""Checks of a data set before anything is computed from it."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.checks.findings import Finding, Inspection
    from passerby.data.checks.inspection import inspect_data, queries_without_match
    from passerby.data.checks.shared_files import check_no_shared_files

__all__ = ["Finding", "Inspection", "check_no_shared_files", "inspect_data", "queries_without_match"]

__getattr__ = lazy_exports(
    __name__,
    {
        "findings": ["Finding", "Inspection"],
        "inspection": ["inspect_data", "queries_without_match"],
        "shared_files": ["check_no_shared_files"],
    },
)
