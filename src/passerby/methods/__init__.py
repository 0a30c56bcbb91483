"""How a model learns: one file per method, each a list of stages."""

METHODS: dict[str, str] = {
    "saga": "passerby.methods.saga",  # before clip-reid, which would take SAGA's files of stage 2 for its own
    "clip-reid": "passerby.methods.clip_reid",
    "ccafl": "passerby.methods.ccafl",
    "clip-pretrain": "passerby.methods.clip_pretrain",
    "cion": "passerby.methods.cion",
    "finetune": "passerby.methods.finetune",
    "mgn": "passerby.methods.mgn",
    "cluster-contrast": "passerby.methods.cluster_contrast",
}
"""Name in a recipe → the module whose `METHOD` implements it. A new method is one file and one line here."""
