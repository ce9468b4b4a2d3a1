"""A text mark has only characters that come out right with the included font and no shaping; others are refused."""

import pytest
from PIL import ImageFont

from processing.errors import Misconfigured
from processing.recipe import load
from processing.recipe.lettering import FONT, _characters, unsettable

VARIANT = "[variants.phone]\nwidth = 480\n"


@pytest.mark.parametrize(
    "text", ["© Example 2026", "Ünïcödé — “łódź”", "Ελλάδα", "Привет", "Հայ", "ქართული", "★ ✓ → ♥ 😀", "two\nlines"]
)
def test_a_text_that_the_font_sets_right_is_accepted(text):
    assert unsettable(text) == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("中文", "U+4E2D CJK UNIFIED IDEOGRAPH-4E2D"),
        ("ไทย", "U+0E44 THAI CHARACTER SARA AI MAIMALAI"),
        ("नमस्ते", "U+0928 DEVANAGARI LETTER NA"),
        ("© مرحبا", "U+0645 ARABIC LETTER MEEM"),
        ("שלום", "U+05E9 HEBREW LETTER SHIN"),
        ("٣", "U+0663 ARABIC-INDIC DIGIT THREE"),
        ("ߒ", "U+07D2 NKO LETTER N"),
        ("e\u0301", "U+0301 COMBINING ACUTE ACCENT"),
        ("\u2764\ufe0f", "U+FE0F VARIATION SELECTOR-16"),
        ("a\u200db", "U+200D ZERO WIDTH JOINER"),
        ("a\tb", "U+0009 (no name)"),
        ("🦊", "U+1F98A FOX FACE"),
    ],
)
def test_a_character_that_comes_out_wrong_is_named(text, first):
    assert unsettable(text)[0] == first


def test_a_recipe_with_such_a_text_is_refused_and_says_what_to_do():
    with pytest.raises(Misconfigured) as refused:
        load(f'{VARIANT}watermark = "mark"\n[watermarks.mark]\ntext = "© 中中 שּ"\n')

    (fault,) = refused.value.faults
    assert fault.startswith("watermarks.mark.text: ")
    assert fault.count("U+4E2D CJK UNIFIED IDEOGRAPH-4E2D") == 1
    assert fault.endswith("; use a logo instead")


def test_the_fonts_characters_are_those_for_which_pillow_has_a_glyph():
    font = ImageFont.truetype(FONT, 40, layout_engine=ImageFont.Layout.BASIC)
    missing = bytes(font.getmask("\uffff"))
    codes = [*range(0x20, 0xD800, 3), *range(0x1F300, 0x1F700)]

    assert [code for code in codes if (bytes(font.getmask(chr(code))) != missing) != (code in _characters(FONT))] == []
