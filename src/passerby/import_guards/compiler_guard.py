"""Keeps torch's compiler out of processes that only embed.

Two modules import `torch._dynamo`, which takes two seconds, for functions that passerby never calls: torchvision's
`roi_align`, and timm where it marks methods that are not to be compiled. While they are imported, what they ask of the
compiler is put off until it is called.

Installed by `import passerby`; does nothing where the compiler has been imported before.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_COMPILER, _ASKED_OF = "torch._dynamo", "torch._dynamo.utils"


def install() -> None:
    """Arrange that torchvision and timm are imported without the compiler."""
    if not any(isinstance(finder, _Guard) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Guard())


class _StandIn(ModuleType):
    """Every name that is asked of it is a function that imports the real module when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):  # Python asks for such while it imports
            raise AttributeError(name)

        def call(*given: Any, **named: Any) -> Any:
            return getattr(import_module(_ASKED_OF), name)(*given, **named)

        return call


@contextmanager
def _functions_put_off() -> Iterator[None]:
    """Let `from torch._dynamo.utils import …` import nothing inside the block."""
    sys.modules[_ASKED_OF] = _StandIn(_ASKED_OF)
    try:
        yield
    finally:
        _remove_stand_in()


def _remove_stand_in() -> None:
    if isinstance(sys.modules.get(_ASKED_OF), _StandIn):
        del sys.modules[_ASKED_OF]


@contextmanager
def _marks_put_off() -> Iterator[None]:
    """Let whoever keeps `torch.compiler.disable` inside the block keep one that waits for the first call."""
    compiler: Any = import_module("torch.compiler")
    disable = compiler.disable
    compiler.disable = _waiting(disable)
    try:
        yield
    finally:
        compiler.disable = disable


def _waiting(disable: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator like `torch.compiler.disable` that asks the compiler when its function is first called."""

    def decorate(function: Callable[..., Any] | None = None, *given: Any, **named: Any) -> Callable[..., Any]:
        if function is None:
            return lambda later: decorate(later, *given, **named)
        disabled: list[Callable[..., Any]] = []

        @wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            if not disabled:
                disabled.append(disable(function, *given, **named))
            return disabled[0](*arguments, **keywords)

        vars(call)["_torchdynamo_disable"] = True  # the compiler's own mark of what it leaves alone
        return call

    return decorate


_WAYS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "torchvision.ops.roi_align": _functions_put_off,
    "timm.layers.typing": _marks_put_off,
}
"""Module → what it is imported inside of."""


class _Deferring(Loader):
    """Executes a module as its own loader does, inside of something."""

    def __init__(self, loader: Loader, way: Callable[[], AbstractContextManager[None]]) -> None:
        self._loader, self._way = loader, way

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with self._way():
            self._loader.exec_module(module)


class _Guard(MetaPathFinder):
    """Sees the imports of those modules, and leaves all others to the ordinary finders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target  # the protocol's, of no use here
        if fullname == _COMPILER:  # somebody needs it after all, in the middle of such an import
            _remove_stand_in()
        if fullname not in _WAYS or _COMPILER in sys.modules:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Deferring(spec.loader, _WAYS[fullname])
        return spec
