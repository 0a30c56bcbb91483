"""What `passerby.data`, its sub-rooms and `passerby.synth` export."""

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

ROOMS = ["data", *(f"data.{name}" for name in ("augmentation", "cache", "checks", "formats", "loading"))]
ROOMS += ["data.occlusion", "data.pixels", "synth"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_is_there(room: str) -> None:
    face = import_module(f"passerby.{room}")
    assert face.__all__
    for name in face.__all__:
        value = getattr(face, name)
        assert not isinstance(value, ModuleType), f"{room}.{name} is hidden by a module of the same name"
    with pytest.raises(AttributeError, match="has no attribute 'nobody'"):
        face.nobody  # noqa: B018 - the attempt is what is tested


def test_importing_the_rooms_loads_neither_torch_nor_arrow() -> None:
    rooms = ", ".join(f"passerby.{room}" for room in ROOMS if room != "synth")
    code = f"import sys, {rooms}; print(sorted({{'torch', 'pyarrow', 'scipy'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
