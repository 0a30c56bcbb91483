"""The two looks that the world can have."""

from typing import Final, Literal, get_args

Look = Literal["plain", "street"]
"""`plain`: clean cloth, even light, good cameras; what tiny-clip has learned from. `street`: closer to what real
cameras deliver, for weights that shall serve on real people."""

LOOKS: Final[tuple[Look, ...]] = get_args(Look)
