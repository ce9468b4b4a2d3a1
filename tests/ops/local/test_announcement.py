"""A command in another terminal finds the local stack that runs, and is not sent to one that its user did not mean."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from ops.errors import StackError
from ops.local.announcement import Running, announced, running_stack
from ops.local.credentials import Credentials
from ops.local.emulator import PROJECT

FIRST, SECOND = (Running(f"http://127.0.0.1:{port}", Credentials.draw()) for port in (1, 2))


def test_a_stack_is_known_with_its_credentials_while_it_is_announced(tmp_path):
    with announced(FIRST, tmp_path):
        assert running_stack({}, tmp_path) == FIRST

    with pytest.raises(StackError, match="npm run local"):
        running_stack({}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_can_read_the_credentials(tmp_path):
    with announced(FIRST, tmp_path):
        (file,) = tmp_path.iterdir()

        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text())["secret"] == FIRST.credentials.secret


def test_a_stack_whose_owner_was_killed_is_not_running(tmp_path):
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import pathlib, threading
                from ops.local.announcement import Running, announced
                from ops.local.credentials import Credentials
                with announced(Running("http://127.0.0.1:1", Credentials.draw()), pathlib.Path({str(tmp_path)!r})):
                    print("announced", flush=True)
                    threading.Event().wait()
                """
            ),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        assert running_stack({}, tmp_path).endpoint == "http://127.0.0.1:1"
        owner.send_signal(signal.SIGKILL)

    with pytest.raises(StackError, match="no local stack"):
        running_stack({}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_two_stacks_none_is_taken_until_one_is_named(tmp_path):
    with announced(FIRST, tmp_path), announced(SECOND, tmp_path):
        with pytest.raises(StackError, match=r"2 local stacks are running \(http://127.0.0.1:1, http://127.0.0.1:2\)"):
            running_stack({}, tmp_path)
        assert running_stack({"AWS_ENDPOINT_URL": SECOND.endpoint}, tmp_path) == SECOND


def test_the_end_of_one_stack_leaves_the_other_announced(tmp_path):
    with announced(FIRST, tmp_path):
        with announced(SECOND, tmp_path):
            pass

        assert running_stack({}, tmp_path) == FIRST


def test_an_environment_with_a_stacks_own_variables_means_that_stack(tmp_path):
    environ = SECOND.credentials.environ("eu-west-1") | {"AWS_ENDPOINT_URL": SECOND.endpoint}
    with announced(FIRST, tmp_path):
        assert running_stack(environ, tmp_path) == SECOND


def test_another_emulator_of_the_users_is_not_taken_for_the_local_stack(tmp_path):
    environ = {
        "AWS_ENDPOINT_URL": "http://localhost:4566",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    with announced(FIRST, tmp_path):
        assert running_stack(environ, tmp_path) == FIRST


def test_no_file_stays_half_written(tmp_path):
    (tmp_path / f"1.{os.getpid()}").write_text("from a process of the same number that was killed")

    with announced(FIRST, tmp_path):
        assert running_stack({}, tmp_path) == FIRST
