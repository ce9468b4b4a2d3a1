"""Every kind of file that is uploaded: one builder each, in `BUILDERS`; each file is made once a process."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from tests.corpus import files, metadata, pictures, profiles
from tests.corpus.metadata import NOTICE, secret
from tests.corpus.pictures import corners, cut_out, laid, scene, stamped_out

DURATIONS: Final = (40, 120, 200)
TRAILER: Final = secret("trailer")  # bytes behind the end of a file


@dataclass(frozen=True, slots=True)
class Sample:
    """A file; its name begins with its format."""

    name: str
    data: bytes

    @property
    def image_format(self) -> str:
        return self.name.split("-")[0]

    @property
    def moves(self) -> bool:
        return "animated" in self.name

    @property
    def transparent(self) -> bool:
        return "alpha" in self.name


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def jpeg(image: Image.Image | None = None, *, orientation: int = 1, icc: bytes | None = None, **options: Any) -> bytes:
    """A JPEG of quality 95 with secrets in EXIF, thumbnail, XMP, IPTC, comment, profile and behind its end."""
    options = {"quality": 95, "exif": metadata.exif(orientation), "comment": secret("comment"), **options}
    data = saved(image or scene(), "JPEG", icc_profile=icc or b"", xmp=metadata.xmp(), **options)
    return files.with_segments(data, (0xED, b"Photoshop 3.0\0" + metadata.photoshop())) + TRAILER


def png(image: Image.Image | None = None, *, orientation: int = 1, **options: Any) -> bytes:
    """A PNG with secrets in its three kinds of text, EXIF, XMP and profile."""
    texts = PngInfo()
    texts.add_text("Author", secret("author").decode())
    texts.add_text("Comment", secret("compressed").decode(), zip=True)
    texts.add_itxt("Title", secret("title").decode(), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", metadata.xmp().decode())
    options = {"icc_profile": profiles.srgb(), "exif": metadata.exif(orientation), **options}
    return saved(image or scene(), "PNG", pnginfo=texts, **options) + TRAILER


def handmade_png(image: Image.Image, **options: Any) -> bytes:
    chunks = [(b"tEXt", b"Author\0" + secret("author")), (b"eXIf", metadata.tiff_block())]
    return files.png(image, chunks=chunks, **options) + TRAILER


def webp(image: Image.Image | None = None, *, orientation: int = 1, **options: Any) -> bytes:
    hidden = {"exif": metadata.exif(orientation), "xmp": metadata.xmp(), "icc_profile": profiles.srgb()}
    return saved(image or scene(), "WEBP", **{"quality": 95, **hidden, **options})


def avif(image: Image.Image | None = None, *, orientation: int = 1, **options: Any) -> bytes:
    hidden = {"exif": metadata.exif(orientation), "xmp": metadata.xmp(), "icc_profile": profiles.srgb()}
    fast = {"speed": 10, "max_threads": 1, "subsampling": "4:4:4"}
    return saved(image or scene(), "AVIF", **{"quality": 95, **fast, **hidden, **options})


def gif(image: Image.Image | None = None, **options: Any) -> bytes:
    data = saved(image or scene().quantize(200), "GIF", comment=secret("comment"), **options)
    return files.with_blocks(data, 0xFF, b"XMP DataXMP", metadata.xmp())


def tiff(image: Image.Image | None = None, *, orientation: int = 1, **options: Any) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x010E], tags[0x013B], tags[0x8298] = secret("description").decode(), secret("artist").decode(), NOTICE
    for tag, content in ((700, metadata.xmp()), (33723, metadata.iptc()), (34377, metadata.photoshop())):
        tags.tagtype[tag] = 7
        tags[tag] = content
    tags[0x0112] = orientation
    if "compression" not in options:  # libtiff, through which Pillow compresses, takes no directory of GPS
        tags[0x8825] = {18: secret("gpsdatum").decode()}
    return saved(image or scene(), "TIFF", tiffinfo=tags, **options) + TRAILER


def mpo(marker: bytes = b"") -> bytes:
    """Two pictures in one JPEG; with the ``marker`` of a gain map the second one is taken for one."""
    second = scene(shift=20)
    return saved(
        scene(),
        "MPO",
        save_all=True,
        append_images=[second],
        quality=95,
        exif=metadata.exif(),
        comment=secret("comment"),
        xmp=metadata.xmp() + marker,
    )


def film(make: Callable[[int], Image.Image]) -> tuple[Image.Image, dict[str, Any]]:
    """Three frames that take `DURATIONS`, and play four times as Pillow counts for their format."""
    first, *others = (make(shift) for shift in (0, 22, -30))
    return first, {"save_all": True, "append_images": others, "duration": list(DURATIONS), "loop": 3}


def _animated(make: Callable[..., bytes], frame: Callable[[int], Image.Image]) -> bytes:
    first, options = film(frame)
    return make(first, **options)


def _deep_gray() -> Image.Image:
    ramp = Image.linear_gradient("L").resize(pictures.SIZE)
    return Image.frombytes("I;16", ramp.size, bytes(part for value in ramp.tobytes() for part in (255 - value, value)))


BUILDERS: Final[Mapping[str, Callable[[], bytes]]] = {
    "jpeg-baseline": jpeg,
    "jpeg-progressive": lambda: jpeg(progressive=True),
    "jpeg-subsampled": lambda: jpeg(subsampling=2),
    "jpeg-gray": lambda: jpeg(scene().convert("L")),
    "jpeg-gray-profile": lambda: jpeg(scene().convert("L"), icc=profiles.gray()),
    "jpeg-cmyk": lambda: jpeg(scene().convert("CMYK")),
    "jpeg-cmyk-profile": lambda: jpeg(scene().convert("CMYK"), icc=profiles.press()),
    "jpeg-adobe-rgb": lambda: jpeg(icc=profiles.adobe_rgb()),
    "jpeg-p3": lambda: jpeg(icc=profiles.display_p3()),
    "jpeg-srgb": lambda: jpeg(icc=profiles.srgb()),
    "jpeg-mpo": mpo,
    "jpeg-gain-map": lambda: mpo(b"http://ns.adobe.com/hdr-gain-map/1.0/"),
    "png-rgb": png,
    "png-alpha": lambda: png(cut_out()),
    "png-gray": lambda: png(scene().convert("L"), icc_profile=b""),
    "png-gray-alpha": lambda: png(cut_out().convert("LA"), icc_profile=b""),
    "png-bit": lambda: png(scene().convert("1"), icc_profile=b""),
    "png-palette": lambda: png(scene().quantize(200)),
    "png-palette-alpha": lambda: png(scene().quantize(200), transparency=bytes(range(56, 256))),
    "png-color-key-alpha": lambda: png(scene(), transparency=(250, 20, 20)),
    "png-interlaced": lambda: handmade_png(scene(), interlaced=True),
    "png-interlaced-alpha": lambda: handmade_png(cut_out(), interlaced=True),
    "png-deep": lambda: handmade_png(scene(), deep=True),
    "png-deep-alpha": lambda: handmade_png(cut_out(), deep=True),
    "png-deep-gray": lambda: handmade_png(scene().convert("L"), deep=True),
    "png-deep-gray-alpha": lambda: handmade_png(cut_out().convert("LA"), deep=True),
    "png-animated": lambda: _animated(png, lambda shift: scene(shift=shift)),
    "png-animated-alpha": lambda: _animated(png, lambda shift: cut_out(shift=shift)),
    "gif-still": gif,
    "gif-alpha": lambda: gif(stamped_out()),
    "gif-animated": lambda: _animated(gif, lambda shift: scene(shift=shift).quantize(200)),
    "gif-animated-alpha": lambda: _animated(gif, lambda shift: stamped_out(shift=shift)),
    "webp-lossy": webp,
    "webp-lossless": lambda: webp(lossless=True),
    "webp-alpha": lambda: webp(cut_out()),
    "webp-animated": lambda: _animated(webp, lambda shift: scene(shift=shift)),
    "webp-animated-alpha": lambda: _animated(webp, lambda shift: cut_out(shift=shift)),
    "avif-still": avif,
    "avif-subsampled": lambda: avif(subsampling="4:2:0"),
    "avif-alpha": lambda: avif(cut_out()),
    "avif-animated": lambda: _animated(avif, lambda shift: scene(shift=shift)),
    "tiff-rgb": tiff,
    "tiff-alpha": lambda: tiff(cut_out()),
    "tiff-lzw": lambda: tiff(compression="tiff_lzw"),
    "tiff-jpeg": lambda: tiff(compression="jpeg", quality=95),
    "tiff-cmyk": lambda: tiff(scene().convert("CMYK")),
    "tiff-cmyk-profile": lambda: tiff(scene().convert("CMYK"), icc_profile=profiles.press()),
    "tiff-palette": lambda: tiff(scene().quantize(200)),
    "tiff-bit": lambda: tiff(scene().convert("1")),
    "tiff-deep-gray": lambda: tiff(_deep_gray()),
    "tiff-pages": lambda: tiff(save_all=True, append_images=[scene(shift=12)]),
    "bmp-rgb": lambda: saved(scene(), "BMP") + TRAILER,
    "bmp-palette": lambda: saved(scene().quantize(200), "BMP") + TRAILER,
}

ORIENTED: Final[Mapping[str, Callable[..., bytes]]] = {
    "jpeg": lambda image, **options: jpeg(image, subsampling=0, **options),
    "png": png,
    "webp": webp,
    "tiff": tiff,
    "avif": avif,
}
"""The formats that can say how they are to be turned."""


@cache
def sample(name: str) -> Sample:
    return Sample(name, BUILDERS[name]())


def samples() -> Iterator[Sample]:
    return (sample(name) for name in BUILDERS)


@cache
def oriented(image_format: str, orientation: int) -> Sample:
    """A picture that is shown as `corners`, stored as EXIF's orientation has it."""
    data = ORIENTED[image_format](laid(corners(), orientation), orientation=orientation)
    return Sample(f"{image_format}-oriented-{orientation}", data)
