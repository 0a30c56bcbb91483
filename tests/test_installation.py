"""What `make` installs is what the constraints say; checked in CI only, users may have other versions."""

import importlib.metadata
import os
import sysconfig
from pathlib import Path

import pytest

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="versions are pinned in CI only")
def test_installed_versions_are_those_of_the_constraints() -> None:
    wanted = dict(line.split("==") for line in CONSTRAINTS.read_text().split("\n") if line and not line.startswith("#"))
    # setuptools, once imported, brings packages along for itself, which are not looked at
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    found = importlib.metadata.distributions(path=folders)
    installed = {dist.name.lower().replace("-", "_"): dist.version for dist in found}
    different = {
        name: (version, installed[key].split("+")[0])
        for name, version in wanted.items()
        if (key := name.lower().replace("-", "_")) in installed and installed[key].split("+")[0] != version
    }
    assert different == {}
    assert {"torch", "torchvision", "open_clip_torch", "timm", "lightning"} <= wanted.keys() & installed.keys()
