"""``darkroom status`` on the running stack: one screen, again and again, or JSON."""

import json
import os
import pty
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ops.cli.main import make_app
from ops.cli.settings import parameters
from ops.local.emulator import PROJECT
from tests.ops.cli.embedded import jpeg, prefix_of, put, stage_of, use, wait_for, wait_until


@pytest.fixture
def status(stack, monkeypatch):
    """Runs the command: its exit code, standard output and standard error."""
    use(monkeypatch, stack)
    return lambda *words: CliRunner().invoke(make_app(), ["status", *words, "--stage", "local"])


def look(status):
    return json.loads(status("--json").stdout)


def test_an_upload_is_seen_in_the_outcomes_and_leaves_the_queue_empty(stack, status):
    stage = stage_of(stack)
    before = look(status)["last_hour"]["counts"].get("done", 0)
    key = f"{prefix_of(stage)}cat.jpg"
    etag = put(stage, key, jpeg())
    wait_for(stage, [(key, etag)], "DONE")

    said = wait_until(lambda: (now := look(status))["queue"] == {"waiting": 0, "in_flight": 0, "delayed": 0} and now)

    assert said["last_hour"] == {"counts": said["last_hour"]["counts"], "source": "the images table", "complete": True}
    assert said["last_hour"]["counts"]["done"] == before + 1
    assert (said["mapping"]["state"], said["mapping"]["maximum_concurrency"]) == ("Enabled", 2)
    assert (
        said["account_concurrency"]["unknown"] == "lambda:GetAccountSettings answers 404"
    )  # the emulator has no limit
    assert (said["oldest_seconds"], said["seconds_to_drain"]) == (None, 0)


def test_a_paused_stage_shows_what_waits_in_it(stack, status):
    stage, key = stage_of(stack), f"{prefix_of(stage_of(stack))}cat.jpg"
    CliRunner().invoke(make_app(), ["pause", "--stage", "local"])
    wait_until(lambda: stack.player.paused)
    try:
        etag = put(stage, key, jpeg())
        result = status()
    finally:
        CliRunner().invoke(make_app(), ["resume", "--stage", "local"])

    assert result.exit_code == 0
    assert "1 waiting, 0 in flight, 0 delayed" in result.stdout
    assert "not while it is paused" in result.stdout
    assert "to receive messages again: darkroom resume --stage local" in result.stdout
    wait_for(stage, [(key, etag)], "DONE")


def test_the_parameters_are_those_that_were_deployed(status):
    said = json.loads(status("--parameters", "--json").stdout)

    assert (said["given"]["batchSize"], said["given"]["uploadsBucket"]) == ("10", "darkroom-local-uploads")
    assert said["defaults"]["memory"] == str(parameters()["memory"])
    assert said["given"].keys() < said["defaults"].keys() == parameters().keys()


def test_watching_for_programs_is_refused(status):
    result = status("--watch", "--json")

    assert result.exit_code == 2
    assert "run status --json repeatedly" in result.stderr


@pytest.mark.parametrize(("terminal", "in_place"), [("xterm", True), ("dumb", False)])
def test_watching_draws_again_until_ctrl_c_which_is_no_failure(stack, terminal, in_place):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "status", "--stage", "local", "--watch", "--interval", "0.2"],
        cwd=PROJECT,
        env=os.environ | stack.environ() | {"TERM": terminal},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while seen.count(b"in flight") < 3:  # drawn three times, or the terminal is closed, which raises
            seen += os.read(ours, 65536)
    finally:
        process.send_signal(signal.SIGINT)
    exit_code = process.wait(60)
    os.close(ours)

    assert exit_code == 0
    assert (b"\x1b[1A" in seen) is in_place
