"""Pictures and non-pictures of every kind that people bring, made where they are needed."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from sklearn.datasets import load_sample_image


def photo(width: int = 96, height: int = 64) -> Image.Image:
    """A piece of a real photograph."""
    return Image.fromarray(load_sample_image("china.jpg")[200 : 200 + height, 300 : 300 + width])


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_of(width: int, height: int, depth: int, color: int, rows: bytes) -> bytes:
    """A PNG written by hand, for what Pillow doesn't write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    header = struct.pack(">LLBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def large_jpeg() -> bytes:
    data = saved(photo(), "JPEG")
    return patched(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", 9000, 9000))


def large_webp() -> bytes:
    data = saved(photo().convert("RGBA"), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")  # VP8X, as it has metadata.
    return patched(data, 24, (16_000).to_bytes(3, "little") + (15_000).to_bytes(3, "little"))


RED, CLEAR = (255, 0, 0, 255), (0, 0, 0, 0)


def half_clear(mode: str) -> Image.Image:
    image = Image.new("RGBA", (4, 2), RED)
    image.paste(CLEAR, (2, 0, 4, 2))
    return image.convert(mode)


REFUSED: list[tuple[bytes, str]] = [
    (b"", "the file is empty"),
    (b"hello, I am a cat" * 9, "not a picture, whatever its name"),
    (b"\xff", "not a picture"),
    (saved(photo(), "TIFF"), "TIFF files aren't supported"),
    (saved(photo(), "EPS"), "EPS files aren't supported"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC files aren't supported"),
    (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC files aren't supported"),
    (saved(photo(), "AVIF"), "AVIF files aren't supported"),
    (saved(photo(), "JPEG2000"), "JPEG 2000 files aren't supported"),
    (b"PK\x03\x04" + b"0" * 40, "ZIP files aren't supported"),
    (png_of(30_000, 30_000, 8, 0, b""), "too large"),
    (png_of(20_001, 1, 8, 0, b"\0" * 20_002), "20,001 × 1 px is too large"),
    (png_of(7_100, 7_100, 8, 0, b""), "7,100 × 7,100 px is too large; up to 50 megapixels and 20,000 px a side"),
    (large_jpeg(), "9,000 × 9,000 px is too large"),
    (patched(saved(photo(), "GIF"), 6, struct.pack("<HH", 60_000, 60_000)), "too large"),
    (large_webp(), "16,001 × 15,001 px is too large"),
    (patched(saved(photo(), "BMP"), 18, struct.pack("<ll", 21_000, 10)), "21,000 × 10 px is too large"),
]
"""What can't be used, and what is said of it."""


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(photo(), "JPEG", exif=exif)


def animated() -> bytes:
    return saved(Image.new("RGB", (8, 8), "red"), "GIF", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])


TAKEN: dict[str, bytes] = {
    "a PNG called .JPG": saved(photo(), "PNG"),
    "CMYK": saved(photo().convert("CMYK"), "JPEG"),
    "grey": saved(photo().convert("L"), "JPEG"),
    "palette": saved(photo().convert("P"), "PNG"),
    "half clear": saved(half_clear("RGBA"), "PNG"),
    "1 bit": saved(photo().convert("1"), "PNG"),
    "16 bits": png_of(4, 1, 16, 0, b"\0" + struct.pack(">4H", 0x8000, 0x8000, 0xFFFF, 0xFFFF)),
    "turned by EXIF": turned(),
    "animated": animated(),
    "WebP": saved(photo(), "WEBP"),
    "BMP": saved(photo(), "BMP"),
    "one pixel": saved(Image.new("RGB", (1, 1), "red"), "PNG"),
}
"""What is strange and can be used all the same."""
CUT_SHORT: dict[str, bytes] = {kind: (whole := saved(photo(), kind))[: len(whole) // 2] for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP")}
