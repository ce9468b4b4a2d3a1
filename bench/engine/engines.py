"""The measured Python engines, each written well. A job in, the bytes of every variant out."""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image, ImageOps, ImageSequence

from bench.engine.classes import Job, recipe

Variants = dict[str, bytes]
SRGB = b"sRGB"  # in the names of such profiles, and in place of one that is missing


def darkroom(job: Job, data: bytes) -> Variants:
    """This engine."""
    from processing.imaging import render

    rendered = render(data, _recipe(marked=bool(job.marks)))
    return {variant.name: variant.data for variant in rendered.variants}


def naive(job: Job, data: bytes) -> Variants:
    """The usual Python Lambda: decode in full, and make each variant from the original."""
    made = {}
    with Image.open(io.BytesIO(data)) as image:
        upright = [_to_rgb(ImageOps.exif_transpose(frame)) for frame in ImageSequence.all_frames(image)]
    for name, size in job.sizes.items():
        scaled = [frame.resize(size, Image.Resampling.LANCZOS) for frame in upright]
        if name in job.marks:
            _mark(scaled[0], *_opened(job.marks[name]))
        made[name] = _saved(scaled, job)
    return made


def pyvips(job: Job, data: bytes) -> Variants:
    """One shrink-on-load, and each variant from the next larger one."""
    made, larger = {}, None
    for name, (width, height) in job.sizes.items():
        if larger is None:
            larger = _vips_thumbnail(data, width, height, moving=job.moves)
        elif larger.width != width:
            larger = _vips_resized(larger, width, height, moving=job.moves)
        picture = _vips_marked(larger, job.marks[name]) if name in job.marks else larger
        saving = {"jpeg": {"Q": 82, "optimize_coding": True}, "webp": {"Q": 80, "effort": 2}}.get(job.output, {})
        made[name] = picture.write_to_buffer(f".{job.output}", keep="none", **saving)
    return made


def floor(job: Job, data: bytes) -> Variants:
    """The lower bound of any engine with these codecs: the scaled decode and the encodes alone."""
    from processing.imaging.encode import FrameSequence, encode, frame_converter
    from processing.imaging.original import frames, open_original

    films, marked = _finished_films(job, data), _recipe(marked=bool(job.marks))
    original = open_original(data, marked.limits)
    for _ in frames(original, job.sizes["desktop"]):
        pass
    made: dict[tuple[int, int], bytes] = {}  # by size, because variants of one size are the same
    for spec in marked.variants:
        size, pack = job.sizes[spec.name], frame_converter(job.output)
        if size not in made:
            film = films[spec.name]
            packed = FrameSequence([pack(frame) for frame in film.frames], film.durations)
            made[size] = encode(packed, job.output, spec, None)
    return {name: made[size] for name, size in job.sizes.items()}


ENGINES: dict[str, Callable[[Job, bytes], Variants]] = {
    "darkroom": darkroom,
    "naive": naive,
    "pyvips": pyvips,
    "floor": floor,
}
_finished: dict[str, Any] = {}


def _finished_films(job: Job, data: bytes) -> Any:
    """The finished pictures of a job, made outside the measurement, in the warm-up."""
    if job.name not in _finished:
        from processing.imaging.encode import FrameSequence

        _finished.clear()
        films = {}
        for name, content in darkroom(job, data).items():
            with Image.open(io.BytesIO(content)) as image:
                pictures = []
                for number in range(getattr(image, "n_frames", 1)):
                    image.seek(number)
                    pictures.append(image.convert("RGBA" if image.has_transparency_data else "RGB"))
            films[name] = FrameSequence(pictures, [60] * len(pictures))
        _finished[job.name] = films
    return _finished[job.name]


@cache
def _recipe(*, marked: bool) -> Any:
    return recipe(marked=marked)


@cache
def _opened(mark: tuple[str, int, int]) -> tuple[Image.Image, int, int]:
    with Image.open(mark[0]) as image:
        return image.convert("RGBA"), mark[1], mark[2]


@cache
def _vips_mark(mark: tuple[str, int, int]) -> tuple[Any, int, int]:
    import pyvips as vips

    return vips.Image.new_from_file(mark[0]).copy(interpretation="srgb").copy_memory(), mark[1], mark[2]


def _vips_thumbnail(data: bytes, width: int, height: int, *, moving: bool) -> Any:
    """Read from top to bottom, as thumbnail_buffer always does; colors are converted where they are not in sRGB."""
    import pyvips as vips

    header = vips.Image.new_from_buffer(data, "", access="sequential")
    profile = header.get("icc-profile-data") if header.get_typeof("icc-profile-data") else SRGB
    is_srgb = any("sRGB".encode(encoding) in profile for encoding in ("latin-1", "utf-16-be"))
    colors = {} if is_srgb else {"output_profile": "srgb", "intent": "perceptual"}
    frames = {"option_string": "n=-1"} if moving else {}
    return vips.Image.thumbnail_buffer(data, width, height=height, size="down", **colors, **frames).copy_memory()


def _vips_marked(image: Any, described: tuple[str, int, int]) -> Any:
    mark, left, top = _vips_mark(described)
    under = image.crop(left, top, mark.width, mark.height)
    marked = under.composite2(mark, "over").cast("uchar")
    return image.insert(marked if image.hasalpha() else marked[:3], left, top)


def _vips_resized(image: Any, width: int, height: int, *, moving: bool) -> Any:
    if not moving:
        return image.resize(width / image.width, vscale=height / image.height).copy_memory()
    pages = image.get("n-pages")
    scaled = image.resize(width / image.width, vscale=height * pages / image.height)
    tall = scaled.copy_memory()
    tall.set("page-height", height)
    return tall


def _to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _mark(image: Image.Image, mark: Image.Image, left: int, top: int) -> None:
    if image.mode == "RGBA":
        image.alpha_composite(mark, (left, top))
    else:
        image.paste(mark, (left, top), mark)


def _saved(frames: list[Image.Image], job: Job) -> bytes:
    out = io.BytesIO()
    moving = {"save_all": True, "append_images": frames[1:], "duration": 60, "loop": 0} if job.moves else {}
    lossy = {"quality": job.quality} if job.quality else {}
    frames[0].save(out, job.output, **lossy, **moving)
    return out.getvalue()
