"""A table's stream is played as Lambda plays it: filtered, in order, at least once, given up only by the mapping."""

import json
import os
import signal
import sys
import uuid
from dataclasses import replace
from typing import Any

import pytest

from ops.errors import StackError
from ops.local import stream_player
from ops.local.deployed import Function
from ops.local.live import LOOK
from ops.local.program import Program
from ops.local.stream_mapping import StreamMapping, matches
from ops.local.stream_player import StreamPlayer
from tests.ops.local.conftest import FUNCTIONS, REGION, SITE_PACKAGES, wait_until

ENDED = {"dynamodb": {"NewImage": {"status": {"S": ["DONE", "REJECTED"]}}}}
ANSWER: dict[str, Any] = {
    "EventSourceArn": f"arn:aws:dynamodb:{REGION}:123456789012:table/images/stream/2026",
    "StartingPosition": "TRIM_HORIZON",
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 1,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 100,
    "MaximumRecordAgeInSeconds": 82800,
    "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:events-dlq"}},
    "FilterCriteria": {"Filters": [{"Pattern": json.dumps(ENDED)}]},
    "State": "Enabled",
}


class Streamed:
    """A table with a stream, and a player that runs one of the handlers of ``functions`` on it."""

    def __init__(self, emulator, log_dir):
        self.emulator = emulator
        self.log_dir = log_dir
        self.name = f"t-{uuid.uuid4().hex}"
        self.players = []
        self.dynamodb = emulator.client("dynamodb")
        made = self.dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.arn = made["TableDescription"]["LatestStreamArn"]

    def write(self, *keys, status="DONE"):
        for key in keys:
            self.dynamodb.update_item(
                TableName=self.name,
                Key={"k": {"S": key}},
                UpdateExpression="SET #s = :s",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues={":s": {"S": status}},
            )

    def play(self, handler, *, now=dict, **mapping):
        source = StreamMapping(stream_arn=self.arn, patterns=[ENDED], **mapping)
        function = Function(
            name="function",
            arn=f"arn:aws:lambda:{REGION}:123456789012:function:function",
            handler=f"stream_handlers.{handler}",
            timeout=20,
            memory=512,
            environment={"MARK": str(self.log_dir.parent / "mark")},
        )
        player = StreamPlayer(
            self.emulator.client,
            lambda: replace(source, **now()),
            lambda: Program(function, sys.executable, FUNCTIONS, (SITE_PACKAGES,)),
            environ=self.emulator.environ(),
            log_dir=self.log_dir,
        )
        self.players.append(player)
        player.start()
        return player

    def said(self):
        """What the handler printed of each invocation."""
        lines = "".join(path.read_text() for path in sorted(self.log_dir.glob("function-*.log"))).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def batches(self):
        """The keys of each invocation's records."""
        return [each["keys"] for each in self.said()]

    def queue(self):
        sqs = self.emulator.client("sqs")
        url = sqs.create_queue(QueueName=f"dlq-{uuid.uuid4().hex}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return arn, lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])


@pytest.fixture
def streamed(emulator, tmp_path, monkeypatch, aside):
    monkeypatch.setattr(stream_player, "PAUSES", (0.01,))
    made = Streamed(emulator, tmp_path / "logs")
    yield made
    for player in made.players:
        aside.submit(player.kill)


def test_only_chosen_records_are_handed_over_in_order_in_lambdas_form(streamed):
    streamed.write("a", status="IN_PROGRESS")
    streamed.write("a", "b", "c")
    player = streamed.play("succeed", window=0.3)

    wait_until(lambda: player.counts.records == 3)

    (batch,) = streamed.batches()
    assert batch == ["a", "b", "c"]
    assert player.counts.read == 4  # no record of a bare key, and nothing went away
    record = streamed.said()[0]["first"]
    assert record["eventSource"] == "aws:dynamodb"
    assert (record["eventSourceARN"], record["awsRegion"]) == (streamed.arn, REGION)
    assert record["eventName"] == "MODIFY"
    assert record["dynamodb"]["OldImage"]["status"] == {"S": "IN_PROGRESS"}
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], float)


def test_a_batch_is_closed_when_it_is_full(streamed):
    streamed.write(*"abcde")
    player = streamed.play("succeed", batch_size=2)

    wait_until(lambda: player.counts.records == 5)

    assert streamed.batches() == [["a", "b"], ["c", "d"], ["e"]]


def test_what_was_reported_is_read_again_from_there_and_nothing_overtakes_it(streamed):
    streamed.write(*"abcd")
    player = streamed.play("refuse_c_once", window=0.3)

    wait_until(lambda: player.counts.records == 4)
    streamed.write("e")
    wait_until(lambda: player.counts.records == 5)

    assert streamed.batches() == [["a", "b", "c", "d"], ["c", "d"], ["e"]]
    assert player.counts.failures == 1


