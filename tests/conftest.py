"""What every folder of tests may ask for: the whole service on the local stack, deployed once for all of them."""

import functools
import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest

from ops.local.stack import LocalStack
from tests.order import place_of
from tests.service.access import recorder
from tests.service.access.needs import unlisted

ROOT = Path(__file__).parents[1]

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]  # of the user's shell: a profile that does not exist fails every client

for number in (signal.SIGINT, signal.SIGHUP):  # what a shell starts with & ignores the one, under nohup the other
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

recorder.install()

# Each command makes a session of its own, and each session would read the models of AWS's services again: 70 ms.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests of the suite stay: no garbage collection walks through them, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place_of(item.path))


@pytest.fixture(autouse=True)
def no_request_is_missing_in_the_rights() -> Iterator[None]:
    """What a function requests of AWS in any test is among the needs that its role is compared with."""
    recorder.calls.clear()
    yield
    assert [
        (call, missing) for call in recorder.calls if call.role and (missing := unlisted(call.role, call.needs))
    ] == []


@pytest.fixture(scope="module", autouse=True)
def _environment_left_as_found() -> Iterator[None]:
    """A module of tests leaves no credentials behind, as moto's or another emulator's: the next one refuses them."""
    boto3.DEFAULT_SESSION = None  # which keeps the credentials of its first client
    before = settings_of_aws()
    yield
    assert settings_of_aws() == before


def settings_of_aws() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, once for all tests of a process: Playwright refuses to be started a second time beside the first."""
    pytest.importorskip("playwright", reason="THE PAGE IS NOT TESTED: pip install -r requirements-dev.txt")
    from tests.web.browsing import chromium, started

    executable = chromium()
    if executable is None:
        pytest.skip("THE PAGE IS NOT TESTED: no Chromium was found, nor could be installed: apt-get install chromium")
    with started(executable) as browser:
        yield browser


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack. It is shared: look only at the keys that your own test has put."""
    with LocalStack(ROOT, work_dir=tmp_path_factory.mktemp("stack"), progress=lambda _sentence: None) as running:
        yield running
