"""What Lambda refuses of a mapping, and its table of what an answer means for its batch: row by row, and played."""

import json

import pytest

from ops.errors import StackError
from ops.local.deployed import EventSourceMapping, InvalidAnswerError, failed_messages
from tests.ops.local.conftest import wait_until

SUCCESS = {
    "an empty list": {"batchItemFailures": []},
    "a null list": {"batchItemFailures": None},
    "an empty answer": {},
    "a null answer": None,
}
WHOLE_BATCH_FAILED = {
    "an empty identifier": {"batchItemFailures": [{"itemIdentifier": ""}]},
    "a null identifier": {"batchItemFailures": [{"itemIdentifier": None}]},
    "an identifier that is not in the batch": {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
    "a misspelt key in an entry": {"batchItemFailures": [{"itemIdentifer": "ID"}]},
    "an entry that is no object": {"batchItemFailures": ["ID"]},
    "a list that is none": {"batchItemFailures": "ID"},
    "an answer that is no object": "ID",
}
ONE_FAILED = {"batchItemFailures": [{"itemIdentifier": "ID"}]}


@pytest.mark.parametrize("answer", SUCCESS.values(), ids=SUCCESS)
def test_nothing_to_report_is_success(answer):
    assert failed_messages(answer, {"ID", "other"}) == set()


@pytest.mark.parametrize("answer", WHOLE_BATCH_FAILED.values(), ids=WHOLE_BATCH_FAILED)
def test_an_answer_that_cannot_be_understood_fails_the_whole_batch(answer):
    with pytest.raises(InvalidAnswerError):
        failed_messages(answer, {"ID", "other"})


def test_only_what_is_reported_failed():
    assert failed_messages(ONE_FAILED, {"ID", "other"}) == {"ID"}


def test_one_bad_entry_among_good_ones_fails_the_whole_batch():
    answer = {"batchItemFailures": [{"itemIdentifier": "ID"}, {"itemIdentifier": ""}]}

    with pytest.raises(InvalidAnswerError):
        failed_messages(answer, {"ID", "other"})


def test_the_player_deletes_by_the_table(stage):
    """Every row at once: one message a batch, whose body is the answer to give."""
    succeed = set(stage.send(*map(json.dumps, SUCCESS.values())))
    fail = set(stage.send(*map(json.dumps, [*WHOLE_BATCH_FAILED.values(), ONE_FAILED])))

    player = stage.play("answer_as_told", batch_size=1)
    wait_until(lambda: player.counts.finished == len(succeed) + len(fail))

    assert player.counts.deleted == len(succeed)
    assert player.counts.failures == len(WHOLE_BATCH_FAILED)
    assert stage.left() == len(fail)


@pytest.mark.parametrize(
    "handler", ["raise_an_exception", "return_what_is_not_json", "return_nan", "exit_at_once", "leave_by_sys_exit"]
)
def test_an_invocation_that_ends_without_an_answer_fails_the_whole_batch(stage, handler):
    stage.send("one", "two")

    player = stage.play(handler, batch_size=2)
    wait_until(lambda: player.counts.finished == 1)

    assert player.counts.failures == 1
    assert player.counts.deleted == 0
    assert stage.left() == 2


def test_without_reporting_the_answer_is_not_read(stage):
    stage.send(json.dumps(ONE_FAILED))

    player = stage.play("answer_as_told", reports_failures=False)
    wait_until(lambda: player.counts.deleted == 1)

    assert stage.left() == 0


def test_without_reporting_an_exception_fails_the_whole_batch(stage):
    stage.send("one")

    player = stage.play("raise_an_exception", reports_failures=False)
    wait_until(lambda: player.counts.finished == 1)

    assert stage.left() == 1


def test_a_batch_above_ten_needs_a_window():
    deployed = {"EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q", "FunctionArn": "f", "BatchSize": 11}

    with pytest.raises(StackError, match="batching window"):
        EventSourceMapping.from_api(deployed)


def test_event_filters_are_refused_rather_than_ignored():
    deployed = {
        "EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q",
        "FunctionArn": "f",
        "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
    }

    with pytest.raises(StackError, match="filterPatterns"):
        EventSourceMapping.from_api(deployed)
