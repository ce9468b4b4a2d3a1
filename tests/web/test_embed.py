"""<darkroom-upload> in a page of another origin: one script, one element, events."""

import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.background import in_background
from tests.conftest import ROOT
from tests.web.browsing import API_KEY, PATIENCE, S3, Desk, Held, files, notes, served
from tests.web.test_access import PHONE, violations

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
    context = browser.new_context(**PHONE, reduced_motion="reduce")
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

    service, storage = Held(desk.page, re.compile("/uploads$")), Held(desk.page, S3)
    (text := tmp_path / "text.txt").write_text("milk")
    form.locator("input").set_input_files([*files(tmp_path, 2), notes(tmp_path), text])
    expect(form.locator("li[data-state=rejected]")).to_contain_text("This file type is not supported.")
    form.get_by_role("button", name="Cancel photo-02.jpg").click()  # of which the service learns nothing
    service.let_all()
    expect(form.locator("li[data-state=uploading]")).to_have_count(2, timeout=PATIENCE)
    expect(form.locator("progress:visible")).to_have_count(2)
    assert violations(desk.page) == []
    storage.let_all()
    expect(form.locator("li[data-state=done]")).to_have_count(1, timeout=PATIENCE)
    expect(form.locator("li", has_text="notes.jpg")).to_contain_text("not an image", timeout=PATIENCE)
    expect(form.locator("progress:visible")).to_have_count(0)

    assert violations(desk.page) == []
    heard = desk.page.evaluate("() => heard")
    assert heard[0][0] == "ready"
    assert sorted(map(tuple, heard[1:])) == [
        ("done", "photo-01.jpg", "done"),
        ("failed", "notes.jpg", "rejected"),
        ("failed", "photo-02.jpg", None),
        ("failed", "text.txt", None),
        ("uploaded", "notes.jpg", None),
        ("uploaded", "photo-01.jpg", None),
    ]
    assert desk.complaints == []
    context.close()


@pytest.fixture
def other_page(browser, stack):
    """Opens a page of another origin with this content, in which API stands for the address of the API."""
    pages: dict[str, str] = {}
    with elsewhere(pages) as origin, served(stack, origin) as api:
        context = browser.new_context(reduced_motion="reduce")

        def open_page(content):
            pages["/"] = PAGE.format(content.replace("API", api))
            desk = Desk(context.new_page(), origin)
            desk.page.add_init_script(HEARD)
            desk.page.route("**/uploads", refuse_other_keys)
            return desk

        yield open_page
        context.close()


HEARD = """window.heard = [];
for (const name of ['ready', 'uploaded', 'done', 'failed', 'forbidden']) {
    addEventListener(`darkroom-${name}`, () => heard.push(name));
}"""
SIGNED_IN = """<darkroom-upload></darkroom-upload>
<script>
let token = 'ended';
const form = document.querySelector('darkroom-upload');
form.headers = () => ({ 'x-api-key': token });
</script>
<script type="module" src="API/js/embed.js"></script>"""


def test_a_token_that_was_set_before_the_script_was_there_counts_and_a_new_one_goes_on(other_page, tmp_path):
    desk = other_page(SIGNED_IN)
    desk.page.route("**/settings.json", with_authorizer("jwt"))
    desk.page.goto(desk.url)
    form = desk.page.locator("darkroom-upload")
    expect(form.get_by_role("button", name="Choose photos")).to_be_enabled(timeout=PATIENCE)
    form.locator("input").set_input_files(files(tmp_path, 1))

    expect(form.get_by_role("status")).to_have_text(
        "You are not signed in, or your sign-in has ended. Sign in again to continue."
    )
    assert desk.page.evaluate("() => heard") == ["ready", "forbidden"]
    assert violations(desk.page) == []
    desk.page.evaluate("key => { token = key; form.headers = form.headers; }", API_KEY)

    expect(form.locator("li[data-state=done]")).to_have_count(1, timeout=PATIENCE)
    expect(form.get_by_role("status")).to_be_hidden()
    assert desk.complaints == []


def test_a_key_that_is_refused_is_replaced_by_another_one(other_page, tmp_path):
    desk = other_page(
        '<darkroom-upload key="wrong"></darkroom-upload><script type="module" src="API/js/embed.js"></script>'
    )
    desk.page.goto(desk.url)
    form = desk.page.locator("darkroom-upload")
    expect(form.get_by_role("button", name="Choose photos")).to_be_enabled(timeout=PATIENCE)
    form.locator("input").set_input_files(files(tmp_path, 1))

    expect(form.get_by_role("status")).to_have_text("The API key of this form is not valid.")
    desk.page.route(S3, lambda route: route.fulfill(status=413, body=""))
    form.evaluate("(form, key) => form.setAttribute('key', key)", API_KEY)
    expect(form.locator("li[data-state=broken]")).to_have_count(1, timeout=PATIENCE)
    assert violations(desk.page) == []
    desk.page.unroute(S3)
    form.get_by_role("button", name="Retry photo-01.jpg").click()

    expect(form.locator("li[data-state=done]")).to_have_count(1, timeout=PATIENCE)


def test_a_service_that_wants_signed_requests_has_no_form_and_says_so(other_page):
    desk = other_page(SIGNED_IN)
    desk.page.route("**/settings.json", with_authorizer("iam"))
    desk.page.goto(desk.url)
    form = desk.page.locator("darkroom-upload")

    expect(form.get_by_role("status")).to_contain_text("only requests that are signed with AWS credentials")
    expect(form.get_by_role("button", name="Choose photos")).to_be_disabled()
    assert desk.page.evaluate("() => heard") == []
    assert violations(desk.page) == []


def refuse_other_keys(route):
    """As API Gateway does for a page of a configured origin, whose refusals have the headers of CORS."""
    if route.request.headers.get("x-api-key") == API_KEY:
        route.continue_()
    else:
        route.fulfill(status=403, headers={"Access-Control-Allow-Origin": "*"}, json={"detail": "Refused."})


def with_authorizer(name):
    """The settings of a service that identifies its callers in another way."""

    def changed(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"authorizer": name})

    return changed
