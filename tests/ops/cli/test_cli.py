"""What stops a command becomes one line on standard error, and an exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    UnauthorizedSSOTokenError,
)
from typer.testing import CliRunner

from ops.cli.checkout import ROOT
from ops.cli.main import make_app
from processing.errors import Unavailable

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "BatchGetItem")
EXPIRED = ClientError({"Error": {"Code": "ExpiredToken", "Message": "The token has expired"}}, "GetQueueAttributes")
CAUSES = {
    "put off": (None, 1, "dynamodb:BatchGetItem: Code"),
    "a permission": (DENIED, 1, "OperatorPolicy"),
    "no credentials": (NoCredentialsError(), 2, "no AWS credentials"),
    "an SSO session that ended": (UnauthorizedSSOTokenError(), 2, "log in again (aws sso login"),
    "half of a key": (PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), 2, "log in again"),
    "a profile that cannot be read": (
        ConfigParseError(path="~/.aws/config", error="line 1"),
        2,
        "configuration cannot",
    ),
    "credentials that expired meanwhile": (EXPIRED, 1, "log in again"),
    "no answer": (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), 1, "does not answer"),
}


def run(monkeypatch, error):
    def find(*_names):
        raise error

    monkeypatch.setattr("ops.cli.stage.find", find)
    return CliRunner().invoke(make_app(), ["status", "--stage", "prod"])


def unavailable(cause):
    error = Unavailable("Code", "dynamodb:BatchGetItem")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(("cause", "exit_code", "sentence"), CAUSES.values(), ids=CAUSES)
def test_what_aws_refuses_is_one_line_whether_or_not_it_was_translated(monkeypatch, cause, exit_code, sentence):
    for error in filter(None, (unavailable(cause), cause)):
        result = run(monkeypatch, error)

        assert (result.exit_code, len(result.stderr.splitlines())) == (exit_code, 1)
        assert result.stderr.startswith("darkroom: ")
        assert sentence in result.stderr


def test_a_request_that_is_wrong_in_itself_is_a_bug(monkeypatch):
    assert isinstance(run(monkeypatch, ParamValidationError(report="x")).exception, ParamValidationError)


def test_the_version_is_that_of_the_package():
    result = CliRunner().invoke(make_app(), ["--version"])

    assert result.stdout.strip() == json.loads((ROOT / "package.json").read_text())["version"]


@pytest.mark.parametrize("command", [(), ("logs",), ("dlq", "groups")])
def test_h_is_help(command):
    short, long = (CliRunner().invoke(make_app(), [*command, option]).stdout for option in ("-h", "--help"))

    assert short == long != ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "ops", "--help"],
        ["-m", "ops", "--version"],
        ["-c", "from ops.cli.terminal import written_out\nwith written_out():\n    print('not flushed')"],
    ],
)
def test_a_disk_that_is_full_is_one_line_and_exit_code_1(command, unbuffered):
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert run.returncode == 1
    assert run.stderr == "darkroom: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("command", ["--help", "--version"])
def test_output_that_nobody_reads_any_longer_ends_without_a_word(command):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = subprocess.run(
            [sys.executable, "-m", "ops", command],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)

    assert (run.returncode, run.stderr) == (1, "")
