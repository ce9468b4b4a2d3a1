"""The page asks for an image every few seconds at most, cheaply, and never after its end."""

import time
from contextlib import contextmanager
from itertools import pairwise

import pytest

from ops.local.poller import LONG_POLL
from tests.web.browsing import files

FOLLOWING = 6  # seconds
AFTERWARDS = 3
LONGEST = 60


@contextmanager
def nobody_at_work(stack):
    """The consumer takes nothing meanwhile, as when its mapping was disabled by hand."""
    functions = stack.client("lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = [each for each in mappings if each["FunctionArn"].endswith(f":{stack.outputs['ConsumerFunction']}")]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    time.sleep(LONG_POLL + 1)  # a receive that had begun may still take messages
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@pytest.fixture
def answers(desk):
    """Every answer about images, as (address, status), once the page has listed what was uploaded before."""
    desk.page.wait_for_load_state("networkidle")
    heard = []

    def hear(response):
        if f"{desk.url}/images" in response.url:
            heard.append((response.url, response.status))

    desk.page.on("response", hear)
    return heard


def is_repeated(heard):
    """Whether something was requested again."""
    return len(heard) > len({url for url, _ in heard})


@pytest.mark.parametrize("count", [3, 12])
def test_an_image_is_asked_for_every_few_seconds_at_most_and_never_after_its_end(desk, stack, tmp_path, answers, count):
    with nobody_at_work(stack):
        desk.choose(files(tmp_path, count))
        desk.wait_for("working", count)
        began, before = time.monotonic(), len(answers)
        while time.monotonic() < began + FOLLOWING or not is_repeated(answers[before:]):
            assert time.monotonic() < began + LONGEST
            desk.page.wait_for_timeout(200)
        waiting, seconds = answers[before:], time.monotonic() - began
    desk.wait_for_the_end()
    desk.wait_for("done", count)
    asked = len(answers)
    desk.page.wait_for_timeout(AFTERWARDS * 1000)

    assert len(answers) == asked  # nothing after the end
    addresses = {url for url, _ in answers}
    for address in addresses:
        assert all(later - earlier > 2 for earlier, later in pairwise(desk.asked(address)))
    assert len(waiting) <= min(count, 4) * seconds / 2
    statuses = [[status for url, status in waiting if url == address] for address in {url for url, _ in waiting}]
    assert all(set(each[1:]) <= {304} for each in statuses), "what has not changed was sent again"


def test_a_hidden_tab_asks_for_nothing_and_goes_on_when_it_is_seen(desk, stack, tmp_path, answers):
    with nobody_at_work(stack):
        desk.choose(files(tmp_path, 1))
        desk.wait_for("working", 1)
        hide(desk.page, hidden=True)
        desk.page.wait_for_timeout(500)
        asked = len(answers)
        desk.page.wait_for_timeout(4_000)
        assert len(answers) == asked

    hide(desk.page, hidden=False)
    desk.wait_for("done", 1)


def hide(page, *, hidden):
    """Let the page believe that its tab is not the one that is seen: a browser without a window shows all of them."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )
