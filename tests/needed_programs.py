"""Programs of the system that some tests need: without one they are skipped, except in CI, which installs them."""

import os
import shutil
from typing import NoReturn

import pytest


def needed_program(name: str) -> str:
    """The path of a program; the test is skipped without it, and in CI fails."""
    found = shutil.which(name)
    return found if found is not None else cannot_run(f"no {name} on this machine")


def cannot_run(reason: str) -> NoReturn:
    """Skip a test where what it needs is optional; CI, which installs it, fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
