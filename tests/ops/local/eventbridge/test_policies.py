"""Policies let in whom they let in on AWS, and what cannot be read lets in nobody."""

import dataclasses
import json

import pytest

from ops.local.eventbridge.policies import AccessRequest, UnreadablePolicyError, allows

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:events"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/bus/name"
CONTEXT = {"aws:sourcearn": RULE, "aws:sourceaccount": "123456789012", "aws:securetransport": "true"}
SEND = AccessRequest("sqs:SendMessage", QUEUE, CONTEXT, "events.amazonaws.com")
ALLOW = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
}
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": QUEUE,
    "Condition": {"Bool": {"aws:SecureTransport": False}},
}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}},
        {"Action": ["sqs:GetQueueUrl", "SQS:Send*"]},
        {"Action": "*"},
        {"Resource": ["arn:aws:sqs:*:*:event?"]},
        {"Condition": {}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": ["other", "arn:aws:events:*:*:rule/bus/*"]}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": 123456789012}}},
    ],
    ids=json.dumps,
)
def test_a_statement_that_concerns_the_request_allows_it(change):
    assert allows([policy(ALLOW | change, TLS_ONLY)], SEND)


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Principal": {"AWS": "123456789012"}},
        {"Action": "sqs:ReceiveMessage"},
        {"Resource": f"{QUEUE}-other"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": f"{RULE}-other"}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}},
        {"Condition": {"StringEquals": {"AWS:SourceOwner": "123456789012"}}},
        {"Condition": {"ArnEquals": {"aws:SourceArn": RULE}, "StringEquals": {"aws:SourceAccount": "210987654321"}}},
        {"Effect": "Deny"},
    ],
    ids=json.dumps,
)
def test_any_other_statement_does_not(change):
    assert not allows([policy(ALLOW | change)], SEND)


def test_without_a_policy_nobody_is_let_in():
    assert not allows([], SEND)
    assert not allows([policy()], SEND)


def test_a_denial_outweighs_every_permission():
    denial = TLS_ONLY | {"Condition": {}}

    assert not allows([policy(ALLOW), policy(denial)], SEND)


@pytest.mark.parametrize(
    "change",
    [
        {"NotAction": "sqs:ReceiveMessage"},
        {"Condition": {"StringNotEquals": {"aws:SourceAccount": "210987654321"}}},
        {"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"ForAllValues:StringNotLike": {"aws:TagKeys": "a"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgPaths": "a"}}},
    ],
    ids=json.dumps,
)
def test_what_is_not_known_is_refused_aloud(change):
    request = dataclasses.replace(SEND, context=CONTEXT | {"aws:principalorgpaths": ["a", "b"]})

    with pytest.raises(UnreadablePolicyError, match="cannot read"):
        allows([policy(ALLOW | change)], request)


def test_a_role_needs_no_principal_in_its_own_policies():
    statement = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "machine"}

    assert allows([policy(statement)], AccessRequest("states:StartExecution", "machine", {}))
    assert not allows([policy(statement)], AccessRequest("states:StartExecution", "another", {}))


KEYS = "dynamodb:LeadingKeys"
OWN = {"ForAllValues:StringLike": {KEYS: ["caller:*", "#erasures"]}}


@pytest.mark.parametrize(
    ("condition", "keys", "expected"),
    [
        (OWN, ["caller:anna"], True),
        (OWN, ["caller:anna", "#erasures"], True),
        (OWN, ["caller:anna", "bucket/key"], False),
        (OWN, None, True),
        (OWN | {"Null": {KEYS: False}}, None, False),
        (OWN | {"Null": {KEYS: "false"}}, ["caller:anna"], True),
        ({"Null": {KEYS: True}}, None, True),
        ({"Null": {KEYS: True}}, ["caller:anna"], False),
    ],
)
def test_a_condition_on_all_values_passes_without_any_unless_null_is_checked(condition, keys, expected):
    statement = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "table", "Condition": condition}
    context = {} if keys is None else {KEYS.lower(): keys}

    assert allows([policy(statement)], AccessRequest("dynamodb:Query", "table", context)) is expected
