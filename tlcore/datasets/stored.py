"""The form in which a dataset keeps a picture: small, without metadata, and named by its pixels."""

from __future__ import annotations

import hashlib
import io
import struct
from typing import NamedTuple

import numpy as np
from PIL import Image

from tlcore.images import Picture, decode

LOSSY_ABOVE_PIXELS = 1_000_000  # A lossy source above this is kept as JPEG, not as a far larger PNG.
JPEG_QUALITY = 95

_JFIF, _ADOBE, _DQT_TO_SOF = 0xE0, 0xEE, frozenset({0xDB, 0xC4, 0xDD, *range(0xC0, 0xD0)}) - {0xC8, 0xCC}
_SOS, _EOI = 0xDA, 0xD9
_PNG_KEPT = (b"IHDR", b"IDAT", b"IEND")


class Stored(NamedTuple):
    """A picture as it goes into the file of a dataset."""

    data: bytes
    width: int
    height: int
    content_id: bytes  # SHA-256, 32 bytes.
    notes: tuple[str, ...] = ()


def from_file(data: bytes, where: str) -> Stored:
    """Take a file's own compressed pixels where they are plain, else encode them anew.

    Raises: InputError for what `images.decode` refuses.
    """
    picture = decode(data, where)
    kept = _without_metadata(data, picture) if picture.plain else None
    if kept is None:
        kept, picture = _encoded(picture, data)
    return _stored(kept, picture.image, picture.notes)


def from_pixels(pixels: np.ndarray, where: str) -> Stored:
    """Keep uint8 pixels, (height, width) grey or (height, width, 3) RGB, as PNG."""
    image = Image.fromarray(pixels)
    return _stored(_png(image), image.convert("RGB"), ())


def content_id(rgb: Image.Image) -> bytes:
    """SHA-256 of width, height and RGB bytes: equal pixels, equal id, whatever the file's format."""
    return hashlib.sha256(struct.pack("<II", *rgb.size) + rgb.tobytes()).digest()


def _stored(data: bytes, rgb: Image.Image, notes: tuple[str, ...]) -> Stored:
    return Stored(data, *rgb.size, content_id(rgb), notes)


def _encoded(picture: Picture, data: bytes) -> tuple[bytes, Picture]:
    image = picture.image
    lossy = picture.format == "JPEG" or (picture.format == "WEBP" and b"VP8L" not in _riff_kinds(data))
    if not lossy or image.width * image.height <= LOSSY_ABOVE_PIXELS:
        return _png(image), picture
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4", optimize=True)
    # What counts is what the stored bytes decode to, not what they were made from.
    again = decode(out.getvalue(), "stored picture")
    return out.getvalue(), again._replace(notes=picture.notes)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=4)  # Photographs: 2 % larger than level 6 in half the time.
    return out.getvalue()


def _riff_kinds(data: bytes) -> list[bytes]:
    kinds, at = [], 12
    while at + 8 <= len(data):
        kinds.append(data[at : at + 4])
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + (length & 1)
    return kinds


def _without_metadata(data: bytes, picture: Picture) -> bytes | None:
    """The same compressed pixels and nothing else; None where that can't be had for certain."""
    kept = {"JPEG": _bare_jpeg, "PNG": _bare_png}.get(picture.format, lambda _: None)(data)
    if kept is None or kept == data:
        return kept
    same = decode(kept, "stored picture").image.tobytes() == picture.image.tobytes()
    return kept if same else None


def _bare_png(data: bytes) -> bytes | None:
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind in _PNG_KEPT:
            out.append(data[at:end])
        if kind == b"IEND":
            return b"".join(out)
        at = end
    return None


def _bare_jpeg(data: bytes) -> bytes | None:
    """Drop APPn and comment segments and whatever follows the first picture.

    JFIF's (without its thumbnail) and Adobe's segment stay: they say which colours the numbers mean.
    Source: ITU-T T.81, annex B; JFIF 1.02.
    """
    out, at = [data[:2]], 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # A fill byte.
            at += 1
            continue
        if marker == _EOI:
            return b"".join([*out, data[at : at + 2]])
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : end]
        if marker == _SOS:
            end = _end_of_scan(data, end)
            out.append(data[at:end])
        elif marker in _DQT_TO_SOF or (marker == _ADOBE and body[:5] == b"Adobe"):
            out.append(data[at:end])
        elif marker == _JFIF and body[:5] == b"JFIF\0" and len(body) >= 14:
            out.append(b"\xff\xe0\x00\x10" + body[:12] + b"\0\0")
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            return None
        at = end
    return None


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the entropy-coded bytes end: at a marker that is no stuffed zero and no restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        following = data[at + 1]
        if following != 0 and following != 0xFF and not 0xD0 <= following <= 0xD7:
            return at
        at += 1 if following == 0xFF else 2
    return len(data)
