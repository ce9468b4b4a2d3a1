"""The fingerprint names what comes out: it moves with every setting that alters a variant, and with nothing else."""

import re

import pytest
from PIL import Image

from processing.recipe import load
from processing.recipe.model import fingerprint_of
from tests.corpus.samples import saved

BASE = """
[watermarks.mark]
text = "one"

[variants.phone]
width = 480
height = 320

[variants.tablet]
width = 1024
height = 1024
"""
PHONE = "[variants.phone]\n"
MARK = "[watermarks.mark]\n"
MARKED = BASE.replace(PHONE, f'{PHONE}watermark = "mark"\n')


def of(text, **options):
    return load(text, **options).fingerprint


def test_it_is_twelve_hexadecimal_digits():
    assert re.fullmatch("[0-9a-f]{12}", of(BASE))


def test_comments_order_and_spaces_leave_it_alone():
    head, phone, tablet = (part for part in BASE.split("\n\n"))
    width, height = "width = 480", "height = 320"

    assert of(f"# mine\n{BASE}\n\n") == of(BASE)
    assert of(f"{tablet}\n\n{phone}\n\n{head}") == of(BASE)
    assert of(BASE.replace(f"{width}\n{height}", f"{height}  # tall\n\n   {width}")) == of(BASE)
    assert of(BASE.replace("width = 480", "width = 4_8_0")) == of(BASE)


def test_writing_a_default_down_leaves_it_alone():
    written = BASE.replace(
        PHONE, f'{PHONE}fit = "inside"\nformat = "keep"\nbackground = "#FFFFFF"\nprogressive = false\n'
    )

    assert of(written) == of(BASE)


@pytest.mark.parametrize(
    "limits", ["bytes = 5", "frames = 7", "[limits.pixels]\njpeg = 9", "[limits.pixels]\nanimation = 1"]
)
def test_limits_are_no_part_of_it(limits):
    assert of(f"{BASE}[limits]\n{limits}") == of(BASE)


def test_a_watermark_that_no_variant_carries_is_no_part_of_it():
    assert of(BASE.replace('"one"', '"two"')) == of(BASE)


SETTINGS = [
    ('fit = "cover"',),
    ('fit = "pad"',),
    ('fit = "cover"', 'gravity = "top"'),
    ('fit = "cover"', 'gravity = "bottom-right"'),
    ('fit = "pad"', 'background = "#000000"'),
    ('background = "#fffffe"',),
    ('background = "transparent"',),
    *((f'format = "{each}"',) for each in ("jpeg", "png", "webp", "avif")),
    ("quality = 50",),
    ("quality = 51",),
    ("effort = 0",),
    ("effort = 9",),
    ("progressive = true",),
    ('metadata = "copyright"',),
    ('watermark = "mark"',),
]


def test_every_setting_of_a_variant_moves_it_each_to_another_value():
    texts = [BASE, *(BASE.replace(PHONE, PHONE + "\n".join(lines) + "\n") for lines in SETTINGS)]
    texts += [BASE.replace("width = 480", "width = 481"), BASE.replace("height = 320", "height = 321")]
    texts += [BASE.replace("variants.phone", "variants.mobile"), BASE + "[variants.more]\nwidth = 9"]
    texts += [BASE.replace("height = 320\n", ""), BASE.replace("width = 480\n", "")]

    assert len({of(text) for text in texts}) == len(texts)


MARK_SETTINGS = [
    'colour = "#ff0000"',
    'outline = "#ff0000"',
    'position = "top"',
    'position = "tile"',
    "scale = 0.3",
    "opacity = 0.5",
    "opacity = 0.0",
    "margin = 0.1",
]


def test_every_setting_of_a_watermark_moves_it_each_to_another_value():
    texts = [MARKED, MARKED.replace('"one"', '"two"')]
    texts += [MARKED.replace(MARK, f"{MARK}{setting}\n") for setting in MARK_SETTINGS]

    assert len({of(text) for text in texts}) == len(texts)


def test_the_pixels_of_a_logo_are_part_of_it_and_its_name_is_not(tmp_path):
    (tmp_path / "logos").mkdir()
    for name, level in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / "logos" / f"{name}.png").write_bytes(saved(Image.new("L", (4, 4), level), "PNG"))
    text = MARKED.replace('text = "one"', 'logo = "logos/a.png"')

    a, b, c = (of(text.replace("/a", f"/{name}"), folder=tmp_path) for name in "abc")

    assert a == b != c
    assert a != of(text.replace(MARK, f"{MARK}scale = 0.3\n"), folder=tmp_path)
    assert a != of(MARKED)


def test_a_new_engine_makes_every_variant_anew():
    variants = load(BASE).variants

    assert fingerprint_of(variants, engine=1) != fingerprint_of(variants, engine=2)


def test_it_is_the_same_on_every_machine():
    """Written down once: should it move without a reason, every variant of everybody is made again."""
    assert of(BASE) == "19c24b7b6ae3"
