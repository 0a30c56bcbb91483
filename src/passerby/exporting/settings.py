"""Rarely used settings of an export."""

from typing import Annotated

from pydantic import Field

from passerby.recipe_section import Section

LEAST_CROPS = 64


class ExportSettings(Section):
    """What an exported file is compared on, and what of it is kept from int8."""

    crops: Annotated[int, Field(ge=LEAST_CROPS, le=100_000)] = LEAST_CROPS
    """Crops on which the exported file is compared with the model."""
    calibration: Annotated[int, Field(ge=16, le=100_000)] = 300
    """Crops from which int8 takes its ranges, spread evenly over cameras."""
    queries: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Queries on which int8 is evaluated, at most."""
    gallery: Annotated[int, Field(ge=10, le=10_000_000)] = 3000
    """Gallery images on which int8 is evaluated, at most; matches of the queries come first."""
    keep_fp16: tuple[str, ...] = ()
    """Layers that int8 leaves alone: names as the error lists them, or the part of the network that they begin with."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    """Of drawn crops."""
