"""A ladder becomes ordinary variants, and its faults are reported once, by its own name."""

import re
from pathlib import Path

import pytest

from processing.errors import Misconfigured
from processing.recipe import load

LADDER = """
[ladders.photo]
widths = [480, 960, 1600]
formats = ["avif", "webp", "jpeg"]
"""
WRITTEN = """
[variants.photo-{width}-{format}]
width = {width}
format = "{format}"
quality = {quality}
metadata = "copyright"
"""


def faults(text: str) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        load(text)
    return list(caught.value.faults)


def names(text: str) -> list[str]:
    return [spec.name for spec in load(text).variants]


def test_a_ladder_is_its_widths_in_its_formats() -> None:
    assert names(LADDER) == [
        *("photo-480-avif", "photo-480-webp", "photo-480-jpeg"),
        *("photo-960-avif", "photo-960-webp", "photo-960-jpeg"),
        *("photo-1600-avif", "photo-1600-webp", "photo-1600-jpeg"),
    ]


def test_the_documented_ladder_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "recipe.md").read_text(encoding="utf-8")
    section = page.split("## Ladders")[1]

    assert len(names(section.split("```toml")[1].split("```")[0])) == 9


def test_it_is_the_same_as_its_variants_written_out() -> None:
    quality = {"avif": 55, "webp": 75, "jpeg": 82}
    written = "".join(
        WRITTEN.format(width=width, format=name, quality=number)
        for width in (480, 960, 1600)
        for name, number in quality.items()
    )

    ladder = load(LADDER + 'quality = {avif = 55, webp = 75, jpeg = 82}\nmetadata = "copyright"').variants

    assert ladder == load(written).variants


def test_one_quality_is_for_every_format_and_none_is_each_ones_default() -> None:
    assert {spec.quality for spec in load(f"{LADDER}quality = 70").variants} == {70}
    assert {spec.quality for spec in load(LADDER).variants} == {None}
    some = load(f"{LADDER}quality = {{avif = 55}}").variants
    assert {spec.format: spec.quality for spec in some} == {"avif": 55, "webp": None, "jpeg": None}


def test_a_setting_that_some_formats_lack_is_for_the_others() -> None:
    made = load(f"{LADDER}effort = 4\nprogressive = true").variants

    assert {spec.format: (spec.effort, spec.progressive) for spec in made} == {
        "avif": (4, False),
        "webp": (4, False),
        "jpeg": (None, True),
    }


def test_a_setting_that_no_format_has_is_refused_as_for_a_variant() -> None:
    (fault,) = faults('[ladders.photo]\nwidths = [480, 960]\nformats = ["png"]\nquality = 80')

    assert fault == "ladders.photo.quality: PNG has none; effort trades CPU for size"


def test_ladders_stand_beside_variants_and_share_their_marks() -> None:
    mark = '[watermarks.mark]\ntext = "x"\n[variants.card]\nwidth = 64\n'

    made = load(f'{mark}{LADDER}watermark = "mark"').variants

    assert made[0].name == "card"
    assert all(spec.watermark is not None for spec in made[1:])


def test_keep_is_the_format_of_a_ladder_alone() -> None:
    assert names('[ladders.photo]\nwidths = [480]\nformats = ["keep"]') == ["photo-480-keep"]
    assert faults('[ladders.photo]\nwidths = [480]\nformats = ["keep", "webp"]') == [
        'ladders.photo.formats: "keep" may be the format of another one: give it alone'
    ]


@pytest.mark.parametrize(
    "other", ["[variants.photo]\nwidth = 64", "[variants.photo-960-webp]\nwidth = 64"], ids=["itself", "a rung"]
)
def test_a_ladder_and_a_variant_have_different_names(other: str) -> None:
    (fault,) = faults(f"{other}\n{LADDER}")

    assert re.match(r"ladders\.photo: there is a variant of the name photo(-960-webp)? as well", fault)


def test_two_ladders_whose_variants_have_the_same_name_are_refused() -> None:
    assert names(
        '[ladders.a]\nwidths = [480]\nformats = ["webp"]\n[ladders.b]\nwidths = [480]\nformats = ["webp"]'
    ) == [
        *("a-480-webp", "b-480-webp"),
    ]
    assert len(faults('[ladders.a]\nwidths = [4]\nformats = ["webp"]\n[variants.a-4-webp]\nwidth = 4')) == 1


def test_a_fault_of_all_variants_is_reported_once_and_beside_the_others() -> None:
    assert faults(f"{LADDER}quality = 300\nqualities = 3\n[limits]\nbytes = 0") == [
        "ladders.photo.quality: 300 is not in 1..100",
        "ladders.photo.qualities: is no setting; did you mean quality?",
        "limits.bytes: 0 is not in 1..5000000000",
    ]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("widths = []", "widths"),
        ("widths = 480", "widths"),
        ("widths = [480, 480]", "widths"),
        ("widths = [0]", "widths"),
        ("widths = [16384]", "widths"),
        ("widths = [true]", "widths"),
        ("widths = [48.0]", "widths"),
        ('formats = ["gif"]', "formats"),
        ('formats = ["webp", "webp"]', "formats"),
        ('formats = [["webp"]]', "formats"),
        ("", "formats"),
    ],
)
def test_widths_and_formats_are_lists_of_different_values(line: str, path: str) -> None:
    given = {"widths": "widths = [480]", "formats": 'formats = ["webp"]'}
    given[path] = line

    (fault,) = faults(f"[ladders.photo]\n{given['widths']}\n{given['formats']}")

    assert fault.startswith(f"ladders.photo.{path}: ")
    assert "is no list of different values, each " in fault


@pytest.mark.parametrize("name", ["width", "height", "fit", "gravity", "format"])
def test_a_ladder_crops_nothing(name: str) -> None:
    (fault,) = faults(f'{LADDER}{name} = "x"')

    assert fault.startswith(f"ladders.photo.{name}: is no setting of a ladder")


def test_a_quality_of_a_format_that_the_ladder_does_not_have_is_refused() -> None:
    assert faults(f"{LADDER}quality = {{gif = 3, png = 3}}") == [
        "ladders.photo.quality.gif: is no format of this ladder: avif, webp, jpeg",
        "ladders.photo.quality.png: is no format of this ladder: avif, webp, jpeg",
        "ladders.photo.quality.png: PNG has none; effort trades CPU for size",
    ]


def test_a_recipe_with_neither_says_which_tables_there_are() -> None:
    assert faults("[ladders]") == ["variants: there are none; add a table such as [variants.phone] or [ladders.photo]"]


def test_an_invalid_ladder_is_no_lack_of_variants() -> None:
    assert len(faults("[ladders.photo]\nwidths = [480]\nformats = []")) == 1
