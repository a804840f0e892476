"""Random changes of training pictures: a pure function of content id, view and settings.

Neither the order of the pictures, nor the batch, nor the run's own seed has a part in it. So what
frozen layers give for view k of a picture serves every run with equal changes, and a resumed run
equals an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from tlcore.config import AugmentConfig

# Strengths for photographs; the flip goes off where left and right matter.
PRESETS: dict[str, AugmentConfig] = {
    "none": AugmentConfig(),
    "light": AugmentConfig(horizontal_flip=True, shift=0.05, brightness=0.1, contrast=0.1),
    # Turn, zoom and light as in fastai's aug_transforms.
    "standard": AugmentConfig(horizontal_flip=True, rotation_deg=10, zoom=0.1, shift=0.1, brightness=0.2, contrast=0.2, saturation=0.2),
    "strong": AugmentConfig(horizontal_flip=True, rotation_deg=20, zoom=0.3, shift=0.15, brightness=0.4, contrast=0.4, saturation=0.4, erase=0.5),
}
# Source: Zhong et al. 2017, "Random Erasing Data Augmentation", table 1: share of the area, and height by width.
ERASED_AREA, ERASED_RATIO = (0.02, 0.4), (0.3, 1 / 0.3)

_METHOD = 1  # Raised when equal settings come to give other pixels.
_GREY = (0.299, 0.587, 0.114)  # Rec. 601, as Pillow's "L".


class _Draws(NamedTuple):
    """Independent uniform numbers from [0, 1), one a purpose: a change that is added alters no other."""

    flip: float
    turn: float
    zoom: float
    across: float
    down: float
    brightness: float
    contrast: float
    saturation: float
    erase: float
    area: float
    ratio: float
    left: float
    top: float
    invert: float


def augmented(pixels: np.ndarray, content_ids: Sequence[str] | np.ndarray, settings: AugmentConfig, view: int) -> np.ndarray:
    """View number `view` of each picture, or `pixels` itself where the settings change nothing.

    Shapes: uint8 (n, side, side, 3) → the same. Safe in several threads at once.
    """
    assert pixels.dtype == np.uint8 and pixels.ndim == 4 and len(pixels) == len(content_ids)
    if not settings.enabled:
        return pixels
    out = np.empty_like(pixels)
    for place, content_id in enumerate(content_ids):
        out[place] = _changed(pixels[place], f"{settings.seed} {view} {content_id}", settings)
    return out


def view_of(epoch: int, settings: AugmentConfig) -> int:
    """The view that an epoch, counted from 1, takes: K fixed ones in turn, or one of its own."""
    return (epoch - 1) % settings.views if settings.views else epoch - 1


def view_name(settings: AugmentConfig, view: int) -> str:
    """What a view is called in the key of stored activations."""
    return f"{key(settings)}/{view}"


def key(settings: AugmentConfig) -> str:
    """A hash of all that decides the pixels of a view, so not of the number of views; empty without changes."""
    if not settings.enabled:
        return ""
    later = set() if settings.invert else {"invert"}  # Without it, keys are what they were before it came.
    content = {"method": _METHOD, **settings.model_dump(mode="json", exclude={"views", *later})}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _random(about: str, count: int) -> bytes:
    """So many random bytes for a text, always the same: a hash, since numpy's generators may change between versions."""
    return hashlib.shake_128(about.encode()).digest(count)


def _changed(picture: np.ndarray, about: str, settings: AugmentConfig) -> np.ndarray:
    """One picture moved, then relit, then perhaps inverted, then partly erased. Shapes: uint8 (side, side, 3) → the same."""
    numbers = np.frombuffer(_random(about, 8 * len(_Draws._fields)), "<u8") >> 11
    draws = _Draws(*(numbers / 2**53).tolist())
    # Pillow throughout: it is several times faster at this than numpy, and lets other threads run.
    image = Image.fromarray(picture)
    if settings.horizontal_flip and draws.flip < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    changed = np.asarray(_relit(_moved(image, draws, settings), draws, settings))
    if draws.invert < settings.invert:  # Source: Cubuk et al. 2019, AutoAugment, arXiv:1805.09501, "Invert".
        changed = 255 - changed
    return _erased(changed, draws, about) if draws.erase < settings.erase else changed


