"""The originals of the classes, made once and kept, and the watermarks of their variants."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

from PIL import Image

from bench.engine import images
from bench.engine.classes import HEADLINE, MARK, QUALITY, Class, Job, sizes_of
from processing.imaging import watermark


@cache
def _scene(megapixels: int, kind: str = "soft") -> Image.Image:
    width, height = {
        2: (1632, 1224),
        12: (4000, 3000),
        24: (6000, 4000),
        48: (8000, 6000),
        80: (10000, 8000),
        100: (11500, 8690),
    }[megapixels]
    detail, grain = {"soft": (0.6, 2), "detailed": (0.7, 7)}[kind]
    return images.scene(width, height, detail=detail, grain=grain)


ORIGINALS: Mapping[str, Callable[[], bytes]] = {
    HEADLINE: lambda: images.jpeg(_scene(12, "detailed")),
    "JPEG 12 MP, detailed, tagged sRGB": lambda: images.srgb_jpeg(_scene(12, "detailed")),
    "JPEG 12 MP, soft": lambda: images.jpeg(_scene(12)),
    "JPEG 2 MP": lambda: images.jpeg(_scene(2)),
    "JPEG 24 MP": lambda: images.jpeg(_scene(24)),
    "JPEG 48 MP": lambda: images.jpeg(_scene(48)),
    "JPEG 12 MP, progressive": lambda: images.jpeg(_scene(12), progressive=True),
    "JPEG 12 MP, CMYK": lambda: images.cmyk_jpeg(_scene(12)),
    "JPEG 12 MP, Adobe RGB": lambda: images.adobe_rgb_jpeg(_scene(12)),
    "PNG 12 MP, RGB": lambda: images.saved(_scene(12), "PNG", compress_level=2),
    "PNG 12 MP, RGBA": lambda: images.saved(images.cut_out(_scene(12)), "PNG", compress_level=2),
    "WebP 12 MP": lambda: images.saved(_scene(12), "WEBP", quality=85, method=2),
    "TIFF 12 MP, LZW": lambda: images.saved(_scene(12), "TIFF", compression="tiff_lzw"),
    "GIF 800 x 600, 24 frames": images.animated_gif,
    "JPEG 100 MP": lambda: images.jpeg(_scene(100)),
    "JPEG 80 MP, progressive": lambda: images.jpeg(_scene(80), progressive=True),
    "PNG 80 MP": lambda: images.saved(_scene(24).resize((10000, 8000), 0), "PNG", compress_level=2),
}


def prepare(each: Class, folder: Path) -> Job:
    """Make the original and draw the watermarks of its variants, unless an earlier run has left them."""
    slug = "".join(c if c.isalnum() else "-" for c in each.name.lower())
    file, described = folder / f"{slug}.original", folder / f"{slug}.json"
    if not described.exists():
        file.write_bytes(ORIGINALS[each.name]())
        with Image.open(io.BytesIO(file.read_bytes())) as image:
            sizes = sizes_of(image.size)
        drawn = sizes if each.marked else {}
        marks = {name: _draw_mark(size, folder / f"{slug}-{name}.png") for name, size in drawn.items()}
        job = Job(each.name, str(file), each.output, QUALITY[each.output], sizes, marks, "frames" in each.name)
        described.write_text(json.dumps(asdict(job)))
    return Job.of(json.loads(described.read_text()))


def _draw_mark(size: tuple[int, int], file: Path) -> tuple[str, int, int]:
    """Draw the watermark as this engine does; all engines use it."""
    marked = watermark.marked(Image.new("RGBA", size), MARK)
    box = marked.getbbox()
    assert box is not None
    marked.crop(box).save(file)
    return str(file), box[0], box[1]
