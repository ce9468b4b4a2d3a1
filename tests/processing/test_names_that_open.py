"""Objects whose keys name a format that is never written, through the worker and the engine."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from processing import imaging
from processing.events import ObjectCreated, ObjectRemoved
from processing.ledger import Record, VariantRecord, Version
from processing.outcome import Kind
from processing.recipe import Color, load
from tests.builders import UPLOADS, changed
from tests.imaging.making import opened
from tests.processing.test_worker import LATER, ONCE, Lab

HEIC = (Path(__file__).parents[1] / "imaging" / "golden" / "portrait.heic").read_bytes()
KEEP = load((Path(__file__).parents[2] / "recipe.toml").read_text(encoding="utf-8"))
RED = Color(200, 30, 30)
KEPT = changed(KEEP, "desktop", "tablet", "phone", background=RED)


def picture(kind: str, *, alpha: int = 255) -> bytes:
    out = io.BytesIO()
    mode = "RGB" if alpha == 255 else "RGBA"
    Image.new(mode, (40, 30), (20, 90, 120, alpha)[: len(mode)]).save(out, kind)
    return out.getvalue()


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.worker = replace(lab.worker, render=imaging.render, recipe=KEPT)
    return lab


def keys(name: str) -> set[str]:
    return {f"{variant}/{name}" for variant in ("desktop", "tablet", "phone")}


def recorded(lab: Lab, event: ObjectCreated) -> tuple[VariantRecord, ...]:
    """The variants in the record of a finished version."""
    record = lab.ledger.claim(Version(event.bucket, event.key, event.etag), LATER)
    assert isinstance(record, Record)
    return record.variants


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("photo.heic", HEIC),
        ("PHOTO.HEIC", HEIC),
        ("scan.tiff", picture("TIFF")),
        ("old.bmp", picture("BMP")),
        ("photo.heic", picture("PNG", alpha=100)),
        ("photo.heic", picture("GIF")),
        ("photo.heic.jpg", picture("PNG")),
    ],
    ids=["heic", "HEIC", "tiff", "bmp", "heic that is a PNG", "heic that is a GIF", "heic.jpg that is a PNG"],
)
def test_every_variant_is_a_jpeg_under_a_jpegs_name(lab: Lab, key: str, body: bytes) -> None:
    event = lab.upload(body, f"images/{key}")
    lab.worker.handle(event, ONCE)

    assert lab.store.variants.keys() == keys(f"{key}.jpg")
    for variant in lab.store.variants.values():
        assert variant.content_type == "image/jpeg"
        assert opened(variant.body).format == "JPEG"
    assert [(made.format, made.key) for made in recorded(lab, event)] == [
        ("jpeg", f"{name}/{key}.jpg") for name in ("desktop", "tablet", "phone")
    ]


def test_transparency_lies_on_the_recipes_background_and_is_recorded_as_lost(lab: Lab) -> None:
    event = lab.upload(picture("TIFF", alpha=0), "images/scan.tif")
    lab.worker.handle(event, ONCE)
    (pixel,) = {opened(each.body).getpixel((5, 5)) for each in lab.store.variants.values()}

    assert max(abs(level - wanted) for level, wanted in zip(pixel, RED[:3], strict=True)) < 4
    assert lab.item(event)["lost"] == ["transparency"]


def test_a_key_of_a_written_format_keeps_its_name_and_the_originals_format(lab: Lab) -> None:
    lab.worker.handle(lab.upload(picture("TIFF", alpha=0), "images/logo.png"), ONCE)
    lab.worker.handle(lab.upload(HEIC, "images/cat.png"), LATER)

    assert {key: made.content_type for key, made in lab.store.variants.items()} == {
        **dict.fromkeys(keys("logo.png"), "image/png"),
        **dict.fromkeys(keys("cat.png"), "image/jpeg"),
    }


def test_neighbors_whose_names_continue_each_other_keep_apart(lab: Lab) -> None:
    colors = {name: picture("BMP" if name.endswith("bmp") else "JPEG") for name in ("a.bmp", "a.bmp.jpg")}
    for name, body in colors.items():
        lab.worker.handle(lab.upload(body, f"images/{name}"), ONCE)
    lab.store.remove("images/a.bmp")

    lab.worker.handle(ObjectRemoved(UPLOADS, "images/a.bmp"), LATER)

    assert lab.store.variants.keys() == keys("a.bmp.jpg.jpg")


def test_an_overwrite_with_another_format_leaves_nothing_behind(lab: Lab) -> None:
    lab.worker.handle(lab.upload(HEIC, "images/photo.heic"), ONCE)
    newer = lab.upload(picture("PNG", alpha=100), "images/photo.heic")
    lab.worker.handle(newer, LATER)

    assert lab.store.variants.keys() == keys("photo.heic.jpg")
    assert {made.source_etag for made in lab.store.variants.values()} == {newer.etag}


def test_a_recipe_that_changes_from_keep_to_jpeg_makes_nothing_anew(lab: Lab) -> None:
    event = lab.upload(HEIC, "images/photo.heic")
    lab.worker.handle(event, ONCE)

    assert lab.worker.handle(event, LATER).kind == Kind.DUPLICATE
    assert replace(lab.worker, recipe=KEPT.in_jpeg()).handle(event, LATER).kind == Kind.DUPLICATE


def test_a_variant_that_was_kept_as_a_png_is_made_anew(lab: Lab) -> None:
    """Its fingerprint is of a JPEG that is meant: never that of a format which the content decided."""
    event = lab.upload(picture("PNG"), "images/photo.heic")
    lab.worker.handle(event, ONCE)
    kept = {spec.fingerprint(output) for spec in KEPT.variants for output in ("jpeg", "png", "webp", "avif", "gif")}

    assert not kept & {made.fingerprint for made in lab.store.variants.values()}
