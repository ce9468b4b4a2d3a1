"""recipe.toml is read as a whole: everything that is wrong with it is said at once, each by its path."""

from pathlib import Path

import pytest
from PIL import Image

from processing.errors import Misconfigured
from processing.recipe import Color, VariantSpec, Watermark, load
from tests.corpus.samples import saved

ROOT = Path(__file__).parents[2]
PHONE = "[variants.phone]\nwidth = 480\n"


def faults(text, **options):
    with pytest.raises(Misconfigured) as caught:
        load(text, **options)
    return caught.value.faults


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "mark.png").write_bytes(saved(Image.new("RGBA", (4, 4)), "PNG"))
    (tmp_path / "secret.png").write_bytes(saved(Image.new("RGBA", (4, 4)), "PNG"))
    return tmp_path


def test_the_recipe_that_ships_makes_three_variants():
    recipe = load((ROOT / "recipe.toml").read_text(encoding="utf-8"))

    assert [(each.name, each.width, each.height, each.format) for each in recipe.variants] == [
        ("desktop", 1920, 1920, "keep"),
        ("tablet", 1024, 1024, "keep"),
        ("phone", 480, 480, "keep"),
    ]


def test_what_is_written_in_comments_of_the_recipe_that_ships_works_too():
    text = (ROOT / "recipe.toml").read_text(encoding="utf-8")
    optional = ("# ignore", "# watermark", "# [watermarks", "# text", "# position", "# scale", "# opacity", "# margin")
    lines = [line.removeprefix("# ") if line.startswith(optional) else line for line in text.splitlines()]

    recipe = load("\n".join(lines))

    assert recipe.variants[0].watermark == Watermark(text="© Example")
    assert [name for name in ("a.mp4", "a.mov", "a.AAE", ".a") if recipe.ignores(name)] == ["a.mov", "a.AAE", ".a"]


IGNORED = ("a/.DS_Store", "._IMG_1.jpg", ".trash/IMG_1.jpg", "IMG_1.AAE", "a/b.Mov", "THUMBS.DB", "@eaDir/a.jpg/T.jpg")
TAKEN = ("a.jpg", "a.b.jpg", "mov", "a.mov.jpg", "aae/a.jpg", "a/", "a/../b.jpg", "./b.jpg", "", "IMG_1.CR2", "a.pdf")


def test_what_desktops_and_cameras_put_beside_photos_is_ignored_by_default():
    recipe = load(PHONE)

    assert [name for name in (*IGNORED, *TAKEN) if recipe.ignores(name)] == list(IGNORED)


def test_only_an_empty_object_with_a_slash_at_its_end_is_a_folder():
    recipe = load("ignore = []\n" + PHONE)

    assert [recipe.ignores("a/", size) for size in (0, 1, None)] == [True, False, False]
    assert not recipe.ignores("a", 0)


def test_patterns_of_the_recipe_replace_the_default():
    recipe = load('ignore = ["*-DRAFT.*"]\n' + PHONE)

    assert (recipe.ignores("a/cat-draft.jpg"), recipe.ignores("IMG_1.AAE")) == (True, False)


def test_patterns_that_can_match_no_name_or_match_all_are_refused():
    assert faults('ignore = [""]\n' + PHONE) == ("ignore: [''] is not a list of texts",)
    assert faults('ignore = ["raw/*", "**"]\n' + PHONE) == (
        "ignore: 'raw/*' has a slash; a pattern is for one name, of a file or of a folder",
        "ignore: '**' matches every image",
    )
    assert faults('ignore = "*.mov"\n' + PHONE) == ("ignore: '*.mov' is not a list of texts",)


