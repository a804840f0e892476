"""How an image file becomes pixels: the one decoding and the one resize, with limits.

Training, evaluation, prediction and export all go through `decode` and `to_pixels`, so one picture
gets one answer everywhere. `python -m tlcore.images` is the child process of `decode_untrusted`.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

# Named, so that no other plugin is imported to look for one that fits.
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from tlcore.errors import InputError

MAX_PIXELS = 50_000_000
MAX_SIDE_PX = 20_000
MAX_FILE_BYTES = 256 << 20

CHILD_MEMORY_BYTES = 2 << 30  # Address space: numpy and Pillow take 0.3 GiB of it.
CHILD_FILE_S = 20  # For one file; the largest allowed took 3 to 11 s on a busy 2-core machine.
CHILD = (sys.executable, "-m", "tlcore.images")

_READERS = {
    "JPEG": JpegImagePlugin.jpeg_factory,  # Also opens JPEGs with several pictures ("MPO").
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_UNSUPPORTED = (  # Start of the file, and what it is called.
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG or XML"),
    (b"PK\x03\x04", "ZIP"),
)
# EXIF orientation → what turns the picture upright; 1 is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
# What Pillow's readers raise on damaged files; SyntaxError is their word for a broken header.
_DAMAGED = (OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, EOFError, RuntimeError, struct.error, zlib.error)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

ANIMATED = "animated: first frame taken"
SEVERAL = "several pictures in one file: first one taken"


class Picture(NamedTuple):
    """Upright RGB pixels, and what was done to get them."""

    image: Image.Image
    notes: tuple[str, ...] = ()
    format: str = ""
    plain: bool = False  # 8-bit RGB or grey, unturned: the file's own pixel data can be kept.


class Looked(NamedTuple):
    """What is needed of a stranger's picture: a copy for looking at, its own size, what was done, and pixels by side.

    Shapes: each of `pixels` uint8 (side, side, 3), as of `to_pixels`.
    """

    image: Image.Image
    size_px: tuple[int, int]
    notes: tuple[str, ...]
    pixels: dict[int, np.ndarray]


def decode(data: bytes, where: str) -> Picture:
    """Read a JPEG, PNG, WebP, GIF or BMP, told by its content, as upright RGB over white.

    Raises: InputError, one sentence that names `where`, for every file that isn't a usable picture.
    """
    found = sniff(data, where)
    try:
        # Before Pillow opens it: its WebP reader makes room for the whole picture at once.
        if found == "WEBP":
            _refuse_large(_webp_size(data), where)
        image = _READERS[found](io.BytesIO(data))
        _refuse_large(image.size, where)
        image.load()
        _refuse_large(image.size, where)
        return _upright_rgb(image, found, _is_deep(data, found))
    except _BOMB:
        raise InputError(_too_large(where)) from None
    except _DAMAGED as error:
        raise InputError(f"{where}: {_damage(error, found)} Save or copy it again, or remove it.") from None
    except MemoryError:
        raise InputError(f"{where}: needs more memory than there is. Scale it down first.") from None


def sniff(data: bytes, where: str) -> str:
    """The format by the first bytes: a key of the readers. Raises InputError for all others."""
    start = data[:16]
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start.startswith(b"BM"):
        return "BMP"
    if not data:
        raise InputError(f"{where}: the file is empty. Save or copy it again, or remove it.")
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        name = {b"avif": "AVIF", b"avis": "AVIF"}.get(brand, "HEIC" if brand[:2] in (b"he", b"mi", b"ms") else "video")
    else:
        name = next((name for magic, name in _UNSUPPORTED if start.startswith(magic)), "")
    if name:
        raise InputError(f"{where}: {name} files aren't supported. Convert it to JPEG or PNG.")
    raise InputError(f"{where}: not a picture, whatever its name says. Use JPEG, PNG, WebP, GIF or BMP.")


def open_stored(file: BinaryIO) -> Image.Image:
    """A JPEG or PNG that `decode` has seen before it was stored, in RGB; the fast way for our own files."""
    reader = JpegImagePlugin.JpegImageFile if file.read(1) == b"\xff" else PngImagePlugin.PngImageFile
    file.seek(0)
    return reader(file).convert("RGB")


def to_pixels(image: Image.Image, side_px: int) -> np.ndarray:
    """The one resize: centre square, scaled to `side_px` by antialiased bilinear filtering.

    The same as scaling the shorter side and cropping, but a 1 × 20,000 picture costs nothing extra.
    Shapes: uint8 (side_px, side_px, 3).
    """
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    if image.mode != "RGB":
        image = image.convert("RGB")
    if (width, height) != (side_px, side_px):
        box = (left, top, left + short, top + short)
        image = image.resize((side_px, side_px), Image.Resampling.BILINEAR, box=box)
    return np.asarray(image)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the header of a WebP. Source: RFC 9649, section 2."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _refuse_large(size: tuple[int, int], where: str) -> None:
    if max(size) > MAX_SIDE_PX or size[0] * size[1] > MAX_PIXELS:
        raise InputError(_too_large(where, size))


def _too_large(where: str, size: tuple[int, int] | None = None) -> str:
    found = f"{size[0]:,} × {size[1]:,} px is too large" if size else "too large"
    return f"{where}: {found}; up to {MAX_PIXELS // 1_000_000} megapixels and {MAX_SIDE_PX:,} px a side are read. Scale it down first."


def _damage(error: Exception, found: str) -> str:
    if "truncated" in str(error) or isinstance(error, EOFError):
        return f"the {found} file is cut short."
    return f"the {found} file is damaged."


def _is_deep(data: bytes, found: str) -> bool:
    return found == "PNG" and data[24:25] == b"\x10"


def _upright_rgb(image: Image.Image, found: str, deep: bool) -> Picture:
    """Convert loaded pixels; 16 bits are scaled, transparency goes over white, EXIF is applied."""
    notes = []
    orientation = _orientation(image)
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    plain = image.mode in ("RGB", "L") and not (deep or transparent) and orientation == 1
    if image.mode.startswith("I"):
        pixels = _scaled_16_bit(image)
    elif transparent:
        pixels = Image.new("RGB", image.size, "white")
        layer = image.convert("RGBA")
        pixels.paste(layer, mask=layer.getchannel("A"))
    elif image.mode == "RGB":
        pixels = image._new(image.im)  # Without the reader, which holds the file and its metadata.
        pixels.info = {}
    else:
        pixels = image.convert("RGB")
    if orientation != 1:
        pixels = pixels.transpose(_TURNS[orientation])
        notes.append("turned upright as its EXIF data says")
    if found != "BMP" and getattr(image, "is_animated", False):
        notes.append(SEVERAL if found == "JPEG" else ANIMATED)
        plain = plain and found == "JPEG"  # What follows the first picture is cut off.
    pixels.info = {}
    return Picture(pixels, tuple(notes), found, plain)


def _scaled_16_bit(image: Image.Image) -> Image.Image:
    """Grey of 16 bits as 8: scaled, where Pillow would clip. Source: W3C PNG, section 13.12."""
    grey = np.asarray(image).astype(np.uint32)  # (height, width)
    scaled = ((np.minimum(grey, 65535) * 255 + 32767) // 65535).astype(np.uint8)
    if isinstance(image.info.get("transparency"), int):
        scaled[grey == image.info["transparency"]] = 255
    return Image.fromarray(scaled).convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGED:  # Broken metadata makes no broken picture.
        return 1
    return found if found in _TURNS else 1


def decode_untrusted(files: Sequence[tuple[str, bytes]]) -> list[Picture | InputError]:
    """Decode (name, bytes) of strangers in a child process with limits, in the order given.

    What the child returns are bare pixels, so nothing of the file is parsed here. A file that kills
    the child, or takes longer than its limit, gets an error; the files after it a new child.
    """
    return [
        InputError(head["error"]) if "error" in head else Picture(_image(head["size"], body), tuple(head["notes"]), head["format"], head["plain"])
        for head, body in _answers([({"where": name}, data) for name, data in files])
    ]


def look_untrusted(files: Sequence[tuple[str, bytes]], sides_px: Sequence[int], kept_px: int) -> list[Looked | InputError]:
    """The same, but only what networks with these inputs see comes back, and a copy of at most `kept_px` a side.

    A hundred photographs at full size would take gigabytes.
    """
    return [
        InputError(head["error"]) if "error" in head else _looked(head, body)
        for head, body in _answers([({"where": name, "sides_px": list(sides_px), "kept_px": kept_px}, data) for name, data in files])
    ]


def _looked(head: dict, body: bytes) -> Looked:
    width, height = head["kept"]
    at, pixels = 3 * width * height, {}
    for side in head["sides_px"]:
        pixels[side] = np.frombuffer(body, np.uint8, 3 * side * side, at).reshape(side, side, 3)
        at += 3 * side * side
    return Looked(_image(head["kept"], body[: 3 * width * height]), tuple(head["size"]), tuple(head["notes"]), pixels)


def _image(size: Sequence[int], body: bytes) -> Image.Image:
    return Image.frombytes("RGB", (size[0], size[1]), body)


def _answers(asked: Sequence[tuple[dict, bytes]]) -> list[tuple[dict, bytes]]:
    """What child processes say to each request; an error in the place of one that no child survived."""
    answers: list[tuple[dict, bytes]] = []
    while len(answers) < len(asked):
        answers += _ask_child(asked[len(answers) :])
        if len(answers) < len(asked):
            where = asked[len(answers)][0]["where"]
            answers.append(({"error": f"{where}: took more time or memory than one picture may. Save it again as JPEG or PNG."}, b""))
    return answers


def _ask_child(asked: Sequence[tuple[dict, bytes]]) -> list[tuple[dict, bytes]]:
    """Answers of one child process; fewer than requests when it had to be stopped."""
    child = subprocess.Popen(
        CHILD,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # Each thread takes address space.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        reply, _ = child.communicate(b"".join(_packed(head, data) for head, data in asked), timeout=(len(asked) + 3) * CHILD_FILE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        reply, _ = child.communicate()
    return list(_unpacked(io.BytesIO(reply)))


def _packed(head: dict, body: bytes) -> bytes:
    text = json.dumps(head).encode()
    return struct.pack("<QQ", len(text), len(body)) + text + body


def _unpacked(stream: BinaryIO) -> Iterator[tuple[dict, bytes]]:
    """What `_packed` made, up to the end or to where it was cut off."""
    while len(lengths := stream.read(16)) == 16:
        head_bytes, body_bytes = struct.unpack("<QQ", lengths)
        head, body = stream.read(head_bytes), stream.read(body_bytes)
        if len(head) < head_bytes or len(body) < body_bytes:
            return
        yield json.loads(head), body


def _limit_own_process() -> None:
    """Bound memory, files and core dumps; Windows has no such limits, there the time limit must do."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _told(picture: Picture, asked: dict) -> bytes:
    """A decoded picture as the child's answer: whole, or what was asked for."""
    image = picture.image
    about = {"size": image.size, "notes": picture.notes, "format": picture.format, "plain": picture.plain}
    if "kept_px" not in asked:
        return _packed(about, image.tobytes())
    kept, most = image, asked["kept_px"]
    if max(image.size) > most:
        kept = image.reduce(-(-max(image.size) // (2 * most)))
        kept.thumbnail((most, most))
    pixels = b"".join(to_pixels(image, side).tobytes() for side in asked["sides_px"])
    return _packed({**about, "kept": kept.size, "sides_px": asked["sides_px"]}, kept.tobytes() + pixels)


def _child() -> None:
    """Answer every picture on standard input with pixels or a sentence on standard output."""
    _limit_own_process()
    for head, data in _unpacked(sys.stdin.buffer):
        # A thread of its own ends the process even while a decoder is at work.
        faulthandler.dump_traceback_later(CHILD_FILE_S, exit=True)
        try:
            picture = decode(data, head["where"])
        except InputError as error:
            answer = _packed({"error": str(error)}, b"")
        else:
            answer = _told(picture, head)
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _child()
