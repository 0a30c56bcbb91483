"""Methods by name. Their modules are imported when they are first asked for."""

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from passerby.errors import RecipeError
from passerby.plugins import Registry

if TYPE_CHECKING:
    from passerby.methods.method import Method

METHODS: "Registry[str | type[Method[Any, Any]]]" = Registry(
    "method",
    {
        # SAGA goes before CLIP-ReID, which would take SAGA's files of stage 2 for its own
        "saga": "passerby.methods.saga.method:SagaMethod",
        "clip-reid": "passerby.methods.clip_reid.method:ClipReidMethod",
        "ccafl": "passerby.methods.ccafl.method:CcaflMethod",
        "clip-pretrain": "passerby.methods.clip_pretrain.method:ClipPretrainMethod",
        "cion": "passerby.methods.cion.method:CionMethod",
        "finetune": "passerby.methods.finetune.method:FinetuneMethod",
        "mgn": "passerby.methods.mgn.method:MgnMethod",
        "cluster-contrast": "passerby.methods.cluster_contrast.method:ClusterContrastMethod",
    },
)
"""Name in a recipe → the class, or `module:class`, imported when it is first needed. A new method is one line here."""


def find_method(name: object) -> "Method[Any, Any]":
    """The method that a recipe or a file of weights names.

    Raises:
        RecipeError: no such method.
    """
    place = METHODS.find(str(name))
    if place is None:
        near = difflib.get_close_matches(str(name), METHODS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known methods: {', '.join(METHODS)}"
        raise RecipeError(f"method: unknown name {name!r}; {METHODS.missing_plugin(str(name)) or hint}")
    if isinstance(place, str):
        module, _, attribute = place.partition(":")
        place = getattr(import_module(module), attribute)
    method: Method[Any, Any] = place()
    return method


def register_method(method: "type[Method[Any, Any]]") -> "type[Method[Any, Any]]":
    """Make a method of one's own known by its `name`; a decorator of its class.

    Raises:
        PluginError: another method has this name.
    """
    METHODS.register(method.name, method)
    return method
