"""The background of a camera's picture: pavement, lawn, walls and the light on them.

Everything is painted where it is in the world: a pixel is traced to the ground, or to a wall at the end of the place,
and the pattern there is looked up in metres.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.camera import HEIGHT, WIDTH, Camera, Picture

Floats = NDArray[np.float32]

_PAVINGS = ("slabs", "bricks", "asphalt", "mosaic", "planks")
_PAVING_COLOURS = (
    *((158, 152, 146), (146, 134, 124), (128, 128, 130), (172, 166, 156), (140, 142, 138)),
    *((164, 142, 128), (118, 120, 124)),
)
_LAWN = (100, 108, 80)
_FACADES = ("bricks", "concrete", "shopfront", "hedge", "shutters")
_FACADE_COLOURS = ((136, 108, 96), (166, 168, 168), (184, 178, 166), (138, 144, 150), (146, 145, 136), (106, 107, 112))


def paint_ground(camera: Camera, generator: np.random.Generator) -> Picture:
    """The empty place, uint8 RGB [HEIGHT, WIDTH, 3], in its own light."""
    far = float(generator.uniform(15, 24))
    lens = camera.lens
    _, edge, _ = lens.project(0, far)
    top = int(np.clip(edge, 0, HEIGHT - 200))
    x, z = _places(camera, top)
    ground = _pavement(camera.number, x, z, generator)
    ground *= _patches(x, z, 5.0, 0.07, generator)[..., None] * _patches(x, z, 0.7, 0.035, generator)[..., None]
    if camera.sunny > 0.35:
        ground *= _tree_shade(x, z, camera.sunny, generator)[..., None]
    picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
    picture[top:] = ground * _lit(camera)
    if top:
        picture[:top] = _facade(camera, top, far, generator)
    # Lenses are darker towards their edges, and air is hazy.
    across, down = np.linspace(-1, 1, WIDTH)[None, :], np.linspace(-1, 1, HEIGHT)[:, None]
    picture *= (1 - 0.07 * (across**2 + down**2))[..., None]
    painted: Picture = picture.clip(4, 250).astype(np.uint8)
    return painted


def _places(camera: Camera, top: int) -> tuple[Floats, Floats]:
    """Where on the ground every pixel below `top` is: x and z in metres, float32 [HEIGHT - top, WIDTH]."""
    lens = camera.lens
    rows = np.arange(top, HEIGHT) + 0.5
    angle = lens.tilt + np.arctan2(rows - HEIGHT / 2, lens.focal)
    away = lens.height / np.tan(np.maximum(angle, 0.02))
    depth = away * np.cos(lens.tilt) + lens.height * np.sin(lens.tilt)
    across = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / lens.focal
    x = (across[None, :] * depth[:, None]).astype(np.float32)
    return x, np.broadcast_to(away[:, None], x.shape).astype(np.float32)


def _lit(camera: Camera) -> Floats:
    """Root of the light on level ground, RGB."""
    light = camera.light
    facing = max(0.0, sum(a * b for a, b in zip(light.towards, light.up, strict=True)))
    lit: Floats = np.sqrt(facing * np.array(light.sun) + np.array(light.sky)).astype(np.float32)
    return lit


def _pavement(number: int, x: Floats, z: Floats, generator: np.random.Generator) -> Floats:
    """Paving in two kinds with a kerb between them, or beside a lawn, float32 [H, W, 3]."""
    turn = generator.uniform(-0.6, 0.6)
    across, along = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
    colours = np.array(_PAVING_COLOURS, np.float32)
    first = int(number * 2 + generator.integers(2)) % len(colours)
    kind = int(number + generator.integers(3)) % len(_PAVINGS)
    near = _paved(_PAVINGS[kind], across, along, z)[..., None] * colours[first]
    other = colours[(first + 1 + int(generator.integers(len(colours) - 1))) % len(colours)]
    if generator.random() < 0.25:
        beyond = np.array(_LAWN, np.float32) * _patches(x, z, 0.16, 0.16, generator)[..., None]
    else:
        beyond = _paved(_PAVINGS[(kind + 2) % len(_PAVINGS)], across, along, z)[..., None] * other
    edge = along - float(generator.uniform(7, 11)) - 0.7 * np.sin(across * generator.uniform(0.1, 0.4))
    share = (edge * 40 + 0.5).clip(0, 1)[..., None]
    ground = near + (beyond - near) * share
    kerb = (np.abs(edge + 0.08) < 0.08)[..., None]
    edged: Floats = np.where(kerb, 0.5 * ground + 90, ground).astype(np.float32)
    return edged


def _paved(kind: str, x: Floats, z: Floats, distance: Floats) -> Floats:
    """Brightness of one kind of paving around 1; joints fade with distance."""
    sharp = (8 / np.maximum(distance, 4)).clip(0, 1) ** 1.5
    if kind == "asphalt":
        grain: Floats = (0.88 + 0.05 * np.sin(x * 31.7 + np.sin(z * 23.1) * 4) * sharp).astype(np.float32)
        return grain
    wide, deep = {"slabs": (0.9, 0.6), "bricks": (0.24, 0.12), "mosaic": (0.45, 0.45), "planks": (4.0, 0.16)}[kind]
    course = np.floor(z / deep)
    shifted = x / wide + (0.5 * (course % 2) if kind == "bricks" else 0)
    tile = np.floor(shifted)
    shade = np.sin(tile * 12.9898 + course * 78.233) * 43758.5453
    shade = shade - np.floor(shade)
    joint = np.minimum(np.abs(shifted - tile - 0.5) * wide, 9) > 0.5 * wide - 0.016
    joint |= np.abs(z / deep - course - 0.5) * deep > 0.5 * deep - 0.012
    strength = 0.16 if kind == "mosaic" else 0.1
    tone: Floats = (1 + sharp * (strength * (shade - 0.5) - 0.2 * joint)).astype(np.float32)
    return tone


def _patches(x: Floats, z: Floats, size: float, strength: float, generator: np.random.Generator) -> Floats:
    """Soft irregular brightness around 1, with patches of about `size` metres."""
    coarse = generator.normal(1, strength, (64, 64)).astype(np.float32)
    across, down = (x / size + 3.3) % 63, (z / size + 7.1) % 63
    return np.asarray(cv2.remap(coarse, across, down, cv2.INTER_LINEAR), dtype=np.float32)


def _tree_shade(x: Floats, z: Floats, sunny: float, generator: np.random.Generator) -> Floats:
    """Dappled shade on part of the ground."""
    leaves = _patches(x, z, 0.55, 0.5, generator) + _patches(x, z, 2.6, 0.9, generator) - 2
    return (1 - 0.33 * sunny * (leaves * 2.2 - 0.7).clip(0, 1)).astype(np.float32)


def _facade(camera: Camera, height: int, far: float, generator: np.random.Generator) -> Floats:
    """The wall at the end of the place, float32 [height, WIDTH, 3], with sky above it where it is low."""
    lens = camera.lens
    _, _, depth = lens.project(0, far)
    x = np.broadcast_to((np.arange(WIDTH) - WIDTH / 2) * depth / lens.focal, (height, WIDTH)).astype(np.float32)
    up = np.broadcast_to((np.arange(height)[::-1, None] + 0.5) * depth / lens.focal, (height, WIDTH)).astype(np.float32)
    kind = _FACADES[(camera.number + int(generator.integers(2))) % len(_FACADES)]
    colour = np.array(_FACADE_COLOURS[int(generator.integers(len(_FACADE_COLOURS)))], np.float32)
    tone = np.ones_like(x)
    if kind == "hedge":
        colour = np.array((76, 86, 62), np.float32)
        tone = _patches(x, up, 0.25, 0.35, generator) * (0.7 + 0.12 * up)
    elif kind == "bricks":
        course = np.floor(up / 0.14)
        tone -= 0.16 * ((up % 0.14 < 0.02) | ((x + 0.18 * (course % 2)) % 0.36 < 0.02))
    elif kind == "shutters":
        tone -= 0.12 * (up % 0.12 < 0.03) + 0.3 * (x % 3.2 < 0.14)
    elif kind == "concrete":
        tone -= 0.2 * ((x % 2.4 < 0.03) | (np.abs(up - 2.6) < 0.02))
    painted = tone[..., None] * colour
    if kind in ("shopfront", "concrete", "bricks"):
        period, low, high = (2.6, 0.4, 2.4) if kind == "shopfront" else (3.4, 1.2, 2.6)
        pane = (x % period > 0.7) & (up % 3.4 > low) & (up % 3.4 < high)
        glass = 46 + 40 * _patches(x, up, 0.8, 0.5, generator)[..., None] * np.array([0.85, 1.0, 1.1], np.float32)
        painted = np.where(pane[..., None], glass, painted)
    painted *= (0.8 + 0.2 * (up / 3).clip(0, 1))[..., None]
    painted *= np.where(up < 0.25, 0.72, 1.0)[..., None]
    return (painted * _patches(x, up, 2.5, 0.05, generator)[..., None] * _lit(camera) * 0.86).astype(np.float32)
