"""A page of another origin reads what API Gateway itself answers, where that origin is configured, and only there."""

from contextlib import contextmanager

import pytest

from ops.local.invocation import FunctionError
from ops.local.serve.gateway import Gateway, draw_api_key
from ops.local.serve.routes import Routes
from ops.local.serve.server import Server, listen
from tests.background import in_background
from tests.ops.local.test_serve import TEMPLATE, refusals

READ = """url => fetch(url).then(
    async answer => [answer.status, (await answer.json()).detail, answer.headers.get('retry-after')],
    () => 'network error',
)"""


def broken(_event):
    raise FunctionError("a bug")


@contextmanager
def api_for(*origins):
    """An API whose function always fails, for pages of these origins."""
    routes = Routes.of({"Resources": {**TEMPLATE["Resources"], **refusals(*origins)}})
    with (
        listen(0) as listener,
        Server(listener, Gateway(routes, broken, lambda note: None, draw_api_key()), origins) as server,
        in_background(server),
    ):
        yield server.url


@pytest.fixture
def page(browser):
    """A page whose policy lets it ask any other origin."""
    with api_for() as elsewhere:
        page = browser.new_page()
        page.goto(f"{elsewhere}/images")
        page.origin = elsewhere
        yield page
        page.close()


@pytest.mark.parametrize("others", [[], ["https://photos.example.com"]])
def test_a_page_of_a_configured_origin_reads_a_refusal_and_when_to_come_back(page, others):
    with api_for(page.origin, *others) as url:
        assert page.evaluate(READ, f"{url}/images") == [403, "Send a valid API key in the x-api-key header.", None]
        status, detail, wait = page.evaluate(READ, f"{url}/")

    assert (status, wait) == (503, "5")
    assert "Try again" in detail


def test_a_page_of_another_origin_learns_nothing(page):
    with api_for("https://photos.example.com") as url:
        assert page.evaluate(READ, f"{url}/images") == "network error"
