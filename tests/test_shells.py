"""What the shell of a run has set reaches no test: a run in the background, or under nohup, tests the same."""

import signal
import subprocess
import sys

import pytest

from ops.local.emulator import PROJECT

SHOW = """
import signal
import tests.conftest
print(*(signal.getsignal(number) == signal.SIG_IGN for number in (signal.SIGINT, signal.SIGHUP)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_the_shell_ignores_is_heard(number: signal.Signals) -> None:
    ignoring = f"import os, signal; signal.signal({int(number)}, signal.SIG_IGN); "
    command = [sys.executable, "-c", ignoring + "import sys; os.execv(sys.executable, sys.argv[1:])"]
    shown = subprocess.run(
        [*command, sys.executable, "-c", SHOW], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert shown.stdout == "False False\n"
