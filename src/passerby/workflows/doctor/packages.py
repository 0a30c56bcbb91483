"""Whether the packages are there that passerby declares, in versions it can use, and nothing is in their way."""

import importlib.metadata
import platform
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from passerby.version import __version__
from passerby.workflows.doctor.findings import Finding, without_home

TOPIC, EXTRAS = "Packages", "Extras"

_OPENCV = "opencv-python-headless"
_OTHER_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
_FOR_DEVELOPERS = ("dev", "docs")


def package_findings() -> list[Finding]:
    """passerby, Python, what every installation needs, and what the extras bring."""
    place = without_home(Path(__file__).parents[2])
    found = [
        Finding(TOPIC, "passerby", f"{__version__} in {place}"),
        Finding(TOPIC, "Python", f"{platform.python_version()} ({platform.python_implementation()}, {sys.platform})"),
    ]
    requirements = _requirements()
    if not requirements:
        remedy = "install it (pip install .) to have its requirements compared"
        return [*found, Finding(TOPIC, "requirements", "passerby runs from a folder", "note", remedy)]
    core = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    found += [_required(each) for each in core if canonicalize_name(each.name) != _OPENCV]
    found.append(_opencv())
    extras = importlib.metadata.metadata("passerby").get_all("Provides-Extra") or []
    found += [_extra(each, requirements) for each in extras if each not in _FOR_DEVELOPERS]
    return found


def versions() -> dict[str, str]:
    """passerby, Python, and those packages that decide what is computed, by name; only what is installed."""
    names = ("torch", "torchvision", "timm", "open_clip_torch", "lightning", "onnxruntime", "openvino", "numpy")
    found = {name: installed for name in (*names, _OPENCV) if (installed := _version(name))}
    return {"passerby": __version__, "python": platform.python_version(), **found}


def _requirements() -> list[Requirement]:
    try:
        return [Requirement(each) for each in importlib.metadata.requires("passerby") or []]
    except importlib.metadata.PackageNotFoundError:
        return []


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _required(requirement: Requirement, topic: str = TOPIC) -> Finding:
    found = _version(requirement.name)
    wanted = f"{requirement.name}{requirement.specifier}"
    if not found:
        return Finding(topic, requirement.name, "missing", "problem", f"pip install '{wanted}'")
    if not requirement.specifier.contains(found, prereleases=True):
        remedy = f"pip install '{wanted}'; what forbids that version needs an environment of its own"
        return Finding(topic, requirement.name, f"{found}, but passerby needs {wanted}", "problem", remedy)
    return Finding(topic, requirement.name, found)


def _opencv() -> Finding:
    """OpenCV: its packages share the folder cv2, so that the one installed last lies over the others."""
    others = [name for name in _OTHER_OPENCV if _version(name)]
    own = next(each for each in _requirements() if canonicalize_name(each.name) == _OPENCV)
    if not others:
        return _required(own)
    several = ", ".join(f"{name} {_version(name)}" for name in (*([_OPENCV] if _version(_OPENCV) else []), *others))
    remedy = (
        f"pip uninstall -y {' '.join([_OPENCV, *others])}, then pip install '{_OPENCV}{own.specifier}': whatever asked "
        "for the other one imports cv2 from it just as well"
    )
    return Finding(TOPIC, "OpenCV", f"{several}: they write into one folder", "problem", remedy)


def _extra(extra: str, requirements: list[Requirement]) -> Finding:
    """Whether an extra is there; one that was never asked for is no problem."""
    asked = [each for each in requirements if each.marker is not None and each.marker.evaluate({"extra": extra})]
    asked = [each for each in asked if canonicalize_name(each.name) != "passerby" and not _always(each)]
    parts = [_required(each, EXTRAS) for each in asked]
    there = [part for part in parts if part.value != "missing"]
    remedy = f"pip install 'passerby[{extra}]'"
    if not there:
        return Finding(EXTRAS, extra, "not installed", "note", remedy)
    shown = ", ".join(f"{part.name} {part.value}" for part in there)
    if wrong := [part for part in there if part.state == "problem"]:
        return Finding(EXTRAS, extra, shown, "problem", wrong[0].remedy)
    if missing := [part.name for part in parts if part.value == "missing"]:
        return Finding(EXTRAS, extra, f"{shown}; without {', '.join(missing)}", "note", remedy)
    return Finding(EXTRAS, extra, shown)


def _always(requirement: Requirement) -> bool:
    return requirement.marker is not None and requirement.marker.evaluate({"extra": ""})
