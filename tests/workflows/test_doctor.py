"""What `passerby doctor` notices: packages in the way, too old or missing, no room, runtimes that fail."""

import importlib.metadata
import json
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from passerby.cli import main
from passerby.errors import CheckpointError
from passerby.workflows.doctor import doctor, machine, packages, places, runtimes
from passerby.workflows.doctor.findings import Finding, one_line, without_home
from tests.installed import install


def named(found: list[Finding], name: str) -> Finding:
    (one,) = [each for each in found if each.name == name]
    return one


def pretend_without(*missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = packages._version
    monkeypatch.setattr(packages, "_version", lambda name: "" if name in missing else found(name))


def test_what_is_declared_is_listed_with_the_installed_version() -> None:
    found = packages.package_findings()
    for name in ("numpy", "onnxruntime", "scipy"):
        assert named(found, name) == Finding("Packages", name, importlib.metadata.version(name))
    assert named(found, "train").value.count("torch") >= 2
    assert not any(each.name in ("dev", "docs") for each in found)


def test_a_second_opencv_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "opencv_python", "", version="4.13.0.92")
    monkeypatch.syspath_prepend(tmp_path)
    found = named(packages.package_findings(), "OpenCV")
    assert found.state == "problem"
    assert "opencv-python 4.13.0.92: they write into one folder" in found.value
    assert found.remedy.startswith("pip uninstall -y opencv-python-headless opencv-python, then pip install 'opencv-")


def test_a_version_that_is_too_old_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "numpy", "", version="1.26.4")
    monkeypatch.setattr(importlib.metadata, "version", _version_in(tmp_path, importlib.metadata.version))
    found = named(packages.package_findings(), "numpy")
    assert (found.state, found.value) == ("problem", "1.26.4, but passerby needs numpy>=2.0")
    assert found.remedy.startswith("pip install 'numpy>=2.0'")


def test_an_extra_that_is_not_there_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_without("faiss-cpu", "nncf", monkeypatch=monkeypatch)
    found = packages.package_findings()
    assert named(found, "faiss") == Finding("Extras", "faiss", "not installed", "note", "pip install 'passerby[faiss]'")
    assert named(found, "export").state == "note"
    assert "without nncf" in named(found, "export").value


def test_what_every_installation_needs_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_without("scipy", monkeypatch=monkeypatch)
    found = named(packages.package_findings(), "scipy")
    assert (found.state, found.value, found.remedy) == ("problem", "missing", "pip install 'scipy>=1.15'")


def test_every_runtime_that_is_there_gives_the_same_feature() -> None:
    found = runtimes.runtime_findings()
    assert {each.name for each in found} >= {"onnxruntime", "openvino", "torch", "torchvision"}
    assert all(each.state != "problem" for each in found)
    assert sum("cosine 1.0000" in each.value for each in found) == 3


def test_a_runtime_that_fails_is_told_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **named: object) -> None:
        raise CheckpointError("this file\ncannot be read")

    monkeypatch.setattr(runtimes, "load", fail)
    found = named(runtimes.runtime_findings(), "onnxruntime")
    assert (found.state, found.value) == ("problem", "does not run tiny-clip: this file cannot be read")
    assert found.remedy == "pip install --force-reinstall onnxruntime"


def test_places_without_room_or_rights_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "file" / "cache"))
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**40 - 2**20, 2**20))
    found = places.place_findings()
    assert (named(found, "cache").state, named(found, "current folder").state) == ("problem", "problem")
    assert named(found, "cache").value.endswith("cannot be written into")
    assert "0.0 GiB free" in named(found, "current folder").value
    assert named(found, "environment").value == "PASSERBY_CACHE set"


def test_a_driver_without_a_gpu_that_torch_finds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "driver_at_hand", lambda: True)
    for cuda, state, words in ((None, "note", "is a CPU build"), ("12.8", "problem", "finds no GPU")):
        monkeypatch.setattr(torch.version, "cuda", cuda)
        found = named(machine.machine_findings(), "GPU")
        assert found.state == state
        assert words in found.value
        assert found.remedy


def test_a_torch_that_does_not_import_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "is_installed", lambda _: True)
    monkeypatch.setitem(sys.modules, "torch", None)
    found = named(machine.machine_findings(), "GPU")
    assert (found.state, found.remedy) == ("problem", "pip install --force-reinstall torch")
    assert "torch does not import: import of torch halted" in found.value


def test_the_home_folder_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    assert without_home(tmp_path / "jane" / "runs") == "~/runs"
    assert without_home(tmp_path / "other") == str(tmp_path / "other")
    assert one_line(OSError(f"{tmp_path}/jane/lib.so:\n  no such file")) == "~/lib.so: no such file"


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("note", 0), ("problem", 1)])
def test_the_command_prints_and_exits_as_it_found(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Finding("Packages", "numpy", "1.26", state, "pip install 'numpy>=2.0'")  # type: ignore[arg-type]
    monkeypatch.setattr(doctor, "examine", lambda: [found])
    for words in (["doctor"], ["doctor", "--json"]):
        monkeypatch.setattr("sys.argv", ["passerby", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert (stop.value.code or 0) == code
        shown = capsys.readouterr().out
        if "--json" in words:
            assert json.loads(shown) == {"problems": code, "findings": [found._asdict()]}
        else:
            assert ("pip install 'numpy>=2.0'" in shown) == (state != "ok")


def _version_in(folder: Path, otherwise: object) -> object:
    """Versions of what a folder holds, which would not come first on the path of this process."""
    there = {each.name: each.version for each in importlib.metadata.distributions(path=[str(folder)])}
    return lambda name: there[name] if name in there else otherwise(name)  # type: ignore[operator]
