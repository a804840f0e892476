"""Every kind of picture and of non-picture that people bring: what becomes of it, in one sentence."""

import contextlib
import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from tests.strange_pictures import REFUSED, half_clear, photo, png_of, saved
from tlcore import images
from tlcore.errors import InputError
from tlcore.images import decode, decode_untrusted, look_untrusted, open_stored, to_pixels


def reason(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode(data, "pets/a.jpg")
    message = str(caught.value)
    assert message.startswith("pets/a.jpg: ") and message.endswith(".") and "\n" not in message
    return message.removeprefix("pets/a.jpg: ")


@pytest.mark.parametrize(("data", "said"), REFUSED)
def test_what_is_no_usable_picture_is_refused_in_one_sentence(data, said):
    assert said in reason(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_short_is_refused(kind, share):
    data = saved(photo(), kind)
    assert f"the {kind} file is" in reason(data[: int(len(data) * share)])


def test_damaged_bytes_never_raise_anything_but_the_sentence():
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP"):
        whole = saved(photo(), kind)
        for _ in range(60):
            data = bytearray(whole)
            for at in rng.integers(4, len(data), 8):
                data[at] = rng.integers(256)
            with contextlib.suppress(InputError):
                decode(bytes(data), "x")


def test_the_parsers_of_other_formats_are_never_reached(monkeypatch):
    tiff, png = saved(photo(), "TIFF"), saved(photo(), "PNG")
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("Pillow was asked to find a parser"))
    assert "TIFF" in reason(tiff)
    assert decode(png, "x").image.size == (96, 64)


def test_content_counts_and_not_the_name():
    assert decode(saved(photo(), "PNG"), "cat.JPG").format == "PNG"


@pytest.mark.parametrize(
    ("data", "left", "right"),
    [
        (saved(half_clear("RGBA"), "PNG"), (255, 0, 0), (255, 255, 255)),
        (saved(half_clear("LA"), "PNG"), (76, 76, 76), (255, 255, 255)),
        (saved(half_clear("RGBA"), "WEBP", lossless=True), (255, 0, 0), (255, 255, 255)),
        (saved(half_clear("RGBA"), "GIF"), (255, 0, 0), (255, 255, 255)),
        (saved(half_clear("RGBA").quantize(4), "PNG"), (255, 0, 0), (255, 255, 255)),
        (saved(half_clear("RGB"), "PNG", transparency=(0, 0, 0)), (255, 0, 0), (255, 255, 255)),
        (saved(half_clear("RGB"), "BMP"), (255, 0, 0), (0, 0, 0)),
        (saved(half_clear("L"), "PNG"), (76, 76, 76), (0, 0, 0)),
        (saved(half_clear("RGB").convert("1", dither=Image.Dither.NONE), "PNG"), (0, 0, 0), (0, 0, 0)),
        (saved(half_clear("RGB").convert("P"), "PNG"), (255, 0, 0), (0, 0, 0)),
        # 16 bits: 0x8000 is the middle, not white as clipping would make it.
        (png_of(4, 1, 16, 0, b"\0" + struct.pack(">4H", 0x8000, 0x8000, 0xFFFF, 0xFFFF)), (128, 128, 128), (255, 255, 255)),
        (png_of(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0x8000, 0, 0xFFFF, 0, 0x4000, 1)), (128, 0, 255), (0, 64, 0)),
    ],
)
def test_every_kind_of_colour_becomes_rgb_over_white(data, left, right):
    image = decode(data, "x").image
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == left
    assert image.getpixel((image.width - 1, 0)) == right


def test_cmyk_jpeg_keeps_its_colours():
    image = decode(saved(Image.new("RGB", (16, 16), (200, 30, 30)).convert("CMYK"), "JPEG", quality=95), "x").image
    assert np.abs(np.asarray(image, int) - (200, 30, 30)).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied_and_all_metadata_dropped(orientation, kind):
    upright = photo()
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # The inverse of each.
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker of the camera"
    lossless = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True}
    image = decode(saved(upright if turn is None else upright.transpose(turn), kind, exif=exif, **lossless), "x").image
    assert image.size == (96, 64)
    assert np.abs(np.asarray(image, int) - np.asarray(upright, int)).max() < 12
    assert not image.info and not image.getexif()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame_and_says_so(kind):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    picture = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True), "x")
    assert picture.image.getpixel((4, 4)) == (255, 0, 0)
    assert picture.notes == (images.ANIMATED,) and not picture.plain


