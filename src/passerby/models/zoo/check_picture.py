"""The drawn picture that model cards are checked with: the same pixels on every machine.

It shows a figure with a red top and blue trousers before a ground that is no grey, in integers alone. Its sides fit no
model's input, its halves differ, and no two colour channels are alike, so that another channel order, scale, layout or
way of resizing gives another result.
"""

import numpy as np
from numpy.typing import NDArray

_HEIGHT, _WIDTH = 200, 120
_PARTS = (
    # top, bottom, left, right, colour: trousers, shoes, top, arm, bag, neck
    (112, 178, 44, 76, (28, 44, 140)),
    (176, 188, 40, 80, (40, 30, 24)),
    (52, 116, 38, 82, (196, 36, 44)),
    (58, 110, 28, 40, (176, 30, 60)),
    (84, 116, 80, 98, (222, 178, 40)),
    (44, 54, 54, 66, (214, 164, 132)),
)


def check_picture() -> NDArray[np.uint8]:
    """The picture `drawn-1`, uint8 RGB [200, 120, 3]."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    picture = np.stack([150 + rows // 4, 170 - rows // 5 + columns // 6, 120 + columns // 2], axis=2)
    for top, bottom, left, right, colour in _PARTS:
        inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        picture[inside] = np.array(colour) + ((rows // 6 + columns // 9) % 2 * 14)[inside][:, None]
    head = (rows - 32) ** 2 + ((columns - 60) * 5 // 4) ** 2 < 17**2
    picture[head] = (206, 156, 126)
    picture[head & (rows < 26)] = (52, 36, 28)
    return picture.clip(0, 255).astype(np.uint8)