def test_every_setting_of_a_variant_is_read():
    recipe = load(
        """
        [watermarks.mark]
        text = "© Me"
        color = "#10203040"
        outline = "#000000"
        position = "tile"
        scale = 0.5
        opacity = 1
        margin = 0.25

        [variants.phone]
        width = 480
        height = 320
        fit = "cover"
        gravity = "top-left"
        background = "transparent"
        format = "webp"
        quality = 70
        effort = 4
        metadata = "copyright"
        cache = "no-store"
        watermark = "mark"

        [variants.tablet]
        height = 1000
        format = "jpeg"
        progressive = true
        hdr = "drop"
        """
    )

    mark = Watermark("© Me", None, Color(16, 32, 48, 64), Color(0, 0, 0), "tile", 0.5, 1.0, 0.25)
    assert recipe.variants == (
        VariantSpec(
            "phone",
            480,
            320,
            "cover",
            "top-left",
            Color(0, 0, 0, 0),
            "webp",
            70,
            4,
            False,
            "copyright",
            "keep",
            "no-store",
            mark,
        ),
        VariantSpec("tablet", None, 1000, format="jpeg", progressive=True, hdr="drop"),
    )


@pytest.mark.parametrize(
    ("cache", "accepted"),
    [
        ("public, max-age=60", True),
        ("private, no-cache", True),
        ("public, max-age=31536000, immutable", True),
        ("max-age", False),
        ("public max-age=60", False),
        ("max-age=60\\r\\nX-Other: 1", False),
        ("forever", False),
    ],
)
def test_a_cache_control_is_made_of_the_directives_that_a_response_has(cache, accepted):
    text = f'{PHONE}cache = "{cache}"\n'

    if accepted:
        assert load(text).variants[0].cache == cache
    else:
        assert "is no Cache-Control such as 'public, max-age=60'" in faults(text)[0]


def test_every_fault_of_a_file_is_said_at_once_by_its_path():
    text = """
    color = "red"

    [variants.phone]
    width = 0
    quality = 300
    qualty = 80
    fit = "stretch"
    background = "white"
    watermark = "mark"

    [variants."Ph/one"]
    width = 9

    [watermarks.mine]
    text = "a"
    logo = "logos/none.png"
    scale = "big"

    [limits]
    frames = 0

    [limits.pixels]
    jpg = 5
    """

    assert set(faults(text)) == {
        "color: is no setting",
        "variants.phone.width: 0 is not in 1..16383",
        "variants.phone.quality: 300 is not in 1..100",
        "variants.phone.qualty: is no setting; did you mean quality?",
        "variants.phone.fit: 'stretch' is not one of inside, cover, pad",
        'variants.phone.background: \'white\' is not a color such as "#1e90ff", "#1e90ff80" or "transparent"',
        "variants.phone.watermark: there is no [watermarks.mark]",
        "variants.Ph/one: 'Ph/one' is not lower-case letters, digits, - and _; it becomes a part of keys",
        "watermarks.mine: give a text or a logo, and not both",
        "watermarks.mine.logo: 'logos/none.png' cannot be read: No such file or directory",
        "watermarks.mine.scale: 'big' is not in 0.01..1",
        "limits.frames: 0 is not in 1..1000000",
        "limits.pixels.jpg: is no setting; did you mean jpeg?",
    }


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("width = true", "variants.phone.width: True is not in 1..16383"),
        ("width = 4.5", "variants.phone.width: 4.5 is not in 1..16383"),
        ('width = "480"', "variants.phone.width: '480' is not in 1..16383"),
        ("width = 16384", "variants.phone.width: 16384 is not in 1..16383"),
        ("effort = 10", "variants.phone.effort: 10 is not in 0..9"),
        ('progressive = "yes"', "variants.phone.progressive: 'yes' is not true or false"),
        ("metadata = true", "variants.phone.metadata: True is not one of strip, copyright"),
        ('format = "gif"', "variants.phone.format: 'gif' is not one of keep, jpeg, png, webp, avif"),
        ('format = ["png"]', "variants.phone.format: ['png'] is not one of keep, jpeg, png, webp, avif"),
        ("background = 7", None),
        ('background = "#12345"', None),
        ("watermark = 5", "variants.phone.watermark: 5 is not a text"),
    ],
)
def test_a_value_of_a_wrong_kind_is_said_with_what_may_stand_there(setting, fault):
    found = faults(f"[variants.phone]\n{setting}\nheight = 9")

    assert len(found) == 1
    assert found[0] == fault or (fault is None and found[0].startswith("variants.phone.background: "))


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ('fit = "cover"', "fit"),
        ('gravity = "top"', "gravity"),
        ('format = "png"\nquality = 80', "quality"),
        ('format = "jpeg"\neffort = 4', "effort"),
        ('format = "webp"\nprogressive = true', "progressive"),
        ('format = "avif"\nhdr = "keep"', "hdr"),
        ('format = "jpeg"\nbackground = "transparent"', "background"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, path):
    (found,) = faults(f"{PHONE}{settings}")

    assert found.startswith(f"variants.phone.{path}: ")


