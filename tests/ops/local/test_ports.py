"""A port that cannot be had is named with what to do."""

import errno
import os

import pytest

from ops.local.ports import port_refused


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (os.strerror(errno.EADDRINUSE), "is taken by another program"),
        ("Permission denied", "cannot be had (Permission denied)"),
    ],
)
def test_the_reason_is_named_and_what_to_do(reason, why):
    error = port_refused(4000, reason, instead="0 for any free one")

    assert str(error) == f"port 4000 {why}: name another one with --port, or 0 for any free one"
