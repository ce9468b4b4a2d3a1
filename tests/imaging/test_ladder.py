"""What a ladder makes of an original that does not reach all of its widths."""

import io

from PIL import Image

from api.picture import picture_of
from processing.imaging import render
from processing.ledger import VariantRecord
from processing.recipe import load

LADDER = load('[ladders.photo]\nwidths = [480, 960, 1600]\nformats = ["avif", "webp", "jpeg"]')


def test_every_key_is_written_whatever_the_size_and_a_srcset_names_each_real_width_once() -> None:
    original = io.BytesIO()
    Image.linear_gradient("L").resize((700, 525)).save(original, "JPEG")

    variants = render(original.getvalue(), LADDER).variants

    assert [(each.name, each.width) for each in variants] == [
        *((f"photo-480-{name}", 480) for name in ("avif", "webp", "jpeg")),
        *((f"photo-960-{name}", 700) for name in ("avif", "webp", "jpeg")),
        *((f"photo-1600-{name}", 700) for name in ("avif", "webp", "jpeg")),
    ]
    records = [VariantRecord(each.name, each.name, each.format, each.width, each.height, 9) for each in variants]
    srcset = picture_of(records, lambda each: each.name, "100vw")["srcset"]
    assert srcset["image/avif"] == "photo-480-avif 480w, photo-960-avif 700w"
    assert srcset["image/jpeg"] == "photo-480-jpeg 480w, photo-960-jpeg 700w"
