"""A fingerprint names what comes out: it changes with every setting that alters its variant, and with nothing else."""

import re
from dataclasses import dataclass, fields, replace

import pytest
from PIL import Image

from processing.recipe import load
from processing.recipe.model import ENGINE, VariantSpec, fingerprints_of
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
    """The phone variant's fingerprint as a JPEG."""
    return spec_in(text, **options).fingerprint("jpeg")


def spec_in(text, name="phone", **options):
    return next(spec for spec in load(text, **options).variants if spec.name == name)


def test_it_is_ten_hexadecimal_digits():
    assert re.fullmatch("[0-9a-f]{10}", of(BASE))


def test_every_variant_has_its_own():
    changed = BASE.replace("width = 480", "width = 481")

    assert of(changed) != of(BASE)
    assert spec_in(changed, "tablet") == spec_in(BASE, "tablet")


def test_an_option_that_is_off_leaves_every_fingerprint_alone():
    """What a release adds: the settings of today, and one more that nobody has switched on."""

    @dataclass(frozen=True)
    class Tomorrow(VariantSpec):
        sharpen: bool = False

    today = spec_in(BASE)
    same = Tomorrow(**{each.name: getattr(today, each.name) for each in fields(today)})

    assert fingerprints_of(same) == fingerprints_of(today)
    assert fingerprints_of(replace(same, sharpen=True)) != fingerprints_of(today)


def test_the_same_settings_in_another_format_have_another():
    spec = spec_in(BASE)

    assert len({spec.fingerprint(output) for output in ENGINE}) == len(ENGINE)
    assert all(spec.is_current(spec.fingerprint(output)) for output in ENGINE)
    assert not spec.is_current(spec_in(BASE, "tablet").fingerprint("jpeg"))


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
    ('hdr = "drop"',),
    ('watermark = "mark"',),
]


def test_every_setting_of_a_variant_moves_it_each_to_another_value():
    texts = [BASE, *(BASE.replace(PHONE, PHONE + "\n".join(lines) + "\n") for lines in SETTINGS)]
    texts += [BASE.replace("width = 480", "width = 481"), BASE.replace("height = 320", "height = 321")]
    texts += [BASE.replace("height = 320\n", ""), BASE.replace("width = 480\n", "")]

    assert len({of(text) for text in texts}) == len(texts)


MARK_SETTINGS = [
    'color = "#ff0000"',
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


def test_a_fix_of_one_format_makes_the_variants_in_that_format_anew_and_no_others():
    spec = spec_in(BASE)

    fixed = fingerprints_of(spec, tuple({**ENGINE, "webp": ENGINE["webp"] + 1}.items()))

    assert {output for output in ENGINE if fixed[output] != spec.fingerprint(output)} == {"webp"}


def test_another_name_or_another_variant_leaves_it_alone():
    renamed = spec_in(BASE.replace("variants.phone", "variants.mobile"), "mobile")

    assert renamed.fingerprint("jpeg") == of(BASE)
    assert of(BASE + "[variants.more]\nwidth = 9") == of(BASE)


def test_it_is_the_same_on_every_machine():
    """Written down once: should it move without a reason, every variant of everybody is made again."""
    spec = spec_in(BASE)

    assert {output: spec.fingerprint(output) for output in ("jpeg", "png")} == {
        "jpeg": "7274d6f558",
        "png": "13b73ed9b0",
    }
    assert fingerprints_of(spec, (("jpeg", 1),)) == {"jpeg": "fb87cf6b1c"}  # of the engine without gain maps


def test_in_jpeg_a_recipe_that_keeps_formats_is_one_that_could_have_been_written():
    kept = load(BASE.replace(PHONE, f'{PHONE}background = "transparent"\neffort = 5\n'))
    written = load(BASE.replace("height", 'format = "jpeg"\nheight'))

    assert kept.in_jpeg() == written != kept
    assert written.in_jpeg() == written


def test_in_jpeg_a_variant_of_another_format_stays_as_it_is():
    mixed = load(BASE.replace(PHONE, f'{PHONE}format = "webp"\nbackground = "transparent"\neffort = 5\n'))
    phone, tablet = mixed.in_jpeg().variants

    assert (phone, tablet.format) == (mixed.variants[0], "jpeg")
