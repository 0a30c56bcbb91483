"""The option `--plugin`, which every command has that meets names of one's own."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from passerby.cli.options import option

_Plugins = Annotated[
    list[Path] | None,
    option("FILE", "Import a Python file that adds methods, losses, benchmarks or backbones; repeatable.", "--plugin"),
]


def with_plugins(function: Callable[..., None]) -> Callable[..., None]:
    """The function of a command with an option more: the files it names are imported before the command begins."""

    @functools.wraps(function)
    def wrapped(*, plugins: list[Path] | None = None, **given: Any) -> None:
        if plugins:
            from passerby.plugins import load_plugin

            for file in plugins:
                load_plugin(file)
        function(**given)

    signature = inspect.signature(function)
    added = inspect.Parameter("plugins", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Plugins)
    vars(wrapped)["__signature__"] = signature.replace(parameters=[*signature.parameters.values(), added])
    wrapped.__annotations__ = {**function.__annotations__, "plugins": _Plugins}
    return wrapped
