"""A dead-letter queue of more messages than SQS lets anybody receive at a time: what was not seen is told of."""

import json
from itertools import count

import pytest
from botocore.exceptions import ClientError

from ops.cli.dlq.messages import HeldMessages

LETTERS, IN_FLIGHT = 30, 20


@pytest.fixture(params=["long polling", "short polling"])
def large(request, place, monkeypatch):
    """A place of 30 messages, of which SQS gives 20, and then what it answers to long and to short polling."""
    place.bury_many([place.body(f"images/{number}.jpg") for number in range(LETTERS)])
    monkeypatch.setattr("ops.cli.stage.find", lambda *_names: place.stage)
    client = place.stage.client("sqs")
    receive, received = client.receive_message, count(step=10)

    def some(**asked):
        if next(received) < IN_FLIGHT:
            return receive(**asked)
        if request.param == "long polling":
            return {}
        raise ClientError({"Error": {"Code": "OverLimit"}}, "ReceiveMessage")

    monkeypatch.setattr(client, "receive_message", some)
    return place


@pytest.mark.parametrize(
    "command",
    [
        ("groups",),
        ("list",),
        ("export",),
        ("redrive", "--all", "--dry-run"),
        ("purge", "--all", "--dry-run"),
    ],
)
def test_that_only_a_part_was_seen_is_said(large, command):
    result = large.run(*command)

    assert result.exit_code == 0
    assert "ONLY A PART WAS SEEN: 20 of about 30 dead letters" in result.stderr


@pytest.mark.parametrize(
    "command", [("groups",), ("list",), ("redrive", "--all", "--dry-run"), ("export", "--out", "")]
)
def test_programs_are_told_how_many_were_not_seen(large, tmp_path, command):
    document = large.json(*(word or str(tmp_path / "messages.jsonl") for word in command))

    assert (document["seen"], document["unseen"]) == (IN_FLIGHT, LETTERS - IN_FLIGHT)


@pytest.mark.parametrize("command", [("redrive", "--all"), ("purge", "--all", "--yes", "20", "--out", "")])
def test_what_is_done_with_a_part_leaves_the_rest_and_says_so_in_the_history(large, tmp_path, command):
    result = large.run(*(word or str(tmp_path / "messages.jsonl") for word in command), "--json")

    entry = json.loads(result.stdout)
    assert (entry["sent"], entry["unseen"]) == (IN_FLIGHT, LETTERS - IN_FLIGHT)
    assert large.dead_messages == (LETTERS - IN_FLIGHT, 0)
    assert large.json("history")[0]["unseen"] == LETTERS - IN_FLIGHT


def test_a_refusal_is_told_of_though_the_count_says_that_all_were_seen(place, monkeypatch):
    client = place.stage.client("sqs")

    def refuse(**_asked):
        raise ClientError({"Error": {"Code": "OverLimit"}}, "ReceiveMessage")

    monkeypatch.setattr(client, "receive_message", refuse)

    with HeldMessages(client, place.stage.dlq_url) as hold:
        assert (hold.read(), hold.unseen) == ([], 1)


def test_a_queue_that_was_seen_whole_is_not_warned_of(place):
    place.bury("message")

    result = place.run("list", "--json")

    assert "PART" not in result.stderr
    assert (json.loads(result.stdout)["seen"], json.loads(result.stdout)["unseen"]) == (1, 0)
