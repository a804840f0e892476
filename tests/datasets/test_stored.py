"""What is kept of a file: its own compressed pixels where they are plain, never its metadata."""

import hashlib
import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from sklearn.datasets import load_sample_image

from tlcore.datasets.stored import content_id, from_file, from_pixels
from tlcore.images import decode

FLOWER = Image.fromarray(load_sample_image("flower.jpg"))  # 640 × 427.
SMALL = FLOWER.crop((100, 100, 180, 160))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    found[0x010F] = "SECRET"
    return found


def pixels_of(data: bytes) -> bytes:
    return decode(data, "x").image.tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30, "restart_marker_rows": 1}, {"optimize": True, "keep_rgb": True}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_keeps_its_compressed_pixels_and_loses_its_metadata(options, mode):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = saved(SMALL.convert(mode), "JPEG", **options)
    told = saved(SMALL.convert(mode), "JPEG", exif=exif(), comment=b"SECRET", icc_profile=profile, **options) + b"SECRET after the end"
    stored = from_file(told, "x")
    assert stored.data == from_file(plain, "x").data
    assert b"SECRET" not in stored.data and len(stored.data) <= len(plain)
    assert stored.data[:2] == b"\xff\xd8" and pixels_of(stored.data) == pixels_of(plain)


def test_a_jpeg_without_metadata_is_kept_byte_for_byte():
    data = saved(SMALL, "JPEG")
    assert from_file(data, "x").data == data


def test_a_png_keeps_its_compressed_pixels_and_loses_its_metadata():
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "SECRET")
    plain = saved(SMALL, "PNG")
    assert from_file(saved(SMALL, "PNG", pnginfo=text, exif=exif()), "x").data == plain
    assert from_file(plain, "x").data == plain


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (saved(SMALL.convert("CMYK"), "JPEG"), b"\x89PNG"),
        (saved(SMALL, "JPEG", exif=exif(6)), b"\x89PNG"),
        (saved(SMALL.convert("RGBA"), "PNG"), b"\x89PNG"),
        (saved(SMALL.quantize(), "PNG"), b"\x89PNG"),
        (saved(SMALL, "GIF"), b"\x89PNG"),
        (saved(SMALL, "WEBP"), b"\x89PNG"),
        (saved(SMALL, "BMP"), b"\x89PNG"),
        # Larger than a megapixel: lossy stays lossy, lossless stays lossless.
        (saved(FLOWER.resize((1200, 900)), "JPEG", exif=exif(6)), b"\xff\xd8\xff"),
        (saved(FLOWER.resize((1200, 900)), "WEBP", method=0), b"\xff\xd8\xff"),
        (saved(FLOWER.resize((1200, 900)), "WEBP", lossless=True, method=0, quality=0), b"\x89PNG"),
        (saved(FLOWER.resize((1200, 900)), "BMP"), b"\x89PNG"),
    ],
)
def test_all_others_are_encoded_anew_and_look_the_same(data, kind):
    stored = from_file(data, "x")
    assert stored.data.startswith(kind)
    image, original = Image.open(io.BytesIO(stored.data)), decode(data, "x").image
    assert image.size == original.size == (stored.width, stored.height)
    assert not image.getexif()
    difference = np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(original, int))
    assert difference.max() == 0 if kind == b"\x89PNG" else difference.mean() < 1.5
    if kind != b"\x89PNG":
        assert image.layer[0][1:3] == image.layer[1][1:3] == (1, 1)  # 4:4:4.


def test_the_content_id_names_the_stored_pixels():
    stored = from_file(saved(FLOWER.resize((1200, 900)), "JPEG", exif=exif(3)), "x")
    assert stored.content_id == content_id(decode(stored.data, "x").image)
    by_hand = hashlib.sha256(struct.pack("<II", 2, 1) + bytes([1, 2, 3, 4, 5, 6])).digest()
    assert from_pixels(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), "x").content_id == by_hand


def test_equal_pixels_have_one_content_id_in_every_lossless_format():
    ids = {from_file(saved(SMALL, kind, **options), "x").content_id for kind, options in (("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}))}
    assert ids == {from_pixels(np.asarray(SMALL), "x").content_id}


def test_another_shape_is_another_content():
    flat = np.zeros((2, 8, 3), np.uint8)
    assert from_pixels(flat, "x").content_id != from_pixels(flat.reshape(4, 4, 3), "x").content_id
