"""<darkroom-upload> in a page of another origin: one script, one element, events."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.background import in_background
from tests.conftest import ROOT
from tests.web.browsing import API_KEY, PATIENCE, Desk, files, notes, served
from tests.web.test_access import LOOKS, violations

EXAMPLE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8").partition("```html\n")[2].partition("```")[0]
PAGE = """<!doctype html><html lang="en"><head><title>A page of somebody else</title></head><body><main>
<h1>Send us your photos</h1>{}</main></body></html>"""


@contextmanager
def elsewhere(pages):
    """A server of another origin with these pages, by their paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture(scope="module")
def host(stack, browser):
    """The address of a page that has the form as docs/embedding.md shows it."""
    pages: dict[str, str] = {}
    with elsewhere(pages) as origin, served(stack, origin) as api:
        pages["/"] = PAGE.format(EXAMPLE.replace("https://API", api).replace("KEY", API_KEY))
        yield origin


def test_a_page_of_another_origin_uploads_with_one_script_and_hears_what_became_of_each_file(browser, host, tmp_path):
    context = browser.new_context(**LOOKS["phone"], reduced_motion="reduce")
    desk = Desk(context.new_page(), host)
    desk.page.add_init_script(
        """window.heard = [];
        for (const name of ['ready', 'uploaded', 'done', 'failed']) {
            addEventListener(`darkroom-${name}`, ({ detail }) => (
                heard.push([name, detail?.name, detail?.image?.status])
            ));
        }"""
    )
    desk.page.goto(host)
    form = desk.page.locator("darkroom-upload")
    expect(form.get_by_role("button", name="Choose photos")).to_be_enabled(timeout=PATIENCE)
    assert violations(desk.page) == []

    form.locator("input").set_input_files([*files(tmp_path, 1), notes(tmp_path)])
    expect(form.locator("li[data-state=done]")).to_have_count(1, timeout=PATIENCE)
    expect(form.locator("li[data-state=rejected]")).to_contain_text("not an image", timeout=PATIENCE)

    assert violations(desk.page) == []
    heard = desk.page.evaluate("() => heard")
    assert heard[0][0] == "ready"
    assert sorted(map(tuple, heard[1:])) == [
        ("done", "photo-01.jpg", "done"),
        ("failed", "notes.jpg", "rejected"),
        ("uploaded", "notes.jpg", None),
        ("uploaded", "photo-01.jpg", None),
    ]
    assert desk.complaints == []
    context.close()
