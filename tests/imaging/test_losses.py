"""What no variant can keep is said by name, and nothing else is."""

import struct
from typing import Any

import pytest
from PIL import Image

from processing.imaging import Header
from processing.imaging.exif import Metadata
from processing.imaging.losses import losses
from processing.imaging.original import Original
from tests.corpus import sample, samples
from tests.corpus.files import chunk, with_segments
from tests.corpus.pictures import scene
from tests.corpus.samples import BUILDERS, saved
from tests.imaging.making import rendered

MANIFEST = b"jumb\0\0\0\x1ejumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\0"
LOSSES = {
    "jpeg-adobe-rgb": ("wide_gamut",),
    "jpeg-p3": ("wide_gamut",),
    "jpeg-mpo": ("extra_images",),
    "jpeg-gain-map": ("hdr_gain_map",),
    "png-deep": ("bit_depth",),
    "png-deep-alpha": ("bit_depth",),
    "png-deep-gray": ("bit_depth",),
    "png-deep-gray-alpha": ("bit_depth",),
    "tiff-deep-gray": ("bit_depth",),
    "tiff-pages": ("pages",),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_each_sample_loses_what_it_has_and_no_more(name):
    assert rendered(sample(name).data).lost == LOSSES.get(name, ())


def test_every_named_sample_exists():
    assert LOSSES.keys() <= {each.name for each in samples()}


def test_a_manifest_of_origin_is_lost_from_every_container():
    jpeg, png, webp, tiff = (saved(scene(), kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF"))
    signed = {
        "jpeg": with_segments(jpeg, (0xEB, b"JP\0\1\0\0\0\1\0\0\0\x40" + MANIFEST)),
        "png": png[:33] + chunk(b"caBX", MANIFEST) + png[33:],
        "webp": webp[:4] + struct.pack("<I", len(webp) + len(MANIFEST)) + webp[8:] + _riff(MANIFEST),
        "tiff": tiff + MANIFEST,
    }

    assert {name: rendered(data).lost for name, data in signed.items()} == dict.fromkeys(signed, ("c2pa",))
    assert rendered(jpeg).lost == ()


@pytest.mark.parametrize(("output", "lost"), [("jpeg", ("transparency",)), ("png", ()), ("webp", ()), ("keep", ())])
def test_transparency_is_lost_in_a_jpeg_alone(output, lost):
    transparent = saved(Image.new("RGBA", (40, 30), (200, 30, 30, 128)), "PNG")

    assert rendered(transparent, format=output).lost == lost
    assert rendered(saved(scene(), "PNG"), format=output).lost == ()


def test_words_about_a_manifest_are_none():
    assert rendered(saved(scene(), "JPEG", comment=b"c2pa manifest")).lost == ()
    assert rendered(saved(scene(), "JPEG", comment=MANIFEST)).lost == ()


@pytest.mark.parametrize(
    ("primaries", "transfer", "lost"), [(1, 16, ("hdr",)), (9, 18, ("hdr", "wide_gamut")), (1, 13, ())]
)
def test_a_png_says_by_its_code_points_that_it_is_hdr(primaries, transfer, lost):
    png = saved(scene(), "PNG")
    marked = png[:33] + chunk(b"cICP", bytes((primaries, transfer, 0, 1))) + png[33:]

    assert rendered(marked).lost == lost


@pytest.mark.parametrize(("transfer", "lost"), [(16, ("hdr",)), (18, ("hdr",))])
def test_an_avif_says_by_its_color_box_that_it_is_hdr(transfer, lost):
    avif = saved(scene(), "AVIF", speed=10, max_threads=1)
    at = avif.index(b"colrnclx") + 10
    marked = avif[:at] + struct.pack(">H", transfer) + avif[at + 2 :]

    assert rendered(avif).lost == ()
    assert rendered(marked).lost == lost


@pytest.mark.parametrize("marker", [b"urn:iso:std:iso:ts:21496:-1", b"http://ns.apple.com/HDRGainMap/1.0/"])
def test_the_other_names_of_a_gain_map_are_known(marker):
    two = saved(scene(), "MPO", save_all=True, append_images=[scene(shift=9)], xmp=marker)

    assert rendered(two).lost == ("hdr_gain_map",)


@pytest.mark.parametrize("maker", [b"com:apple:photo:2020", b"com:samsung:photo:2024"])
def test_a_gain_map_is_seen_in_a_heic_of_either_maker(maker):
    heic = b"urn:" + maker + b":aux:hdrgainmap\0" + bytes(16) + b"mdat"

    assert losses(_heic_of(heic)) == {"hdr_gain_map"}
    assert losses(_heic_of(heic.replace(b"gainmap", b"another"))) == set()
    assert losses(_heic_of(b"mdat" + heic)) == set()


def _heic_of(data):
    """A HEIC with these boxes, as it is when it was opened."""
    header = Header("heic", "RGB", 1, 1, 1, progressive=False)
    image: Any = Image.new("RGB", (1, 1))
    return Original(data, header, image, Metadata(), None, None)


def _boxed(across: int, down: int) -> bytes:
    """An AVIF with a box of its pixels' form, in place of one that nothing needs."""
    data = saved(scene(), "AVIF", speed=10, max_threads=1)
    at = data.index(b"pixi")
    return data[:at] + b"pasp" + struct.pack(">II", across, down) + data[at + 12 :]


def _gif(aspect: int) -> bytes:
    data = bytearray(saved(scene().quantize(60), "GIF"))
    data[12] = aspect
    return bytes(data)


FORMS = {
    "a fax": lambda across, down: saved(scene().convert("1"), "TIFF", dpi=(across, down)),
    "a JPEG": lambda across, down: saved(scene(), "JPEG", dpi=(across, down)),
    "a PNG": lambda across, down: saved(scene(), "PNG", dpi=(across, down)),
    "a BMP": lambda across, down: saved(scene(), "BMP", dpi=(across, down)),
    "an AVIF": lambda across, down: _boxed(across, down),
    "a GIF": lambda across, down: _gif(49 if across == down else 17),
}


@pytest.mark.parametrize("name", FORMS)
def test_pixels_that_are_not_square_are_shown_as_if_they_were_and_said(name):
    assert rendered(FORMS[name](204, 98)).lost == ("pixel_aspect",)
    assert rendered(FORMS[name](204, 204)).lost == ()


def test_a_density_of_nothing_says_nothing():
    jpeg = bytearray(saved(scene(), "JPEG"))
    at = jpeg.index(b"JFIF") + 8

    for density in ((0, 0), (0, 1), (72, 0), (300, 301)):
        jpeg[at : at + 4] = struct.pack(">HH", *density)
        assert rendered(bytes(jpeg)).lost == ()


def _riff(content: bytes) -> bytes:
    return b"C2PA" + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
