"""A browser, and what a person does on the page: give the key, choose or drop photos, wait, look."""

import io
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Locator, Page, Request, Route, expect, sync_playwright

from ops.cli.local import serving
from ops.local.serve.server import listen
from ops.local.stack import LocalStack
from tests.background import in_background
from tests.corpus.pictures import scene

PATIENCE = 60_000  # milliseconds until something that has to come must be there; machines may be busy
DRAGS = 5  # of one folder
API_KEY = "key-0001-of-the-tests-of-the-page"
S3 = re.compile(r"http://127\.0\.0\.1:\d+/darkroom-local-uploads/?$")
OWN = ":is(#photos, #problems) > .card"  # without what was uploaded before
NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Where Chromium is; where there is none, and we may, it is installed first."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, env=environ, capture_output=True, timeout=600, check=False)
        found = shutil.which("chromium")
    return found


@contextmanager
def started(executable: str) -> Iterator[Browser]:
    """A browser of our own, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(stack: LocalStack, *origins: str) -> Iterator[str]:
    """The page and its API on the running stack, for pages of these origins too, at the URL given."""
    with listen(0) as listener, serving(stack, listener, API_KEY, origins) as server, in_background(server):
        yield server.url


def photo(number: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A small JPEG, another one for each number."""
    out = io.BytesIO()
    scene(size, shift=number * 7).save(out, "JPEG", quality=80)
    return out.getvalue()


def files(folder: Path, count: int, *, start: int = 1) -> list[Path]:
    """That many photos in a folder: photo-01.jpg and so on."""
    paths = [folder / f"photo-{number:02}.jpg" for number in range(start, start + count)]
    for number, path in enumerate(paths, start):
        path.write_bytes(photo(number))
    return paths


def damaged(folder: Path) -> Path:
    """A photo of which the second half is missing."""
    path = folder / "damaged.jpg"
    whole = photo(0)
    path.write_bytes(whole[: len(whole) // 2])
    return path


def notes(folder: Path) -> Path:
    """A text that says it is a photo."""
    path = folder / "notes.jpg"
    path.write_text("Milk, bread, and a film for the camera\n" * 20)
    return path


class Desk:
    """The page, as a person uses it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requests: list[tuple[float, Request]] = []
        self.complaints: list[str] = []
        self.unanswered: set[Request] = set()
        page.on("request", lambda request: self.requests.append((time.monotonic(), request)))
        page.on("request", lambda request: self.unanswered.add(request))
        for ended in ("requestfinished", "requestfailed"):
            page.on(ended, lambda request: self.unanswered.discard(request))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):  # which is our doing
            self.complaints.append(message.text)

    def open(self, key: str | None = API_KEY) -> "Desk":
        """Go to the page, and give the key when there is one to give."""
        self.page.goto(self.url)
        if key is not None:
            self.give(key)
            expect(self.drop).to_be_visible(timeout=PATIENCE)
        return self

    def give(self, key: str) -> None:
        """Give an API key."""
        field = self.page.get_by_label("API key")
        expect(field).to_be_visible(timeout=PATIENCE)
        field.fill(key)
        self.page.get_by_role("button", name="Continue").click()

    def choose(self, paths: Sequence[Path]) -> None:
        """Choose files in the file chooser."""
        self.page.locator("#files").set_input_files(list(paths))

    def drag(self, paths: Sequence[Path]) -> None:
        """Drop files onto the page, out of a folder."""
        script = "document.body.append(Object.assign(document.createElement('input'), "
        self.page.evaluate(script + "{ type: 'file', id: 'hand', multiple: true, hidden: true }))")
        self.page.locator("#hand").set_input_files(list(paths))
        data = self.page.evaluate_handle(
            """() => {
                const data = new DataTransfer();
                const hand = document.getElementById('hand');
                for (const file of hand.files) data.items.add(file);
                hand.remove();
                return data;
            }"""
        )
        for step in ("dragenter", "dragover", "drop"):
            self.drop.dispatch_event(step, {"dataTransfer": data})

    def drag_folder(self, folder: Path) -> None:
        """Drop a folder onto the page by the browser's own drag, again where the drop was no drop.

        It counts once the browser knows that the page accepts the drag: the page's answer to a dragOver comes late on a
        busy machine, and the browser takes the drag away then.
        """
        browser = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        expect(self.page.locator("dialog[open]")).to_have_count(0)
        self.page.evaluate("addEventListener('drop', () => { document.body.dataset.dropped = ''; }, { once: true })")
        dropped = self.page.locator("body[data-dropped]")
        for _ in range(DRAGS):
            for step in ("dragEnter", "dragOver", "dragOver", "drop"):
                browser.send("Input.dispatchDragEvent", {"type": step, "x": 200, "y": 200, "data": data})
                if step == "dragEnter":
                    expect(self.page.locator("#veil")).to_be_visible()
            self.page.mouse.move(100, 100)
            expect(self.page.locator("#veil")).to_be_hidden()
            if dropped.count() > 0:
                break
        expect(dropped).to_have_count(1)

    def card(self, name: str) -> Locator:
        """The card of the photo of this tab with this name."""
        return self.page.locator(OWN).filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def cards(self, state: str) -> Locator:
        """The cards of this tab's photos in one state."""
        return self.page.locator(f"{OWN}[data-state={state}]")

    @property
    def all_cards(self) -> Locator:
        """The cards of this tab's photos."""
        return self.page.locator(OWN)

    def earlier(self, name: str) -> Locator:
        """The cards of the photos with this name that were uploaded before."""
        return self.page.locator("#earlier .card").filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def look_at(self, name: str) -> None:
        """Open the variants of a finished photo."""
        self.card(name).get_by_role("button", name="Compare").click()

    def wait_for(self, state: str, count: int) -> None:
        """Wait until that many photos are in a state."""
        expect(self.cards(state)).to_have_count(count, timeout=PATIENCE)

    def wait_for_the_end(self) -> None:
        """Wait until nothing is on its way any more."""
        expect(self.page.locator(".summary.ended")).to_be_visible(timeout=2 * PATIENCE)

    def press(self, name: str) -> None:
        """Press the button with this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    @property
    def drop(self) -> Locator:
        """Where photos are dropped."""
        return self.page.locator("#drop")

    @property
    def said(self) -> str:
        """What the head of the list says: how far all photos are."""
        return " / ".join(self.page.locator(".summary-words p:visible").all_inner_texts())

    def asked(self, part: str) -> list[float]:
        """When the page has asked for an address with this part in it, in seconds of one clock."""
        return [at for at, request in self.requests if part in request.url]


class Held:
    """Requests to an address that wait until the test lets them go; new ones pass once ``let_all`` was called."""

    def __init__(self, page: Page, address: re.Pattern[str]) -> None:
        self.page = page
        self.routes: list[Route] = []
        self.open = False
        page.route(address, self._hold)

    def _hold(self, route: Route) -> None:
        self.routes.append(route)
        if self.open:
            self._go(1)

    def let(self, count: int) -> None:
        """Let the first ones go."""
        while len(self.routes) < count:
            self.page.wait_for_timeout(50)  # the page is ahead of the browser
        self._go(count)

    def let_all(self) -> None:
        """Let all go, and those to come."""
        self.open = True
        self._go(len(self.routes))

    def _go(self, count: int) -> None:
        going, self.routes = self.routes[:count], self.routes[count:]
        for route in going:
            with suppress(Error):  # the page has given it up meanwhile
                route.continue_()
