"""How a model learns: one file per method, each a list of stages."""

METHODS: dict[str, str] = {
    "saga": "passerby.methods.saga.method",  # before clip-reid, which would take SAGA's files of stage 2 for its own
    "clip-reid": "passerby.methods.clip_reid.method",
    "ccafl": "passerby.methods.ccafl.method",
    "clip-pretrain": "passerby.methods.clip_pretrain.method",
    "cion": "passerby.methods.cion.method",
    "finetune": "passerby.methods.finetune.method",
    "mgn": "passerby.methods.mgn.method",
    "cluster-contrast": "passerby.methods.cluster_contrast.method",
}
"""Name in a recipe → the module whose `METHOD` implements it. A new method is one file and one line here."""
