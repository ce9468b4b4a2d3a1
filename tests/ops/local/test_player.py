"""The player does with a queue and a function what Lambda would."""

import json
import os
import threading
import time

import pytest

from ops.errors import StackError
from tests.ops.local.conftest import is_running, wait_until


def test_only_what_succeeded_is_deleted(stage):
    good, bad = stage.send("good", "bad")

    player = stage.play("fail_the_marked", batch_size=2)
    wait_until(lambda: player.counts.finished == 1)
    assert stage.left() == 1
    assert stage.invocations()[0]["ids"] == [good, bad]


def test_while_the_mapping_is_disabled_messages_wait_unreceived(stage):
    answers: list[bool] = []
    enabled = threading.Event()

    def ask():
        answers.append(enabled.is_set())
        return answers[-1]

    player = stage.play("succeed", now=lambda: {"enabled": ask()})
    wait_until(lambda: player.paused)
    stage.send("a", "b")

    asked = len(answers)
    wait_until(lambda: len(answers) >= asked + 2)
    assert (player.counts.batches, stage.left(), stage.hidden()) == (0, 2, 0)
    enabled.set()
    wait_until(lambda: player.counts.deleted == 2)

    assert {count for call in stage.invocations() for count in call["receive_counts"]} == {1}


def test_a_mapping_that_is_disabled_meanwhile_stops_the_player(stage):
    enabled = [True]
    player = stage.play("succeed", now=lambda: {"enabled": bool(enabled)})
    stage.send("a")
    wait_until(lambda: player.counts.deleted == 1)

    enabled.clear()
    wait_until(lambda: player.paused)
    stage.send("b")

    player.stop()
    assert player.counts.batches == 1
    assert (stage.left(), stage.hidden()) == (1, 0)


def test_a_changed_mapping_holds_from_the_next_batch_on(stage):
    settings = {"batch_size": 1, "maximum_concurrency": 1}
    player = stage.play("succeed", now=lambda: settings, environments=2)
    stage.send(*"ab")
    wait_until(lambda: player.counts.deleted == 2)
    assert {len(call["ids"]) for call in stage.invocations()} == {1}

    settings |= {"batch_size": 3, "enabled": False}
    wait_until(lambda: player.paused)
    stage.send(*"cde")
    settings |= {"enabled": True}

    wait_until(lambda: player.counts.deleted == 5)
    assert [len(call["ids"]) for call in stage.invocations()] == [1, 1, 3]


def test_what_failed_comes_back_when_its_visibility_timeout_ends(stage):
    stage.set(VisibilityTimeout="1")
    (identifier,) = stage.send("x")

    stage.play("raise_an_exception", timeout=1)
    calls = wait_until(lambda: [call for call in stage.invocations() if call["receive_counts"] == [2]])

    assert calls[0]["ids"] == [identifier]
    assert "the handler's own words" in stage.log()


def test_the_function_can_put_a_message_off(stage):
    stage.set(VisibilityTimeout="4")
    stage.send("x")

    player = stage.play("hide_for_ten_minutes", timeout=4, environment={"QUEUE_URL": stage.queue_url})
    wait_until(lambda: player.counts.finished == 1)

    answer = stage.sqs.receive_message(QueueUrl=stage.queue_url, WaitTimeSeconds=5)
    assert "Messages" not in answer
    assert stage.left() == 1


def test_after_the_last_receive_a_message_goes_to_the_dead_letter_queue(stage):
    dead_letters = stage.create_queue(f"{stage.queue_name}-dlq")
    arn = f"arn:aws:sqs:eu-west-1:123456789012:{stage.queue_name}-dlq"
    stage.set(VisibilityTimeout="1", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2}))
    (identifier,) = stage.send("x")

    stage.play("raise_an_exception", timeout=1)
    wait_until(lambda: stage.left(dead_letters) == 1)

    assert [call["receive_counts"] for call in stage.invocations()] == [[1], [2]]
    (message,) = stage.sqs.receive_message(QueueUrl=dead_letters)["Messages"]
    assert message["MessageId"] == identifier


def test_an_invocation_is_killed_at_the_function_timeout(stage):
    stage.send("x")

    player = stage.play("never_end", timeout=0.5)
    wait_until(lambda: player.counts.finished == 1)

    assert player.counts.timeouts == 1
    assert stage.left() == 1
    assert not is_running(stage.invocations()[0]["pid"])
    assert "killed after the function timeout of 0.5 s" in stage.log()


