"""Histories are told by the simulator itself; the consumer's log lines would only slow them."""

from collections.abc import Iterator

import pytest

from tests.simulation.campaign import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield
