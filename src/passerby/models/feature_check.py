"""A check that features can be compared."""

from collections.abc import Sequence

from torch import Tensor

from passerby.errors import CheckpointError

_SHORTEST = 1e-6


def check_features(features: Tensor, names: Sequence[str] = ()) -> None:
    """Refuse features that are not finite or have no length.

    Args:
        features: float [B, ...], one per image.
        names: of the images, for the message; by default their numbers.

    Raises:
        CheckpointError: a feature holds NaN or infinite values, or all its values are 0; names the first such image.
    """
    flat = features.flatten(1)
    length = flat.float().abs().amax(1) if flat.shape[1] else flat.new_zeros(len(flat))
    usable = (length >= _SHORTEST) & flat.isfinite().all(1)
    if bool(usable.all()):
        return
    row = int(usable.int().argmin())
    fault = "is zero" if bool(flat[row].isfinite().all()) else "holds NaN or infinite values"
    name = names[row] if names else f"image {row + 1} of a batch"
    more = int((~usable).sum()) - 1
    others = f" (and those of {more} more images of its batch)" if more else ""
    raise CheckpointError(
        f"{name}: its feature {fault}{others}: the weights are not those of a working network; take another file"
    )
