"""Bodies of the look `street`: sloping shoulders, wide and tight clothes, and now and then a child."""

from dataclasses import replace

import numpy as np

from passerby.synth.people.cones import Measures

_CHILDREN = 0.05


def varied(measures: Measures, generator: np.random.Generator) -> Measures:
    """A body that differs more from the others of its words than a `plain` one.

    Args:
        measures: the plain one.
        generator: of this person.
    """
    height, head = measures.height * float(np.exp(generator.normal(0, 0.025))), measures.head
    if generator.random() < _CHILDREN:
        height *= float(generator.uniform(0.62, 0.88))
        head *= 1.18
    return replace(
        measures,
        height=height,
        head=head * float(np.exp(generator.normal(0.09, 0.04))),
        girth=measures.girth * float(np.exp(generator.normal(-0.02, 0.06))),
        shoulders=measures.shoulders * float(np.exp(generator.normal(-0.06, 0.05))),
        waist=measures.waist * float(np.exp(generator.normal(0.02, 0.07))),
        hips=measures.hips * float(np.exp(generator.normal(0, 0.05))),
        limbs=measures.limbs * float(np.exp(generator.normal(0, 0.08))),
        loose=float(np.exp(generator.normal(0.1, 0.35))),
        slope=float(generator.uniform(0.004, 0.024)),
        flare=float(generator.uniform(0.0, 0.008)),
        hem=float(max(0.0, generator.normal(0.012, 0.02))),
    )
