"""Heat laid over the picture that the network saw."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tlcore.heat import Heat
from tlcore.images import to_pixels

# Told apart by everybody, whatever colours they see: Okabe and Ito 2008.
FOR, AGAINST = (213, 94, 0), (0, 114, 178)
STRONGEST = 0.75  # Opacity of the colour where the heat is largest.


def heat_picture(image: Image.Image, heat: Heat, side_px: int) -> Image.Image:
    """The centre square that the network is given, in grey, under FOR where it speaks for the class and AGAINST where it speaks against it.

    Opacity goes with the size of the heat, of the largest in this picture. Shapes: side_px × side_px.
    """
    grey = Image.fromarray(to_pixels(image, side_px)).convert("L").convert("RGB")
    values = np.asarray(Image.fromarray(heat.values.astype(np.float32)).resize((side_px, side_px), Image.Resampling.BILINEAR))
    largest = float(np.abs(heat.values).max())
    opacity = STRONGEST * np.clip(np.abs(values) / largest, 0, 1) if largest > 0 else np.zeros_like(values)
    colour = np.where(values[..., None] >= 0, FOR, AGAINST)
    mixed = np.asarray(grey) * (1 - opacity[..., None]) + colour * opacity[..., None]
    return Image.fromarray(mixed.round().astype(np.uint8))
