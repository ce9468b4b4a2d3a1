"""A port that cannot be had is named with what to do."""

import errno

import pytest

from ops.local.ports import port_refused


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.EADDRINUSE, "is taken by another program"),
        (errno.EACCES, "cannot be had (Permission denied)"),
    ],
)
def test_the_reason_is_named_and_what_to_do(number, why):
    error = port_refused(4000, number, instead="0 for any free one")

    assert str(error) == f"port 4000 {why}: name another one with --port, or 0 for any free one"
