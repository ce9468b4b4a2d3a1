"""What the emulator says of a template before it is deployed: JSON with resources is let through, without a lint."""

import functools
import json
import sys

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops.local import moto_patches

QUEUE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Nonsense": True}}}}


@pytest.fixture
def cloudformation(monkeypatch):
    moto_patches.install(functools.partial(monkeypatch.setattr, raising=False))
    with mock_aws():
        yield boto3.Session("local", "local", region_name="eu-west-1").client("cloudformation")


def test_the_syntax_is_looked_at_and_the_template_is_not_linted(cloudformation, monkeypatch):
    monkeypatch.setitem(sys.modules, "cfnlint", None)

    answer = cloudformation.validate_template(TemplateBody=json.dumps(QUEUE | {"Description": "a queue"}))

    assert answer["Description"] == "a queue"


@pytest.mark.parametrize("body", ["{", json.dumps({"Description": "nothing"}), "[]"])
def test_what_is_no_template_is_refused(cloudformation, body):
    with pytest.raises(ClientError, match="ValidationError"):
        cloudformation.validate_template(TemplateBody=body)