def test_what_the_function_started_dies_with_its_environment(stage):
    stage.send("x")

    player = stage.play("start_a_child_and_never_end", timeout=2)
    child = wait_until(stage.invocations)[0]["child"]
    assert is_running(child)
    wait_until(lambda: player.counts.timeouts == 1)

    wait_until(lambda: not is_running(child))


def test_after_a_kill_the_next_invocation_starts_cold_and_succeeds(stage):
    stage.send("hang")
    player = stage.play("never_end_when_told", timeout=0.5, environments=1)
    wait_until(lambda: player.counts.timeouts == 1)

    stage.send("go")
    wait_until(lambda: player.counts.deleted == 1)

    killed, fresh = stage.invocations()
    assert killed["pid"] != fresh["pid"]
    assert player.counts.cold_starts == 2


def test_a_crash_costs_its_batch_and_nothing_else(stage):
    stage.send("x")

    player = stage.play("exit_at_once")
    wait_until(lambda: player.counts.finished == 1)

    assert stage.left() == 1
    assert "exited with status 7" in stage.log()


def test_a_process_that_dies_while_it_starts_costs_its_batch_and_the_player_lives_on(stage):
    stage.send("x")

    player = stage.play("dead_at_import.handler")
    wait_until(lambda: player.counts.finished == 1)

    assert stage.left() == 1
    assert "exited with status 9" in stage.log()


def test_a_warm_environment_is_used_again(stage):
    player = stage.play("succeed", batch_size=1, environments=2)
    for number in range(3):
        stage.send(str(number))
        wait_until(lambda number=number: player.counts.deleted == number + 1)

    calls = stage.invocations()
    assert len({call["pid"] for call in calls}) == 1
    assert len({call["initialized"] for call in calls}) == 1
    assert len({call["request_id"] for call in calls}) == 3
    assert player.counts.cold_starts == 1


def test_an_exception_keeps_the_environment_warm(stage):
    stage.send("one", "two")

    player = stage.play("raise_an_exception", batch_size=1, environments=1)
    wait_until(lambda: player.counts.failures == 2)

    assert len({call["pid"] for call in stage.invocations()}) == 1


def test_a_function_that_cannot_be_imported_fails_its_batches(stage):
    stage.send("x")

    player = stage.play("broken_at_import.handler")
    wait_until(lambda: player.counts.finished == 1)

    assert stage.left() == 1
    assert "RuntimeError: a module that cannot be imported" in stage.log()


def test_initialization_does_not_count_against_the_function_timeout(stage):
    stage.send("x")

    player = stage.play("slow_to_import.handler", timeout=0.5)
    wait_until(lambda: player.counts.finished == 1)

    assert player.counts.deleted == 1


def test_a_backlog_is_worked_off_by_as_many_environments_as_allowed_and_never_more(stage):
    stage.send(*map(str, range(9)))

    player = stage.play("work_for_a_while", batch_size=1, maximum_concurrency=3, environments=10)
    wait_until(lambda: player.counts.deleted == 9)

    calls = stage.invocations()
    at_once = [sum(other["start"] <= call["start"] < other["end"] for other in calls) for call in calls]
    assert max(at_once) == 3
    assert len({call["pid"] for call in calls}) == 3


def test_no_message_is_received_before_an_environment_is_free(stage, tmp_path):
    release = tmp_path / "release"
    stage.send("one", "two")
    player = stage.play("work_until_told", batch_size=1, environments=1, environment={"RELEASE": str(release)})
    wait_until(stage.invocations)

    (waiting,) = stage.sqs.receive_message(QueueUrl=stage.queue_url, AttributeNames=["All"])["Messages"]
    assert waiting["Attributes"]["ApproximateReceiveCount"] == "1"
    stage.sqs.change_message_visibility(
        QueueUrl=stage.queue_url, ReceiptHandle=waiting["ReceiptHandle"], VisibilityTimeout=0
    )
    release.touch()
    wait_until(lambda: player.counts.deleted == 2)


def test_a_full_batch_does_not_wait_for_its_window(stage):
    stage.send(*map(str, range(4)))

    player = stage.play("succeed", batch_size=2, window=300)
    wait_until(lambda: player.counts.deleted == 4)

    assert [len(call["ids"]) for call in stage.invocations()] == [2, 2]


def test_a_window_gathers_what_comes_while_it_is_open(stage):
    player = stage.play("succeed", batch_size=10, window=1)
    first = stage.send("one")
    wait_until(lambda: stage.hidden() == 1)  # received: the window is open
    second = stage.send("two")
    wait_until(lambda: player.counts.deleted == 2)

    assert [call["ids"] for call in stage.invocations()] == [first + second]


