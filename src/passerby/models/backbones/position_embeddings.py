"""Position embeddings for other image sizes than the native one."""

from torch import Tensor
from torch.nn import functional as F

Grid = tuple[int, int]
"""Rows and columns of patches."""

_MARGIN = 0.1
"""What DINO, and CION after it, adds to the rows and columns before it divides; it moves every sample a little."""


def interpolate_positions(positions: Tensor, grid: Grid, *, always: bool = False) -> Tensor:
    """Position embeddings for a grid of another size, as CION pre-trains its local crops.

    Bicubic with scale factors (rows + 0.1) / native rows and (columns + 0.1) / native columns, which are also used for
    the coordinates. Source: CION's published code (ReIDZoo).

    Args:
        positions: [1, rows, columns, D] of the native grid.
        grid: rows and columns wanted.
        always: also where the grid is the native one, which moves samples by 0.1 of a patch.

    Returns:
        [1, *grid, D]; the positions themselves at the native grid.
    """
    native = positions.shape[1:3]
    if tuple(native) == grid and not always:
        return positions
    # The size that comes of the factors is the grid asked for: 0.1 is lost when it is rounded down.
    factors = [(wanted + _MARGIN) / have for wanted, have in zip(grid, native, strict=True)]
    resized = F.interpolate(positions.permute(0, 3, 1, 2), scale_factor=factors, mode="bicubic")
    return resized.permute(0, 2, 3, 1)


def resize_positions(positions: Tensor, grid: Grid) -> Tensor:
    """Position embeddings of a file for a model of another native grid: bilinear, as published for fine-tuning.

    Args:
        positions: [1, rows, columns, D].
        grid: rows and columns wanted.

    Returns:
        [1, *grid, D].
    """
    resized = F.interpolate(positions.permute(0, 3, 1, 2), size=grid, mode="bilinear")
    return resized.permute(0, 2, 3, 1)
