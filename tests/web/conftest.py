"""One server for all tests of the page, and for each test a tab that nobody has used."""

import pytest

pytest.importorskip("playwright", reason="THE PAGE IS NOT TESTED: pip install -r requirements-dev.txt")

from tests.web.browsing import Desk, served


@pytest.fixture(scope="session")
def site(stack, browser):  # the browser first: without one there is nothing to serve
    with served(stack) as url:
        yield url


@pytest.fixture
def tab(browser, site):
    """Makes a `Desk` in a tab of its own; options are those of Playwright's contexts."""
    desks = []

    def make(**options):
        context = browser.new_context(reduced_motion="reduce", **options)
        desks.append(Desk(context.new_page(), site))
        return desks[-1]

    yield make
    for desk in desks:
        desk.page.context.close()
        assert desk.complaints == [], "the page reported errors on its console"


@pytest.fixture
def desk(tab):
    """A tab in which a valid key was given."""
    return tab().open()
