"""Checkups of the running stack, of a stage where nobody works, and of an AWS that answers as it is told."""

import dataclasses

import pytest

from ops.cli import stage as stages
from ops.cli.doctor.checks import AFTER, BEFORE, CLEANING, REACH
from ops.cli.doctor.checkup import Checkup
from tests.ops.cli.doctor.scripted_aws import scripted_aws
from tests.ops.cli.embedded import deploy, quiet_stage, stage_of, use

ROLE = "arn:aws:iam::123456789012:role/teams/deployer"
SESSION = "arn:aws:sts::123456789012:assumed-role/deployer/anna"


@pytest.fixture(scope="package")
def plain(stack):
    """Clients of the stack, as a command makes them."""
    with pytest.MonkeyPatch.context() as patch:
        use(patch, stack)
        return stages.connect("local")


@pytest.fixture
def checkup(stack, plain):
    """Of the running stack."""
    stage = dataclasses.replace(stage_of(stack), client=plain)
    return Checkup("local", stack.region, plain, stage=stage, timeout=60)


@pytest.fixture
def quiet(stack, plain, monkeypatch):
    """Of a stage with a bucket that notifies nobody, a queue without policies, and a mapping that is disabled."""
    monkeypatch.setattr("ops.cli.doctor.cleaning.LAST_LOOK", 0.2)
    stage = deploy(quiet_stage(stack), environment={"MAX_RECEIVE_COUNT": "5"})
    return Checkup("local", stack.region, plain, stage=stage, timeout=1)


@pytest.fixture(scope="package")
def server(stack):
    with scripted_aws(stack.endpoint) as server:
        yield server


@pytest.fixture(scope="package")
def client(server, stack):
    """Clients take long to make: these are made once."""
    with pytest.MonkeyPatch.context() as patch:
        use(patch, stack)
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        return stages.connect("local")


@pytest.fixture
def aws(server, stack, monkeypatch):
    """In front of the running stack; what commands talk to. It has no rules yet."""
    use(monkeypatch, stack)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    server.rules.clear()
    return server


@pytest.fixture
def scripted(aws, client, stack):
    """Of the running stack, through that server."""
    stage = dataclasses.replace(stage_of(stack), client=client)
    return Checkup("local", stack.region, client, stage=stage, timeout=60)


def find(name, checks=(*AFTER, *REACH, CLEANING)):
    return next(check for check in checks if check.name == name)


def found(checkup, name, checks=(*AFTER, *REACH, CLEANING)):
    """The result of one check: its status, and its sentence with what to do about it."""
    result = find(name, checks).result(checkup)
    return result.status.value, f"{result.sentence} > {result.advice}"


def before(checkup, name):
    """The same of a check before a deployment."""
    return found(checkup, name, BEFORE)


def error(code, message="no"):
    """An error of the query protocol."""
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


def identity(arn=SESSION):
    """What STS answers."""
    return (
        "<GetCallerIdentityResponse><GetCallerIdentityResult>"
        f"<Arn>{arn}</Arn><UserId>AROAEXAMPLE</UserId><Account>123456789012</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