def test_a_variant_needs_a_side():
    assert faults("[variants.phone]\n") == ("variants.phone.width: give a width, a height or both",)


def test_a_recipe_needs_a_variant():
    assert faults("") == ("variants: there are none; add a table such as [variants.phone] or [ladders.photo]",)


@pytest.mark.parametrize(
    "text", ["variants = 5", "variants = []", f"{PHONE}[limits]\npixels = 3", "[variants]\nphone = 480"]
)
def test_a_value_where_a_table_belongs_is_said(text):
    assert any("is not a table" in fault for fault in faults(text))


def test_what_is_no_toml_is_said_with_its_place():
    (found,) = faults("[variants.phone\nwidth = 3")

    assert found.startswith("not a TOML file: ")
    assert "line 1" in found


@pytest.mark.parametrize("setting", ["text = ''", "text = '  '", "text = 5", "", "logo = ''"])
def test_a_watermark_needs_a_text_or_a_logo(setting):
    assert faults(f"{PHONE}[watermarks.mark]\n{setting}")


def test_a_logo_is_read_from_its_folder(folder):
    recipe = load(f'{PHONE}watermark = "mark"\n[watermarks.mark]\nlogo = "logos/mark.png"', folder=folder)

    watermark = recipe.variants[0].watermark
    assert watermark is not None
    assert watermark.logo == (folder / "logos" / "mark.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["secret.png", "logos/../secret.png", "/etc/hostname", "../secret.png", "logos/\\u0000"]
)
def test_a_logo_is_never_read_from_elsewhere(folder, name):
    found = faults(f'{PHONE}[watermarks.mark]\nlogo = "{name}"', folder=folder)

    assert len(found) == 1
    assert found[0].startswith("watermarks.mark.logo: ")


@pytest.mark.parametrize(
    "damage",
    [
        lambda png: b"GIF89a" + png,
        lambda png: png[:-6],
        lambda png: png[:8] + b"\0\0\0\4CgBI" + bytes(8) + png[8:],  # Apple's own form
        lambda png: b"",
    ],
)
def test_a_logo_is_a_whole_png(folder, damage):
    logo = folder / "logos" / "mark.png"
    logo.write_bytes(damage(logo.read_bytes()))

    assert faults(f'{PHONE}[watermarks.mark]\nlogo = "logos/mark.png"', folder=folder) == (
        "watermarks.mark.logo: 'logos/mark.png' is not a whole PNG file",
    )


def test_colors_are_for_texts(folder):
    (found,) = faults(f'{PHONE}[watermarks.mark]\nlogo = "logos/mark.png"\ncolor = "#ffffff"', folder=folder)

    assert found == "watermarks.mark.logo: color and outline are for a text"


def test_a_broken_watermark_is_said_once_and_not_again_for_each_variant_that_carries_it():
    assert len(faults(f'{PHONE}watermark = "mark"\n[watermarks.mark]\ntext = "a"\nscale = 9')) == 1


def test_limits_are_those_of_the_file_and_the_defaults():
    recipe = load(f"{PHONE}[limits]\nbytes = 5\n[limits.pixels]\npng = 7")

    assert (recipe.limits.max_bytes, recipe.limits.max_frames) == (5, 1_000)
    assert recipe.limits.max_pixels["png"] == 7
    assert recipe.limits.max_pixels["jpeg"] == 250_000_000


def test_the_limits_that_ship_are_the_defaults():
    assert load((ROOT / "recipe.toml").read_text(encoding="utf-8")).limits == load(PHONE).limits
