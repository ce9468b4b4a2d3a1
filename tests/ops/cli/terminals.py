"""What a command prints on a terminal of so many columns, and into a pipe."""

import contextlib
import io
import os
from unittest import mock

HEIGHT = 50


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self):
        return True


def printed(show, columns=None):
    """Standard output and error of ``show()`` as one text; ``columns`` of a terminal, None for a pipe."""
    stream = Terminal() if columns else io.StringIO()
    environment = {"COLUMNS": str(columns or 80), "LINES": str(HEIGHT), "TERM": "dumb"}
    with (
        mock.patch.dict(os.environ, environment),
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        show()
    return stream.getvalue()
