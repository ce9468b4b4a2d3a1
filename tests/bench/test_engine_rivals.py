"""The rivals' marks are blended as Pillow blends them, and the search for equal similarity finds the lowest quality."""

import base64
import json
import subprocess
from dataclasses import dataclass

import pytest
from PIL import Image, ImageChops

from bench.runner import PROJECT
from tests.corpus.pictures import holes, scene

PLACE = (11, 7)
BLEND = """
import { blend } from './bench/engine/blending.mjs';
const given = JSON.parse(process.argv[1]);
const picture = { data: Buffer.from(given.data, 'base64'), info: given.info };
const before = Buffer.from(picture.data);
const restore = blend(picture, { ...given.mark, pixels: Buffer.from(given.mark.pixels, 'base64') });
const blended = picture.data.toString('base64');
restore();
console.log(JSON.stringify({ blended, restored: before.equals(picture.data) }));
"""


def blended(picture: Image.Image, mark: Image.Image) -> Image.Image:
    """What the program of sharp's cascade makes of a mark; it must restore the picture after that."""
    info = {"width": picture.width, "channels": len(picture.getbands())}
    described = {"width": mark.width, "height": mark.height, "left": PLACE[0], "top": PLACE[1], "pixels": text(mark)}
    given = json.dumps({"data": text(picture), "info": info, "mark": described})
    command = ["node", "--input-type=module", "-e", BLEND, "--", given]
    answer = json.loads(subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert answer["restored"]
    return Image.frombytes(picture.mode, picture.size, base64.b64decode(answer["blended"]))


def text(picture: Image.Image) -> str:
    return base64.b64encode(picture.tobytes()).decode()


def mark() -> Image.Image:
    made = scene((32, 24)).convert("RGBA")
    made.putalpha(holes(made.size))
    return made


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_mark_is_blended_in_its_region_as_pillow_does(mode: str) -> None:
    picture = scene().convert("RGBA")
    if mode == "RGBA":
        picture.putalpha(holes())
    expected = picture.copy()
    expected.alpha_composite(mark(), PLACE)

    made = blended(picture.convert(mode), mark()).convert("RGBA")

    off = [band.point(lambda level: 255 * (level > 1)) for band in ImageChops.difference(made, expected).split()]
    seen = made.getchannel("A").point(lambda level: 255 * (level > 8))  # below, 8 bits hold no color
    assert all(ImageChops.multiply(band, seen).getbbox() is None for band in off)


@dataclass(frozen=True)
class Made:
    quality: int

    @property
    def ssim(self) -> float:
        return self.quality / 100


@pytest.mark.parametrize(("ssim", "found"), [(0.005, 1), (0.61, 61), (0.615, 62), (1.0, 100)])
def test_the_lowest_quality_that_reaches_a_similarity_is_found(ssim: float, found: int) -> None:
    equal = pytest.importorskip("bench.engine.equal", reason="pip install -r ops/build/locks/bench.txt")

    assert equal.lowest(Made, ssim) == Made(found)


def test_no_quality_is_found_where_none_reaches_it() -> None:
    equal = pytest.importorskip("bench.engine.equal", reason="pip install -r ops/build/locks/bench.txt")

    assert equal.lowest(Made, 1.01) is None
