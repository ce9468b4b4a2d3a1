"""The page is usable by everybody: axe-core finds nothing to complain about, in light, in dark and on a phone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.web.browsing import damaged, files

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2},
}


TOO_SMALL = """() => [...document.querySelectorAll('button, a[href], input')]
    .map((each) => each.closest('label') ?? each)
    .filter((each) => each.checkVisibility() && each.getClientRects().length > 0)
    .filter((each) => ['width', 'height'].some((side) => each.getBoundingClientRect()[side] < 43.9))
    .map((each) => each.outerHTML)"""


def violations(page):
    """What axe-core has to say, a line each; and what is smaller than a fingertip, 44 by 44 pixels."""
    small = [f"target-size: {each}" for each in page.evaluate(TOO_SMALL)]
    return [*small, *found_by_axe(page)]


def found_by_axe(page):
    result = page.evaluate(AXE.read_text(encoding="utf-8") + "; axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{found['id']}: {found['help']}: {node['html'][:120]} {node.get('failureSummary', '')}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_bars_anybody_in_any_state_of_the_page(tab, tmp_path, look):
    desk = tab(**LOOKS[look], bypass_csp=True).open(key=None)  # or axe-core could not be brought in
    page = desk.page
    expect(page.get_by_label("API key")).to_be_visible()
    assert violations(page) == []
    desk.give("wrong")
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert violations(page) == []
    page.reload()
    desk.open()
    assert violations(page) == []

    desk.choose([*files(tmp_path, 2), damaged(tmp_path)])
    assert violations(page) == []
    desk.wait_for_the_end()
    assert desk.said == "2 of 3 photos finished / 1 needs your attention"
    assert violations(page) == []

    desk.look_at("photo-01.jpg")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_a_picture_without_words_would_be_found(tab):
    desk = tab(bypass_csp=True).open()
    desk.page.evaluate("() => document.querySelector('main').append(new Image())")

    assert [found.partition(":")[0] for found in violations(desk.page)] == ["image-alt"]


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_wider_than_the_screen(tab, tmp_path, look):
    desk = tab(**LOOKS[look]).open()
    (tmp_path / f"{'a-very-long-name-' * 8}.txt").write_text("no photo")

    desk.choose([*tmp_path.iterdir(), *files(tmp_path, 1)])

    desk.wait_for("done", 1)
    assert desk.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


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
