"""Names from outside are shown literally, numbers as people read them."""

import pytest

from pages.ui.text import WORD_JOINER, ago, count, duration, literal, millions, size


@pytest.mark.parametrize("name", ["<b>cat</b>", ":red[x]", "**bold**", "[a](http://b)", "`code`", "$x^2$", ":material/home:", "a_b_c", "1. one", "# head", "![i](u)", "&lt;", "~~no~~"])
def test_markdown_in_a_name_is_escaped(name):
    shown = literal(name)
    plain = shown.replace("\\", "").replace(WORD_JOINER, "")
    assert plain == name
    for special in "<:*[`$_#!&~":
        assert all(shown[place - 1] == "\\" for place, letter in enumerate(shown) if letter == special)


@pytest.mark.parametrize("name", ["www.example.com", "WWW.a.b", "a@b.com", "https://x.y", ":material/home:", ":streamlit:", "~="])
def test_what_browsers_find_after_escaping_is_broken_up(name):
    assert WORD_JOINER in literal(name)


@pytest.mark.parametrize("name", ["tabby cat", "12:30", "run: 4", "x@", "awww"])
def test_ordinary_names_hold_nothing_invisible(name):
    assert WORD_JOINER not in literal(name)


def test_line_breaks_in_a_name_become_blanks():
    assert literal("a\n\n# b") == "a \\# b"


def test_counts_sizes_and_parameters_carry_units():
    assert count(1, "picture") == "1 picture"
    assert count(1797, "picture") == "1,797 pictures"
    assert count(2, "class", "classes") == "2 classes"
    assert [size(b) for b in (0, 999, 1500, 250_000, 2_400_000_000)] == ["0 B", "999 B", "1.5 kB", "250 kB", "2.4 GB"]
    assert [millions(n) for n in (650, 273_392, 14_714_688)] == ["650", "273 k", "14.7 M"]


def test_durations_are_short_and_never_negative():
    assert [duration(s) for s in (0.42, 12.3, 200, 7500)] == ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]
    assert ago(100, now=50) == "just now"
    assert ago(0, now=7200) == "2 h ago"
