"""The service of a gallery: HTTP with keys and roles, made for the page and for programs."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.serve.app import create_app
    from passerby.serve.running import serve
    from passerby.serve.settings import ServiceSettings

__all__ = ["ServiceSettings", "create_app", "serve"]

__getattr__ = lazy_exports(__name__, {"app": ["create_app"], "running": ["serve"], "settings": ["ServiceSettings"]})


def __dir__() -> list[str]:
    return __all__
