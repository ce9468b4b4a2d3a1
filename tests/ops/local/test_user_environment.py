"""What the user's shell says of other projects, and of AWS, has no say in the local stack."""

import os
import subprocess
import sys

import pytest
from botocore.config import Config

from ops.local.credentials import Credentials
from ops.local.emulator import PROJECT, Emulator
from ops.local.user_environment import for_children
from tests.ops.local.conftest import REGION

OF_AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_CA_BUNDLE": "/nowhere/ca.pem",
    "AWS_CONFIG_FILE": "/nowhere/config",
    "AWS_DEFAULT_PROFILE": "work",
    "AWS_DEFAULT_REGION": "us-gov-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_MAX_ATTEMPTS": "0",
    "AWS_PROFILE": "work",
    "AWS_REGION": "us-gov-west-1",
    "AWS_RETRY_MODE": "nonsense",
    "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "true",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
}
PROXIES = dict.fromkeys(("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
OF_OTHERS = {
    "CONDA_PREFIX": "/opt/conda",
    "FLASK_DEBUG": "1",
    "MOTO_S3_CUSTOM_ENDPOINTS": "http://127.0.0.1:9",
    "NODE_ENV": "production",
    "NODE_OPTIONS": "--throw-deprecation",
    "NPM_CONFIG_PREFIX": "/opt/npm",
    "PIP_TARGET": "/opt/pip",
    "PIP_USER": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "SERVERLESS_ACCESS_KEY": "x",
    "SLS_DEBUG": "*",
    "VIRTUAL_ENV": "/opt/other",
    "WERKZEUG_SERVER_FD": "9",
    "npm_config_omit": "dev",
}
HARMLESS = {
    "HOME": "/home/me",
    "PATH": "/bin",
    "PIPELINE": "7",
    "PYTHON": "python3.13",
    "REQUESTS_CA_BUNDLE": "/ca.pem",
}
MIRRORS = {
    "REQUESTS_CA_BUNDLE": "/ca.pem",
    "PIP_INDEX_URL": "https://pypi.example/simple",
    "NODE_EXTRA_CA_CERTS": "/ca.pem",
    "PIP_CERT": "/ca.pem",
}


@pytest.fixture
def shell(monkeypatch):
    """A shell in which all of it is set."""
    for name, value in (OF_AWS | PROXIES | OF_OTHERS).items():
        monkeypatch.setenv(name, value)


def test_a_child_gets_what_is_harmless_and_none_of_the_families():
    shell = OF_AWS | PROXIES | OF_OTHERS | HARMLESS | MIRRORS | {"PYTHONPATH": "/project"}

    assert for_children(shell) == HARMLESS | MIRRORS | {"PYTHONPATH": "/project"}


def test_a_child_that_installs_packages_also_gets_the_way_to_them():
    child = for_children(OF_AWS | PROXIES | OF_OTHERS | HARMLESS | MIRRORS, online=True)

    assert {name: child.pop(name) for name in ("PIP_USER", "PIP_REQUIRE_VIRTUALENV")} == {
        "PIP_USER": "0",
        "PIP_REQUIRE_VIRTUALENV": "0",
    }
    child.pop("PIP_DISABLE_PIP_VERSION_CHECK")
    assert child == HARMLESS | MIRRORS | PROXIES


def test_the_emulator_starts_and_answers_in_any_shell(shell, tmp_path):
    emulator = Emulator(region=REGION, log=tmp_path / "emulator.log")
    emulator.start()
    try:
        s3, place = emulator.client("s3"), {"LocationConstraint": REGION}
        s3.create_bucket(Bucket="any-shell", CreateBucketConfiguration=place)
        s3.put_object(Bucket="any-shell", Key="k", Body=b"x")
        emulator.client("dynamodb").list_tables()
        emulator.client("cloudformation").list_stacks()

        assert emulator.client("sqs").create_queue(QueueName="q")["QueueUrl"].startswith(emulator.endpoint)
    finally:
        emulator.stop()


@pytest.mark.parametrize("name", [*OF_AWS, "AWS_PROFILE="])
def test_no_setting_of_aws_changes_a_session_of_the_local_stack(monkeypatch, name):
    monkeypatch.setenv(name.rstrip("="), OF_AWS.get(name, ""))
    session = Credentials.draw().session(REGION)

    client = session.client("s3", endpoint_url="http://127.0.0.1:1", config=Config(proxies={}))

    assert (client.meta.region_name, client.meta.endpoint_url) == (REGION, "http://127.0.0.1:1")
    url = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "key"})
    assert url.startswith("http://127.0.0.1:1/bucket/key")


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "ops", "status", "--stage", "local", "--help"],
        ["-c", "import ops.cli.main, ops.local.stack, ops.local.server"],
    ],
)
def test_the_command_begins_in_a_terminal_of_any_kind(tmp_path, words):
    """LC_ALL=C, a dumb terminal, a temporary folder with a space, and standard input closed."""
    temporary = tmp_path / "a b"
    temporary.mkdir()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "LC_ALL": "C", "TERM": "dumb"}
    command = ["sh", "-c", 'umask 077; exec "$@" <&-', "sh", sys.executable, *words]

    run = subprocess.run(
        command, cwd=PROJECT, env=environ | {"TMPDIR": str(temporary)}, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stderr) == (0, "")
