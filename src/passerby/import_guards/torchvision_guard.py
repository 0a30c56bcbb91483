"""Makes torchvision importable beside a torch it was not built for.

The published torchvision wheel is linked against CUDA. Beside a CPU build of torch its native library cannot load, and
importing it fails with "operator torchvision::nms does not exist" although pip finds nothing wrong; timm and open_clip
import torchvision and fail with it. Declaring the schemas of the two operators that its Python files mention is enough
for transforms and models; detection operators and native image codecs stay unavailable, and passerby uses neither.

Installed by `import passerby`; costs nothing until torchvision is first imported, and does nothing where it is whole.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

_library: Any = None
"""The torch.library.Library that holds the declared schemas: they vanish when it is garbage-collected."""


def install() -> None:
    """Arrange that `declare_missing_operators` runs just before torchvision is first imported."""
    if "torchvision" not in sys.modules and not any(isinstance(finder, _Guard) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Guard())


def stands_in() -> bool:
    """Whether operators had to be declared, after torchvision was imported."""
    return _library is not None


def declare_missing_operators(package: Path) -> bool:
    """Declare torchvision's operators if the native library in its `package` folder cannot load.

    Returns True if they had to be declared, False where torchvision is whole.
    """
    global _library
    if _library is not None or _loads(package):
        return False
    library: Any = import_module("torch.library")
    _library = library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        _library.define(schema)
    return True


def _loads(package: Path) -> bool:
    """Whether the native library of torchvision can be loaded into this torch."""
    operators: Any = import_module("torch").ops
    for file in sorted(package.glob("_C*")):
        try:
            operators.load_library(str(file))
        except OSError:
            continue
        return True
    return False


class _Guard(MetaPathFinder):
    """Sees the first import of torchvision, prepares for it, and leaves the import itself to the ordinary finders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target  # the protocol's, of no use here
        if fullname != "torchvision":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.submodule_search_locations:
            declare_missing_operators(Path(next(iter(spec.submodule_search_locations))))
        return None
