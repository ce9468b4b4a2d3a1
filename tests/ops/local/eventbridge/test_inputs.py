"""A target gets the event, or what it asks for of it; what makes no JSON on AWS makes none here."""

import json

import pytest

from ops.local.eventbridge.inputs import InvalidInputError, as_sent, input_of

RULE = "arn:aws:events:eu-west-1:123456789012:rule/bus/name"
EVENT = {
    "version": "0",
    "id": "i",
    "detail-type": "Image Failed",
    "source": "darkroom",
    "account": "123456789012",
    "time": "2026-11-26T07:00:04Z",
    "region": "eu-west-1",
    "resources": ["a", "b"],
    "detail": {"key": 'a "b".jpg', "width": 3, "nested": {"x": "y"}},
}


def made(target, event=None):
    return json.loads(input_of({"Id": "t", "Arn": "a", **target}, event or EVENT, RULE))


def transformed(template, **paths):
    return made({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}})


def test_an_event_has_awss_fields_and_its_time_in_text():
    sent = as_sent({**EVENT, "time": 1795676404.0, "ingestion-time": 1795676404.5})

    assert sent == {**EVENT, "time": "2026-11-26T07:00:04Z"}


def test_a_target_gets_the_event_by_default():
    assert made({}) == EVENT


def test_a_target_may_get_a_text_of_its_own_or_a_part_of_the_event():
    assert made({"Input": '{"fixed": 1}'}) == {"fixed": 1}
    assert made({"InputPath": "$.detail.nested"}) == {"x": "y"}
    assert made({"InputPath": "$.resources[1]"}) == "b"
    assert made({"InputPath": "$"}) == EVENT


def test_a_placeholder_outside_of_quotes_becomes_json():
    assert transformed('{"key": <key>, "all": <all>}', key="$.detail.key", all="$.resources") == {
        "key": 'a "b".jpg',
        "all": ["a", "b"],
    }


def test_a_placeholder_in_quotes_becomes_text_without_the_quotes_of_objects():
    assert transformed('"<kind> of <width>: <nested>"', kind="$.detail-type", width="$.detail.width",
                       nested="$.detail.nested") == "Image Failed of 3: {x: y}"  # fmt: skip


def test_eventbridges_own_variables_are_known():
    assert transformed('{"rule": "<aws.events.rule-name>", "event": <aws.events.event.json>}') == {
        "rule": "name",
        "event": EVENT,
    }


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ('"<key>"', "$.detail.key"),  # has quotes, which EventBridge does not escape
        ("not JSON <key>", "$.detail.width"),
        ('{"key": <other>}', "$.detail.key"),
        ('{"key": <key>}', "$.detail.missing"),
        ('{"key": <key>}', "$.resources[?(@.x)]"),
    ],
)
def test_what_makes_no_json_is_refused(template, path):
    with pytest.raises(InvalidInputError):
        transformed(template, key=path)
