"""The faces of rooms: a name that is exported lazily must not be hidden by a module of the same name."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import passerby

SOURCE = Path(passerby.__file__).parent
FACES = sorted(
    ".".join(("passerby", *file.parent.relative_to(SOURCE).parts))
    for file in SOURCE.rglob("__init__.py")
    if "lazy_exports(" in file.read_text("utf-8")
)


@pytest.mark.parametrize("name", FACES)
def test_no_exported_name_is_that_of_a_module_beside_it(name: str) -> None:
    face = import_module(name)
    assert face.__file__
    beside = {file.stem for file in Path(face.__file__).parent.iterdir() if file.suffix == ".py" or file.is_dir()}
    assert not beside & set(face.__all__)
    assert [each for each in face.__all__ if isinstance(getattr(face, each), ModuleType)] == []
