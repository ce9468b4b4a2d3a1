"""Chromium's own decoder of images: every frame that it shows, its time, and how often they play."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.imaging.making import Played

PLACE = "https://pictures.test/"  # ImageDecoder needs a secure context; answered by Playwright, so never requested
DECODE = """async ([content, type]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const options = { data: bytes, type, premultiplyAlpha: 'none', colorSpaceConversion: 'default' };
    const decoder = new ImageDecoder(options);
    await decoder.tracks.ready;
    await decoder.completed;
    const track = decoder.tracks.selectedTrack;
    const frames = [];
    for (let frameIndex = 0; frameIndex < track.frameCount; frameIndex++) {
        const { image } = await decoder.decode({ frameIndex });
        const pixels = new Uint8Array(image.allocationSize({ format: 'RGBA' }));
        await image.copyTo(pixels, { format: 'RGBA' });
        let text = '';
        for (let at = 0; at < pixels.length; at += 32768) {
            text += String.fromCharCode(...pixels.subarray(at, at + 32768));
        }
        frames.push([image.codedWidth, image.codedHeight, image.duration, btoa(text)]);
        image.close();
    }
    const plays = track.repetitionCount;
    decoder.close();
    return [frames, plays === Infinity ? 0 : plays + 1];
}"""


class Player:
    """One tab of one browser."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def shown(self, data: bytes, image_format: str) -> Played:
        """What it plays; raises Playwright's Error where it shows nothing."""
        argument = [base64.b64encode(data).decode(), f"image/{image_format}"]
        frames, plays = self._page.evaluate(DECODE, argument)
        pictures = [Image.frombytes("RGBA", (w, h), base64.b64decode(pixels)) for w, h, _, pixels in frames]
        return Played(pictures, [(duration or 0) / 1000 for _, _, duration, _ in frames], plays)


@contextmanager
def player(browser: Browser) -> Iterator[Player]:
    with browser.new_page() as page:
        page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(PLACE)
        yield Player(page)
