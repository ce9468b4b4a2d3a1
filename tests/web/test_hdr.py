"""Chromium takes a variant's gain map for what it is: it shows on an HDR screen, and nowhere else."""

import base64
import io

import pytest
from PIL import Image, ImageChops

from tests.corpus.gain_maps import original
from tests.imaging.making import made
from tests.web.browsing import chromium

SIZE = (320, 240)
SETTLED = 900  # milliseconds; before, and where CSS scales a picture, two shots of one picture may differ


@pytest.fixture(scope="module", params=[True, False], ids=["hdr", "sdr"])
def screen(request, browser):
    """A browser on a screen of either kind."""
    arguments = ["--no-sandbox", *(["--force-color-profile=hdr10"] if request.param else [])]
    launched = browser.browser_type.launch(executable_path=chromium(), args=arguments)
    yield launched
    launched.close()


def shown(screen, jpeg):
    """Whether the screen is one for HDR, and what it shows of the picture at its natural size."""
    page = screen.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
    page.set_content(f'<body style="margin: 0"><img src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">')
    page.evaluate("document.images[0].decode()")
    page.wait_for_timeout(SETTLED)
    high = page.evaluate("matchMedia('(dynamic-range: high)').matches")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    return high, shot


@pytest.mark.parametrize("kind", ["ultra-hdr", "iso-colored", "iphone"])
def test_a_variant_differs_from_the_one_without_its_map_on_an_hdr_screen_alone(screen, kind):
    data = original(kind, (640, 480))

    (high, with_map), (_, without) = (
        shown(screen, made(data, width=SIZE[0], hdr=hdr).data) for hdr in ("keep", "drop")
    )

    levels = ImageChops.difference(with_map, without).convert("L").histogram()
    different = sum(levels[1:]) / sum(levels)
    assert different > 0.5 if high else different == 0


def test_both_screens_are_what_they_claim(screen, request):
    is_hdr = "hdr" in request.node.callspec.id

    assert shown(screen, made(original("iso"), width=SIZE[0]).data)[0] is is_hdr
