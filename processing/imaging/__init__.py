"""Bytes to variants."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from processing.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from processing.imaging.model import Rendered, RenderedVariant, Source
from processing.recipe import Recipe

__all__ = ["Rendered", "RenderedVariant", "Source", "render"]

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF", "BMP")
SHOWN = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "GIF": "gif"}


def render(data: bytes, recipe: Recipe) -> Rendered:
    """Make every variant of a recipe.

    Raises:
        UnsupportedFormat, CorruptImage, ImageTooLarge: the bytes are at fault.
    """
    if len(data) > recipe.limits.max_bytes:
        raise ImageTooLarge(f"{len(data):,} bytes; the limit is {recipe.limits.max_bytes:,}")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnsupportedFormat("not an image in a format that is accepted") from error
    image_format, mode = (image.format or "").replace("MPO", "JPEG"), image.mode
    if image.width * image.height > recipe.limits.max_pixels[image_format.lower()]:
        raise ImageTooLarge(f"{image.width} x {image.height} pixels")
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise CorruptImage(str(error)) from error
    shown = ImageOps.exif_transpose(image)
    transparent = shown.has_transparency_data
    shown = shown.convert("RGBA" if transparent else "RGB")
    variants = []
    for spec in recipe.variants:
        kept = SHOWN.get(image_format, "png" if transparent else "jpeg")
        output = kept if spec.format == "keep" else spec.format
        made = shown.copy()
        made.thumbnail((spec.width or 16383, spec.height or 16383))
        if transparent and output == "jpeg":
            flat = Image.new("RGB", made.size, spec.background[:3])
            flat.paste(made, mask=made)
            made = flat
        made.info = {}
        out = io.BytesIO()
        made.save(out, output, **({"quality": spec.quality or 82} if output in ("jpeg", "webp", "avif") else {}))
        variants.append(RenderedVariant(spec.name, output, f"image/{output}", made.width, made.height, out.getvalue()))
    source = Source(image_format.lower(), mode, shown.width, shown.height, transparent, 1, None)
    return Rendered(source, tuple(variants), ())