def test_an_exception_halves_the_batch_until_one_record_is_alone_and_that_one_is_given_up(streamed):
    streamed.write("a", "b", "poison", "d")
    arn, received = streamed.queue()
    player = streamed.play("die_of_poison", window=0.3, bisects=True, maximum_attempts=2, on_failure=arn)

    wait_until(lambda: player.counts.records == 4)

    assert streamed.batches() == [
        *(["a", "b", "poison", "d"], ["a", "b"], ["poison", "d"]),
        *(["poison"], ["poison"], ["poison"], ["d"]),
    ]
    (message,) = received()
    said = json.loads(message["Body"])
    assert said["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert said["DDBStreamBatchInfo"]["batchSize"] == 1
    assert said["DDBStreamBatchInfo"]["streamArn"] == streamed.arn
    assert "poison" not in message["Body"]  # a position, no content


def test_a_record_that_is_too_old_is_given_up(streamed):
    streamed.write("poison")
    player = streamed.play("die_of_poison", maximum_age=0)

    wait_until(lambda: player.counts.given_up == 1)


def test_an_answer_that_means_nothing_fails_the_whole_batch(streamed):
    streamed.write(*"ab")
    player = streamed.play("name_an_unknown_number_once", window=0.3)

    wait_until(lambda: player.counts.records == 2)

    assert streamed.batches() == [["a", "b"], ["a", "b"]]


def test_a_batch_whose_process_is_killed_comes_again(streamed):
    streamed.write("a")
    player = streamed.play("hang_the_first_time")
    (pid,) = wait_until(player.environment_pids)
    wait_until(streamed.batches)

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: player.counts.records == 1)
    assert streamed.batches() == [["a"], ["a"]]


def test_a_mapping_that_is_disabled_hands_nothing_over(streamed, monkeypatch):
    monkeypatch.setattr(stream_player, "LOOK", 0.05)
    state = {"enabled": False}
    streamed.write("a")
    player = streamed.play("succeed", now=lambda: state)
    streamed.write("b")
    assert player.counts.read == 0

    state["enabled"] = True

    wait_until(lambda: player.counts.records == 2)


def test_a_stream_without_news_is_looked_into_less_often_until_there_are_some(streamed, monkeypatch):
    """What is news for how long is said here as it goes: a busy machine delivers one in no time that is known."""
    monkeypatch.setattr(stream_player, "QUIET", 0.0)
    waits = list[float]()
    player = streamed.play("succeed")
    wait = player._stopping.wait

    def note(seconds):
        waits.append(seconds)
        return wait(seconds)

    monkeypatch.setattr(player._stopping, "wait", note)
    wait_until(lambda: LOOK in waits)

    monkeypatch.setattr(stream_player, "QUIET", 60.0)
    waits.clear()
    wait_until(lambda: len(waits) > 1)
    assert set(waits) == {LOOK}

    streamed.write("a")
    wait_until(lambda: player.counts.records == 1)
    wait_until(lambda: waits[-1] == stream_player.POLL)

    monkeypatch.setattr(stream_player, "QUIET", 0.0)
    wait_until(lambda: waits[-1] == LOOK)


def test_a_player_whose_table_is_gone_says_so(streamed):
    streamed.dynamodb.delete_table(TableName=streamed.name)
    player = streamed.play("succeed")

    wait_until(lambda: not player._thread.is_alive())

    with pytest.raises(StackError, match="stopped reading the stream"):
        player.stop()
    streamed.players.clear()


def test_a_mapping_is_read_as_it_is_deployed():
    assert StreamMapping.from_api(ANSWER) == StreamMapping(
        stream_arn=ANSWER["EventSourceArn"],
        batch_size=100,
        window=1,
        patterns=[ENDED],
        reports_failures=True,
        bisects=True,
        maximum_attempts=100,
        maximum_age=82800,
        on_failure=ANSWER["DestinationConfig"]["OnFailure"]["Destination"],
    )
    assert StreamMapping.from_api(ANSWER | {"MaximumRetryAttempts": -1}).maximum_attempts == float("inf")


@pytest.mark.parametrize(
    "changes",
    [
        {"StartingPosition": "LATEST"},
        {"ParallelizationFactor": 2},
        {
            "FilterCriteria": {
                "Filters": [{"Pattern": '{"dynamodb": {"NewImage": {"status": {"S": [{"prefix": "D"}]}}}}'}]
            }
        },
    ],
)
def test_a_mapping_that_is_not_played_is_refused(changes):
    with pytest.raises(StackError):
        StreamMapping.from_api(ANSWER | changes)


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ({"a": {"b": "x"}, "c": True}, True),
        ({"a": {"b": "y"}, "c": True}, True),
        ({"a": {"b": "z"}, "c": True}, False),
        ({"a": {"b": "x"}, "c": False}, False),
        ({"a": {"b": "x"}}, False),
        ({"a": "x", "c": True}, False),
        ({}, False),
    ],
)
def test_a_record_matches_by_exact_values_under_every_name(thing, expected):
    assert matches({"a": {"b": ["x", "y"]}, "c": [True]}, thing) is expected
