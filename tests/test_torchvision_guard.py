"""The guard in fresh interpreters: imports, a missing native library, a whole one, and how little it costs."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_torchvision_timm_and_open_clip_import_after_passerby() -> None:
    assert (
        run("import passerby, open_clip, timm; from torchvision.transforms import v2; print(v2.Resize(4).size)")
        == "[4]"
    )


def test_importing_passerby_and_its_command_line_loads_no_torch() -> None:
    heavy = ("torch", "torchvision", "lightning", "matplotlib", "pyarrow")
    code = f"import sys, passerby, passerby.cli; print([name for name in {heavy} if name in sys.modules])"
    assert run(code) == "[]"


@pytest.mark.parametrize(("loads", "declared"), [(True, "False"), (False, "True")])
def test_operators_are_declared_only_where_the_library_cannot_load(tmp_path: Path, loads: bool, declared: str) -> None:
    if loads:  # any library that torch can load stands for a whole torchvision
        import torch

        real = next((Path(torch.__file__).parent / "lib").glob("libc10.so"), None)
        if real is None:
            pytest.skip("no shared library of torch to stand for a whole torchvision")
        (tmp_path / "_C.so").symlink_to(real)
    else:
        (tmp_path / "_C.so").write_bytes(b"not a library")
    code = (
        "from pathlib import Path\n"
        "from passerby.import_guards.torchvision_guard import declare_missing_operators as declare\n"
        f"import torch; found = declare(Path({str(tmp_path)!r})); print(found, hasattr(torch.ops.torchvision, 'nms'))"
    )
    assert run(code) == f"{declared} {declared}"
