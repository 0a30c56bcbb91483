"""Published models: cards, names, files, licences and results."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.zoo.card import (
        InputSection,
        LicenceSection,
        ModelCard,
        OutputSection,
        ReferenceSection,
        TextSection,
    )
    from passerby.models.zoo.card_files import (
        CARD_SUFFIX,
        METADATA_KEY,
        MODEL_SUFFIXES,
        card_path,
        card_text,
        embedded_card,
        file_digest,
        parse_card,
        read_card,
        stored_card,
        write_card,
    )
    from passerby.models.zoo.catalogue import (
        COLLECTIONS,
        ZooEntry,
        count_operations,
        entries,
        find_entry,
        published_results,
    )
    from passerby.models.zoo.fetching import fetch_model
    from passerby.models.zoo.files import convert_backbone, recognise_backbone
    from passerby.models.zoo.preprocessing import Placement, fit, normalise, place, prepare
    from passerby.models.zoo.published import PublishedModel, known_card, published_model, published_names

__all__ = [
    "CARD_SUFFIX",
    "COLLECTIONS",
    "METADATA_KEY",
    "MODEL_SUFFIXES",
    "InputSection",
    "LicenceSection",
    "ModelCard",
    "OutputSection",
    "Placement",
    "PublishedModel",
    "ReferenceSection",
    "TextSection",
    "ZooEntry",
    "card_path",
    "card_text",
    "convert_backbone",
    "count_operations",
    "embedded_card",
    "entries",
    "fetch_model",
    "file_digest",
    "find_entry",
    "fit",
    "known_card",
    "normalise",
    "parse_card",
    "place",
    "prepare",
    "published_model",
    "published_names",
    "published_results",
    "read_card",
    "recognise_backbone",
    "stored_card",
    "write_card",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "card": ["InputSection", "LicenceSection", "ModelCard", "OutputSection", "ReferenceSection", "TextSection"],
        "card_files": [
            "CARD_SUFFIX",
            "METADATA_KEY",
            "MODEL_SUFFIXES",
            "card_path",
            "card_text",
            "embedded_card",
            "file_digest",
            "parse_card",
            "read_card",
            "stored_card",
            "write_card",
        ],
        "catalogue": ["COLLECTIONS", "ZooEntry", "count_operations", "entries", "find_entry", "published_results"],
        "fetching": ["fetch_model"],
        "files": ["convert_backbone", "recognise_backbone"],
        "preprocessing": ["Placement", "fit", "normalise", "place", "prepare"],
        "published": ["PublishedModel", "known_card", "published_model", "published_names"],
    },
)
