"""What the shell of a run has set reaches no test: a run in the background, or under nohup, tests the same."""

import signal
import subprocess
import sys
from pathlib import Path

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


def test_a_test_that_hangs_shows_where_and_fails(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    (tmp_path / "test_hanging.py").write_text("import time\n\n\ndef test_it():\n    time.sleep(30)\n")
    ends = f"faulthandler_exit_on_timeout={pytestconfig.getini('faulthandler_exit_on_timeout')}"
    command = [sys.executable, "-m", "pytest", "-c", str(PROJECT / "pyproject.toml"), f"--rootdir={tmp_path}"]
    ran = subprocess.run(
        [*command, "-o", ends, "-o", "faulthandler_timeout=1", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode != 0
    assert "test_hanging.py" in ran.stderr
    assert 0 < float(pytestconfig.getini("faulthandler_timeout")) < 600
