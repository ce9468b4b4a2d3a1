"""docs/recipe.md knows every setting, what may stand there, and what stands there when nothing is given."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from processing.errors import Misconfigured
from processing.imaging.encode import DEFAULT_PNG_EFFORT, DEFAULT_QUALITY
from processing.naming import plan_of
from processing.recipe import Limits, VariantSpec, Watermark, load
from processing.recipe.model import DEFAULT_BYTES, DEFAULT_FRAMES, DEFAULT_IGNORE, DEFAULT_PIXELS

TEXT = (Path(__file__).parents[2] / "docs" / "recipe.md").read_text(encoding="utf-8")
SECTIONS = ("Variants", "Marks", "Limits")
TABLES = {"Variants": "variants.phone", "Marks": "watermarks.mark", "Limits": "limits"}


def rows(section):
    """Setting, what it may be, and its default."""
    (part,) = re.findall(rf"^## {section}.*?(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return [
        tuple(cell.strip() for cell in line.split("|")[1:4]) for line in part.splitlines() if line.startswith("| `")
    ]


ROWS = [(section, *row) for section in SECTIONS for row in rows(section)]
COLOR = "a color"


def documented(section):
    return [row[0].strip("`") for row in rows(section)]


def test_every_setting_is_documented_and_no_other():
    limits = ["bytes", "frames", *(f"pixels.{name}" for name in DEFAULT_PIXELS)]

    assert documented("Variants") == [field.name for field in fields(VariantSpec) if field.name != "name"]
    assert documented("Marks") == [field.name for field in fields(Watermark)]
    assert documented("Limits") == limits
    assert {field.name for field in fields(Limits)} == {"max_bytes", "max_frames", "max_pixels"}


def test_every_name_in_the_documents_is_given():
    recipes = {name: load(f'[variants.phone]\nwidth = 1\nformat = "{name}"') for name in ("keep", "webp")}
    named = [(row[0].split("`")[1], row[1].strip("`"), row[2].split("`")[1]) for row in rows("Names")]

    assert len(named) == 7
    assert [plan_of(recipes[how], key, prefix="images/").keys["phone"] for key, how, _ in named] == [
        variant for _, _, variant in named
    ]


def test_the_patterns_that_are_ignored_by_default_are_documented():
    (part,) = re.findall(r"^## Files beside photos.*?(?=^## )", TEXT, re.DOTALL | re.MULTILINE)

    assert {each for each in DEFAULT_IGNORE if f"`{each}`" not in part.replace(r"\r", "\r")} == set()


def fault_of(section, setting, value):
    """What `load` says of a value; None when it may stand there."""
    table, _, name = f"{TABLES[section]}.{setting}".rpartition(".")
    text = f"[{table}]\n{name} = {value}\n"
    path = f"{table}.{name}: "
    try:
        load(text)
    except Misconfigured as error:
        return next((fault for fault in error.faults if fault.startswith(path)), None)
    return None


@pytest.mark.parametrize(("section", "setting", "allowed"), [row[:3] for row in ROWS if ".." in row[2]])
def test_a_documented_range_is_the_one_that_is_checked(section, setting, allowed):
    low, high = allowed.strip("`").split("..")

    name = setting.strip("`")
    assert fault_of(section, name, low) is None
    assert fault_of(section, name, high) is None
    step = 0.001 if "." in low + high else 1
    for beyond in (float(low) - step, float(high) + step):
        value = beyond if "." in low + high else int(beyond)
        assert f"is not in {low}..{high}" in fault_of(section, name, value)


@pytest.mark.parametrize(("section", "setting", "allowed"), [row[:3] for row in ROWS if "`, `" in row[2]])
def test_the_documented_choices_are_those_that_are_checked(section, setting, allowed):
    choices = re.findall(r"`([^`]+)`", allowed)
    fault = fault_of(section, setting.strip("`"), '"nonsense"')

    expected = " or ".join(choices) if choices == ["true", "false"] else f"one of {', '.join(choices)}"
    assert fault.endswith(expected)


def test_the_page_has_every_setting_that_is_a_color():
    assert {row[1] for row in ROWS if row[2] == COLOR} == {"`background`", "`color`", "`outline`"}


@pytest.mark.parametrize(("section", "setting", "allowed"), [row[:3] for row in ROWS if row[2] == COLOR])
def test_colors_are_checked_as_colors(section, setting, allowed):
    assert fault_of(section, setting.strip("`"), '"#1e90ff"') is None
    assert "is not a color" in fault_of(section, setting.strip("`"), '"white"')


def test_the_documented_defaults_are_the_real_ones():
    spec, mark = VariantSpec("any", 1, 1), Watermark(text="any")
    defaults = {(section, name.strip("`")): default.strip("`") for section, name, _, default in ROWS}

    for section, thing in (("Variants", spec), ("Marks", mark)):
        for field in fields(thing):
            documented = defaults.get((section, field.name), "")
            if documented and " for " not in documented:
                assert documented == as_written(getattr(thing, field.name)), field.name
    assert defaults["Variants", "quality"] == ", ".join(
        f"{DEFAULT_QUALITY[key]} for {name}" for key, name in (("jpeg", "JPEG"), ("webp", "WebP"), ("avif", "AVIF"))
    )
    assert defaults["Variants", "effort"].startswith(f"{DEFAULT_PNG_EFFORT} for PNG")
    limits = {"bytes": DEFAULT_BYTES, "frames": DEFAULT_FRAMES}
    limits |= {f"pixels.{name}": value for name, value in DEFAULT_PIXELS.items()}
    assert {name: int(default) for (section, name), default in defaults.items() if section == "Limits"} == limits


def as_written(value):
    if isinstance(value, tuple):
        return "#" + "".join(f"{part:02x}" for part in value[:3])
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_example_is_a_recipe():
    example = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0]
    watermark = load(example).variants[0].watermark

    assert watermark is not None
    assert watermark.text == tomllib.loads(example)["watermarks"]["mark"]["text"]


def test_every_loss_that_can_be_recorded_is_documented():
    root = Path(__file__).parents[2] / "processing" / "imaging"
    text = (root / "losses.py").read_text(encoding="utf-8") + (root / "render.py").read_text(encoding="utf-8")
    names = {
        name for group in re.findall(r'\{("[a-z0-9_]+"[^}]*)\} if', text) for name in re.findall(r'"(\w+)"', group)
    }
    names |= set(re.findall(r'\.add\(\s*"(\w+)"', text)) | {"extra_images"}

    documented = re.findall(r"under `lost`:\n(.*?)\.\n", TEXT, re.DOTALL)[0]
    assert set(re.findall(r"`(\w+)`", documented)) == names
