"""Batches of P identities × K images, and whether the training images show enough identities for them."""

from typing import Protocol

from passerby.errors import RecipeError


class BatchSizes(Protocol):
    """The keys of a recipe's section that give the size of a batch."""

    @property
    def identities_per_batch(self) -> int:
        """P, per process."""
        ...

    @property
    def images_per_identity(self) -> int:
        """K."""
        ...


def check_identity_count(key: str, sizes: BatchSizes, available: int, processes: int) -> None:
    """Refuse batches of more identities than the training images show.

    Args:
        key: the section of the recipe.
        sizes: the batches of that section.
        available: identities of the training images.
        processes: among which they are shared.

    Raises:
        RecipeError: names the key and what helps.
    """
    if available >= sizes.identities_per_batch * processes:
        return
    most = available // processes
    across = f" on each of {processes} processes" if processes > 1 else ""
    shown = "1 identity" if available == 1 else f"{available} identities"
    remedy = f"set it to at most {most}" if most >= 2 else _more_identities(available, processes)
    raise RecipeError(
        f"{key}.identities_per_batch={sizes.identities_per_batch}{across}, but the training images show {shown}: "
        f"{remedy}"
    )


def _more_identities(available: int, processes: int) -> str:
    """The remedy where no setting of the batch helps."""
    fewer = f", or on at most {available // 2} processes" if processes > 1 and available >= 2 else ""
    return f"losses compare identities, at least two in a process; train on at least {2 * processes} identities{fewer}"
