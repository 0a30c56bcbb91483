"""How a model learns: one file per method, each a list of stages."""

METHODS: dict[str, str] = {
    "clip-reid": "passerby.methods.clip_reid",
}
"""Name in a recipe → the module whose `METHOD` implements it. A new method is one file and one line here."""