def test_one_pixel_is_a_picture():
    assert to_pixels(decode(saved(Image.new("RGB", (1, 1), "red"), "PNG"), "x").image, 4)[3, 3].tolist() == [255, 0, 0]


def test_resizing_scales_the_shorter_side_and_takes_the_centre():
    wide = Image.new("RGB", (30, 10), "black")
    wide.paste((255, 255, 255), (10, 0, 20, 10))
    assert to_pixels(wide, 5).shape == (5, 5, 3)
    assert to_pixels(wide, 5)[:, 1:4].min() == 255  # The filter reaches over the border.
    assert to_pixels(wide.rotate(90, expand=True), 5)[1:4].min() == 255


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255  # By hand: every output pixel averages as many white as black columns.
    assert np.abs(to_pixels(Image.fromarray(stripes), 8).astype(int) - 128).max() <= 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_fast_way_for_stored_pictures_gives_the_same_pixels(kind):
    for image in (photo(), photo().convert("L")):
        data = saved(image, kind)
        assert open_stored(io.BytesIO(data)).tobytes() == decode(data, "x").image.tobytes()


def test_strangers_files_are_decoded_in_a_child_with_the_same_result():
    files = [("a.png", saved(photo(), "PNG")), ("b.jpg", b"no picture"), ("ü.jpg", saved(photo(33, 21), "JPEG")), ("c.gif", b"")]
    answers = decode_untrusted(files)
    assert [isinstance(a, InputError) for a in answers] == [False, True, False, True]
    for (name, data), answer in zip(files, answers, strict=True):
        try:
            expected = decode(data, name)
        except InputError as error:
            assert str(answer) == str(error)
        else:
            assert answer.image.tobytes() == expected.image.tobytes()
            assert answer[1:] == expected[1:]
    assert decode_untrusted([]) == []


def test_of_a_strangers_picture_what_networks_see_and_a_small_copy_come_back():
    large = saved(photo(200, 100), "PNG")
    looked, bad, tiny = look_untrusted([("large.png", large), ("bad.png", large[:60]), ("tiny.png", saved(photo(1, 1), "PNG"))], (32, 24), 50)
    assert looked.size_px == (200, 100) and looked.image.size == (50, 25)
    whole = decode(large, "large.png").image
    for side in (32, 24):
        assert np.array_equal(looked.pixels[side], to_pixels(whole, side)), "the one resize, from the whole picture"
    assert isinstance(bad, InputError) and tiny.image.size == tiny.size_px == (1, 1)


HOSTILE = """
import os, time
from tlcore import images
images.CHILD_FILE_S = 0.5
real = images.decode
def decode(data, where):
    if data == b"crash":
        os._exit(11)
    if data == b"hang":
        time.sleep(60)
    if data == b"eat":
        return images.Picture(images.Image.frombytes("RGB", (1, 1), bytes(8 << 30)[:3]))
    return real(data, where)
images.decode = decode
images._child()
"""


@pytest.mark.parametrize("attack", [b"crash", b"hang", pytest.param(b"eat", marks=pytest.mark.skipif(sys.platform == "win32", reason="no memory limit"))])
def test_a_file_that_takes_the_child_down_takes_no_other_file_with_it(attack, monkeypatch):
    monkeypatch.setattr(images, "CHILD", (sys.executable, "-c", HOSTILE))
    good = saved(photo(8, 8), "PNG")
    first, bad, last = decode_untrusted([("a.png", good), ("bad.png", attack), ("c.png", good)])
    assert first.image.tobytes() == last.image.tobytes() == photo(8, 8).tobytes()
    assert isinstance(bad, InputError) and "bad.png: took more time or memory" in str(bad)
