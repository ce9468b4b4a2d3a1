"""The page's picture for the documentation: ``python -m tests.web.picture [FILE]`` writes docs/page.png.

It shows the bundled samples: finished photos, and what was refused and why.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from ops.local.stack import LocalStack
from tests.conftest import ROOT
from tests.web.browsing import PATIENCE, Desk, chromium, served, started

SAMPLES = ROOT / "samples"
PICTURES = (".jpg", ".png", ".webp")
WINDOW = ViewportSize(width=1200, height=1000)


def main(target: Path) -> None:
    """Start everything, upload the samples, and take the picture."""
    executable = chromium()
    if executable is None:
        sys.exit("no Chromium was found, nor could be installed: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(ROOT, work_dir=Path(folder), progress=print) as stack,
        started(executable) as browser,
        served(stack) as url,
    ):
        page = browser.new_page(viewport=WINDOW, reduced_motion="reduce", color_scheme="light")
        take(Desk(page, url).open(), target)


def take(desk: Desk, target: Path) -> None:
    """Upload the samples, wait until each has come to its end and all pictures are there, and take the picture."""
    desk.choose(sorted(path for path in SAMPLES.iterdir() if path.suffix in PICTURES))
    desk.wait_for_the_end()
    thumbnails = desk.page.locator(".look:visible img")
    for number in range(thumbnails.count()):
        expect(thumbnails.nth(number)).not_to_have_js_property("naturalWidth", 0, timeout=PATIENCE)
    desk.page.screenshot(path=target)
    print(f"written: {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "page.png")
