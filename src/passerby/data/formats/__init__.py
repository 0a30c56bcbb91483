"""Tables, folders and lists that name images and labels."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.formats.mot import MotBoxes, MotTruth, read_mot_result, read_mot_truth, write_mot_result
    from passerby.data.formats.open_data import list_images, load_folder, load_table
    from passerby.data.formats.schema import SCHEMA, TABLE_SUFFIXES
    from passerby.data.formats.table_file import read_table

__all__ = [
    "SCHEMA",
    "TABLE_SUFFIXES",
    "MotBoxes",
    "MotTruth",
    "list_images",
    "load_folder",
    "load_table",
    "read_mot_result",
    "read_mot_truth",
    "read_table",
    "write_mot_result",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "mot": ["MotBoxes", "MotTruth", "read_mot_result", "read_mot_truth", "write_mot_result"],
        "open_data": ["list_images", "load_folder", "load_table"],
        "schema": ["SCHEMA", "TABLE_SUFFIXES"],
        "table_file": ["read_table"],
    },
)
