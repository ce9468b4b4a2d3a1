"""The page is usable by everybody: axe-core reports nothing, in light and in dark, on a desktop and on a phone."""

import re
from typing import Any, Literal

from playwright.sync_api import ViewportSize, expect

from tests.conftest import ROOT
from tests.web.browsing import S3, Held, damaged, files

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}
SIZES = [ViewportSize(width=1280, height=720), ViewportSize(width=390, height=844)]
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]

TOO_SMALL = """() => [...document.querySelectorAll('button, a[href], input')]
    .map((each) => each.closest('label') ?? each)
    .filter((each) => each.checkVisibility() && each.getClientRects().length > 0)
    .filter((each) => ['width', 'height'].some((side) => each.getBoundingClientRect()[side] < 43.9))
    .map((each) => each.outerHTML)"""


RUN = """() => axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(
    ({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html} ${failureSummary}`)))"""


def violations(page):
    """What axe-core reports, a line each, and what is smaller than a fingertip, 44 by 44 pixels, or wider than the
    screen: on a desktop and on a phone, in light and in dark.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    own = page.viewport_size
    found = []
    for size in SIZES:
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [f"{each} ({size['width']} pixels, {scheme})" for each in found_in_this_look(page)]
    page.set_viewport_size(own)
    page.emulate_media(color_scheme="null")
    return found


def found_in_this_look(page):
    width = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    small = [f"target-size: {each}" for each in page.evaluate(TOO_SMALL)]
    return [*([f"too-wide: by {width}"] if width > 0 else []), *small, *page.evaluate(RUN)]


def test_a_drag_that_the_browser_has_lost_covers_the_page_no_longer_than_until_the_mouse_moves(desk):
    desk.page.evaluate(DRAG)
    expect(desk.page.locator("#veil")).to_be_visible()

    desk.page.mouse.move(100, 100)

    expect(desk.page.locator("#veil")).to_be_hidden()


def test_nothing_bars_anybody_before_there_is_a_photo(tab):
    desk = tab(bypass_csp=True).open(key=None)  # or axe-core could not be brought in
    page = desk.page
    expect(page.get_by_label("API key")).to_be_visible()
    assert violations(page) == []
    desk.give("wrong")
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert violations(page) == []
    page.reload()
    desk.open()
    assert violations(page) == []

    page.evaluate(DRAG)
    expect(page.locator("#veil")).to_be_visible()
    assert violations(page) == []


DRAG = """() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['x'], 'a.jpg'));
    dispatchEvent(new DragEvent('dragenter', { dataTransfer }));
}"""


def test_nothing_bars_anybody_from_the_upload_of_photos_to_their_variants(tab, tmp_path):
    desk = tab(bypass_csp=True).open()
    page, storage, service = desk.page, Held(desk.page, S3), Held(desk.page, re.compile("/images/"))
    paths = [damaged(tmp_path), *files(tmp_path, 6)]
    desk.choose(paths)
    desk.wait_for("uploading", 5)
    desk.press("Cancel photo-05.jpg")
    desk.wait_for("queued", 1)
    assert violations(page) == []
    storage.let_all()
    desk.wait_for("working", 6)
    assert violations(page) == []

    service.let_all()
    desk.wait_for_the_end()
    assert desk.said == "5 of 7 photos finished / 1 needs your attention · 1 canceled"
    desk.choose(paths[1:3])
    page.context.set_offline(True)
    expect(page.locator(".notice")).to_have_count(2)
    assert violations(page) == []
    page.context.set_offline(False)

    desk.look_at("photo-01.jpg")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_nothing_bars_anybody_where_something_failed(tab, tmp_path):
    desk = tab(bypass_csp=True).open()
    page = desk.page
    desk.choose(files(tmp_path, 3))
    desk.wait_for("done", 3)
    ends: list[dict[str, Any] | None] = [
        {"status": "failed", "retrying": True},
        {"status": "failed", "retrying": False, "reason": {"text": "It failed.", "advice": "Try again."}},
        None,
    ]

    def end(route):
        image = ends.pop()
        if image is None:
            route.fulfill(status=404, json={"detail": "Image not found."})
        else:
            headers = {"Retry-After": "600"} if image["retrying"] else {}
            route.fulfill(headers=headers, json=route.fetch().json() | image)

    page.route(re.compile("/images/"), end, times=3)
    page.route(S3, lambda route: route.fulfill(status=413, body=""))
    page.reload()
    desk.choose(files(tmp_path, 1, start=4))
    for state in ("failed", "lost", "broken", "working"):
        desk.wait_for(state, 1)
    assert violations(page) == []

    desk.press("Dismiss all")
    expect(desk.all_cards).to_have_count(1)
    assert violations(page) == []
    desk.press("Change key")
    expect(page.get_by_label("API key")).to_be_visible()
    assert violations(page) == []


def test_a_picture_without_words_a_small_button_and_a_line_that_is_too_wide_would_be_found(tab):
    desk = tab(bypass_csp=True).open()
    desk.page.evaluate(FAULTS)

    found = [each.partition(":")[0] for each in violations(desk.page)]
    assert found == ["too-wide", "target-size", "image-alt"] * 4


FAULTS = """() => {
    const line = Object.assign(document.createElement('p'), { textContent: 'A line', style: 'width: 2000px' });
    const button = Object.assign(document.createElement('button'), { textContent: 'Go', style: 'min-height: 40px' });
    document.querySelector('main').append(new Image(), line, button);
}"""


def test_nothing_is_wider_than_the_screen_for_a_long_name(tab, tmp_path):
    desk = tab(bypass_csp=True).open()
    (tmp_path / f"{'a-very-long-name-' * 8}.txt").write_text("no photo")

    desk.choose([*tmp_path.iterdir(), *files(tmp_path, 1)])

    desk.wait_for("done", 1)
    assert violations(desk.page) == []


def test_who_listens_is_told_how_things_stand_and_not_of_each_percent(desk, tmp_path):
    desk.page.evaluate(
        """() => {
            window.said = [];
            const live = document.getElementById('live');
            new MutationObserver(() => window.said.push(live.textContent)).observe(live, { childList: true });
        }"""
    )

    desk.choose(files(tmp_path, 12))
    desk.wait_for_the_end()
    expect(desk.page.locator("#live")).to_have_text("All 12 photos finished.")

    assert len(desk.page.evaluate("() => window.said")) <= 4
