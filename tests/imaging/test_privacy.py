"""No secret of an original reaches a variant: its raw bytes are searched, and its parts are held against a list."""

import pytest

from tests.corpus import NOTICE, planted_in, sample, samples
from tests.corpus.files import chunk, with_segments
from tests.corpus.metadata import exif, iptc, photoshop
from tests.corpus.pictures import scene
from tests.corpus.samples import BUILDERS, saved
from tests.imaging import anatomy
from tests.imaging.making import FORMATS, made, opened, rendered

COPYRIGHT_TAG = 0x8298
EVERYWHERE = {"artist", "make", "makernote", "usercomment", "gpsdatum", "gpsmethod", "latitude", "xmp", "description"}
HIDDEN = {
    "jpeg": EVERYWHERE | {"thumbnail", "comment"},
    "png": EVERYWHERE - {"xmp"} | {"thumbnail", "author"},
    "webp": EVERYWHERE | {"thumbnail", "profile"},
    "avif": EVERYWHERE | {"profile"},
    "tiff": {"artist", "description", "xmp", "iptc", "trailer"},
    "gif": {"comment", "xmp"},
    "bmp": {"trailer"},
}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_originals_are_full_of_secrets(name):
    original = sample(name)

    assert planted_in(original.data) >= HIDDEN[original.image_format]


def test_every_place_a_secret_can_hide_in_is_planted_somewhere():
    everywhere = set().union(*(planted_in(each.data) for each in samples()))

    assert everywhere == set().union(*HIDDEN.values(), {"title", "compressed"})


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("name", BUILDERS)
def test_no_secret_reaches_a_variant(name, output):
    variant = made(sample(name).data, format=output)

    assert planted_in(variant.data) == set()
    assert NOTICE.encode() not in variant.data
    assert anatomy.metadata(variant.format, variant.data) == set()


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("name", BUILDERS)
def test_of_all_metadata_only_the_copyright_notice_is_kept_when_the_recipe_says_so(name, output):
    original = sample(name)

    result = rendered(original.data, format=output, metadata="copyright")

    (variant,) = result.variants
    told = original.image_format not in ("gif", "bmp")
    kept = told and variant.format != "gif"
    assert planted_in(variant.data) == set()
    assert (NOTICE.encode() in variant.data) is kept
    assert anatomy.metadata(variant.format, variant.data) == (anatomy.COPYRIGHT[variant.format] if kept else set())
    assert ("copyright" in result.lost) is (told and not kept)
    if kept:
        assert dict(opened(variant.data).getexif()) == {COPYRIGHT_TAG: NOTICE}


def test_the_notice_is_found_in_iptc_and_in_a_png_text_too():
    told_in_iptc = with_segments(saved(scene(), "JPEG"), (0xED, b"Photoshop 3.0\0" + photoshop(NOTICE)))
    plain = saved(scene(), "PNG")
    told_in_text = plain[:33] + chunk(b"tEXt", b"Copyright\0" + NOTICE.encode()) + plain[33:]

    for original in (told_in_iptc, told_in_text):
        variant = made(original, metadata="copyright")
        assert dict(opened(variant.data).getexif()) == {COPYRIGHT_TAG: NOTICE}
        assert planted_in(variant.data) == set()
    assert iptc() in told_in_iptc


def test_a_notice_is_cleaned_of_control_characters_and_cut_to_a_length():
    original = saved(scene(), "JPEG", exif=exif(notice="(c)\n\x07 me " + "x" * 2000))

    kept = opened(made(original, metadata="copyright").data).getexif()[COPYRIGHT_TAG]

    assert kept == "(c) me " + "x" * 993


def test_an_original_without_a_notice_has_nothing_to_keep():
    original = saved(scene(), "JPEG", exif=exif(notice=None))

    result = rendered(original, metadata="copyright")

    assert anatomy.metadata("jpeg", result.variants[0].data) == set()
    assert result.lost == ()


def test_a_private_profile_is_used_and_not_handed_on():
    adobe = made(sample("jpeg-adobe-rgb").data, format="png")

    assert "icc_profile" not in opened(adobe.data).info