def test_a_large_batch_is_gathered_from_several_receives(stage):
    stage.send(*map(str, range(25)))

    player = stage.play("succeed", batch_size=25, window=300)
    wait_until(lambda: player.counts.deleted == 25)

    assert player.counts.batches == 1


def test_without_a_window_a_batch_takes_what_is_there(stage):
    stage.send("one", "two", "three")

    player = stage.play("succeed", batch_size=10, window=0)
    wait_until(lambda: player.counts.deleted == 3)

    assert player.counts.batches == 1


def test_a_batch_closes_before_it_grows_beyond_six_megabytes(stage):
    stage.send(*["x" * (1024 * 1024)] * 7)

    stage.play("succeed", batch_size=7, window=300)
    calls = wait_until(stage.invocations)

    assert len(calls[0]["ids"]) == 5


def test_stopping_gives_back_what_no_function_has_seen(stage):
    stage.send("x")
    player = stage.play("succeed", batch_size=2, window=300)
    wait_until(lambda: stage.hidden() == 1)

    player.stop()

    (message,) = stage.sqs.receive_message(QueueUrl=stage.queue_url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert player.counts.batches == 0


def test_the_function_gets_the_event_and_the_context_of_lambda(stage):
    identifier = stage.sqs.send_message(
        QueueUrl=stage.queue_url,
        MessageBody="hello",
        MessageAttributes={"color": {"DataType": "String", "StringValue": "red"}},
    )["MessageId"]

    player = stage.play("tell_everything", timeout=20, environment={"SETTING": "on"})
    wait_until(lambda: player.counts.deleted == 1)
    (told,) = stage.invocations()

    (record,) = told["given"]["Records"]
    attributes = record.pop("attributes")
    assert set(attributes) == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    assert attributes["ApproximateReceiveCount"] == "1"
    assert record.pop("receiptHandle")
    assert record.pop("md5OfMessageAttributes")
    assert record == {
        "messageId": identifier,
        "body": "hello",
        "messageAttributes": {
            "color": {"stringValue": "red", "dataType": "String", "stringListValues": [], "binaryListValues": []}
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{stage.queue_name}",
        "awsRegion": "eu-west-1",
    }
    assert told["told"] == {
        "function_name": "function",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:function",
        "memory_limit_in_mb": "512",
    }
    assert 15_000 < told["remaining"] <= 20_000


def test_the_function_sees_its_own_environment_and_not_the_users(stage, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    stage.send("x")

    player = stage.play("tell_everything", environment={"SETTING": "on"})
    wait_until(lambda: player.counts.deleted == 1)
    environ = stage.invocations()[0]["environ"]

    assert environ["SETTING"] == "on"
    assert environ["AWS_ENDPOINT_URL"] == stage.emulator.endpoint
    assert environ["AWS_ACCESS_KEY_ID"] == stage.emulator.credentials.access_key
    assert environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "function"
    assert environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert "AWS_PROFILE" not in environ


def test_stopping_lets_a_running_invocation_end(stage, tmp_path):
    release = tmp_path / "release"
    stage.send("x")
    player = stage.play("work_until_told", environment={"RELEASE": str(release)})
    (call,) = wait_until(stage.invocations)

    release.touch()
    player.stop()

    assert player.counts.deleted == 1
    assert not is_running(call["pid"])


def test_killing_ends_a_running_invocation_at_once(stage):
    stage.send("x")
    player = stage.play("never_end", timeout=50)
    (call,) = wait_until(stage.invocations)

    start = time.monotonic()
    player.kill()

    assert time.monotonic() - start < 25  # half the function timeout: it was not waited for
    assert not is_running(call["pid"])
    assert stage.left() == 1


def test_a_player_whose_queue_is_gone_says_so(stage):
    player = stage.play("succeed")

    stage.sqs.delete_queue(QueueUrl=stage.queue_url)
    wait_until(lambda: player._broken)

    with pytest.raises(StackError, match="stopped polling"):
        player.raise_if_broken()
    with pytest.raises(StackError, match="stopped polling"):
        player.stop()
    stage.players.clear()


def test_a_visibility_timeout_below_the_function_timeout_is_refused(stage):
    with pytest.raises(StackError, match="visibility timeout"):
        stage.play("succeed", timeout=61)