def _around(draw: float, most: float) -> float:
    """Uniform from -most to most."""
    return (2 * draw - 1) * most


def _moved(image: Image.Image, draws: _Draws, settings: AugmentConfig) -> Image.Image:
    """Turned, enlarged and shifted by one bilinear transform; what comes in from outside is the mirrored picture."""
    side = image.width
    angle = math.radians(_around(draws.turn, settings.rotation_deg))
    scale = (1 + settings.zoom) ** -_around(draws.zoom, 1)  # Pixels of the picture a pixel of the result.
    right, down = (_around(draw, settings.shift) * side for draw in (draws.across, draws.down))
    if angle == right == down == 0 and scale == 1:
        return image
    # Point (x, y) of the result is taken from (ax + by + c, -bx + ay + f) of the picture, turned about its middle.
    a, b, middle = math.cos(angle) * scale, math.sin(angle) * scale, side / 2
    c = middle - a * (middle + right) - b * (middle + down)
    f = middle + b * (middle + right) - a * (middle + down)
    corners = [(a * x + b * y + c, -b * x + a * y + f) for x in (0, side) for y in (0, side)]
    reach = max(max(-value, value - side) for corner in corners for value in corner)
    pad = max(0, math.ceil(reach)) + 1  # One more, as bilinear filtering looks at the neighbours.
    return _mirrored(image, pad).transform(image.size, Image.Transform.AFFINE, (a, b, c + pad, -b, a, f + pad), Image.Resampling.BILINEAR)


def _mirrored(image: Image.Image, pad: int) -> Image.Image:
    """The picture with `pad` pixels on each side in which it goes on mirrored, as often as needed: "cba|abc|cba"."""
    side, tiles = image.width, math.ceil(pad / image.width)
    across = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turned = [[image, across], [one.transpose(Image.Transpose.FLIP_TOP_BOTTOM) for one in (image, across)]]
    canvas = Image.new("RGB", (side + 2 * pad, side + 2 * pad))
    for row in range(-tiles, tiles + 1):
        for column in range(-tiles, tiles + 1):
            canvas.paste(turned[row % 2][column % 2], (pad + column * side, pad + row * side))
    return canvas


def _relit(image: Image.Image, draws: _Draws, settings: AugmentConfig) -> Image.Image:
    """Brightness, contrast about the mean grey, saturation, in this order, by one 3 × 4 matrix.

    Source: the three factors of torchvision's ColorJitter, each from 1 - strength to 1 + strength.
    """
    brightness, contrast, saturation = (
        1 + _around(draw, most)
        for draw, most in ((draws.brightness, settings.brightness), (draws.contrast, settings.contrast), (draws.saturation, settings.saturation))
    )
    if brightness == contrast == saturation == 1:
        return image
    # s (c b x + (1 - c) b mean) + (1 - s) grey(the same), where the weights of grey add up to 1.
    own, mixed, offset = saturation * contrast * brightness, (1 - saturation) * contrast * brightness, (1 - contrast) * brightness * _mean_grey(image)
    rows = [[mixed * weight + own * (channel == place) for place, weight in enumerate(_GREY)] for channel in range(3)]
    return image.convert("RGB", tuple(number for row in rows for number in (*row, offset)))


def _mean_grey(image: Image.Image) -> float:
    counts = image.convert("L").histogram()
    return sum(level * count for level, count in enumerate(counts)) / (image.width * image.height)


def _erased(picture: np.ndarray, draws: _Draws, about: str) -> np.ndarray:
    """A rectangle of random place, area and shape filled with noise, whole within the picture."""
    side = len(picture)
    area = (ERASED_AREA[0] + draws.area * (ERASED_AREA[1] - ERASED_AREA[0])) * side**2
    ratio = ERASED_RATIO[0] * (ERASED_RATIO[1] / ERASED_RATIO[0]) ** draws.ratio
    height, width = (min(side, max(1, round(math.sqrt(area * shape)))) for shape in (ratio, 1 / ratio))
    top, left = int(draws.top * (side - height + 1)), int(draws.left * (side - width + 1))
    noise = np.frombuffer(_random(f"{about} noise", height * width * 3), np.uint8)
    erased = picture.copy()
    erased[top : top + height, left : left + width] = noise.reshape(height, width, 3)
    return erased
