"""What a redrive sends, deletes, stops for and remembers."""

import json
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from ops.cli.dlq.causes import REDRIVE
from ops.cli.dlq.history import PARTITION
from ops.cli.dlq.redrive import Redrive
from processing.errors import MalformedMessage
from processing.events import parse
from tests.ops.cli.conftest import CODE
from tests.ops.local.conftest import wait_until


@pytest.fixture
def consumer(place):
    """Plays the consumer: ends each object that is sent as ``ends`` says, the rest as DONE."""
    playing = Consumer(place)
    thread = threading.Thread(target=playing.play)
    thread.start()
    yield playing
    playing.over.set()
    thread.join()


class Consumer:
    def __init__(self, place):
        self.place = place
        self.ends = {}
        self.over = threading.Event()
        self.received = []

    def play(self):
        while not self.over.is_set():
            answer = self.place.sqs.receive_message(
                QueueUrl=self.place.stage.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"]
            )
            for message in answer.get("Messages", ()):
                try:
                    key = parse(message["Body"])[0].key
                except MalformedMessage:
                    continue  # and no record tells of it
                self.received.append((key, message["Attributes"]["ApproximateReceiveCount"]))
                end = self.ends.get(key, {"status": "DONE"})
                if end:
                    self.place.record(key, attempts=9, **end)


def causes(place):
    return {group["cause"]: group["messages"] for group in place.json("groups")["groups"]}


def test_a_redrive_sends_the_same_message_and_deletes_the_message(place):
    body = place.body("images/a.jpg")
    attributes = {"who": {"DataType": "String", "StringValue": "me"}}
    place.bury(body, **attributes)

    result = place.run("redrive", "--all")

    (message,) = place.receive_all(place.stage.queue_url)
    assert result.exit_code == 0, result.output
    assert message["Body"] == body
    assert message["MessageAttributes"]["who"] == attributes["who"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert place.dead_messages == (0, 0)
    (entry,) = place.json("history")
    assert message["MessageAttributes"][REDRIVE]["StringValue"] == entry["id"]


def test_only_what_the_filter_says_is_sent_and_the_rest_is_back_at_once(place, monkeypatch):
    for number in range(3):
        place.dead(f"images/corrupt-{number}.jpg", status="REJECTED", cause="CorruptImage")
        place.dead(f"images/denied-{number}.jpg", cause="AccessDenied")
    run, meanwhile = Redrive.run, []

    def watched(*arguments):
        meanwhile.append(place.dead_messages)
        return run(*arguments)

    monkeypatch.setattr(Redrive, "run", watched)

    place.run("redrive", "--cause", "AccessDenied")

    assert meanwhile == [(3, 3)]  # to be received by others, and held
    assert (place.queued, causes(place), place.dead_messages) == (3, {"CorruptImage": 3}, (3, 0))


def test_a_redrive_that_is_not_told_what_to_send_sends_nothing(place):
    place.bury("message")

    assert place.run("redrive").exit_code == 2
    assert place.run("redrive", "--all", "--where", "*").exit_code == 2
    assert place.dead_messages == (1, 0)


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(place):
    place.dead("images/a.jpg", cause="CorruptImage", status="REJECTED")

    result = place.run("redrive", "--all", "--dry-run")

    assert result.stdout.split() == ["messages", "cause", "1", "CorruptImage"]
    assert place.json("redrive", "--all", "--dry-run") == {
        "messages": 1,
        "causes": {"CorruptImage": 1},
        "seen": 1,
        "unseen": 0,
    }
    assert (place.dead_messages, place.queued, place.json("history")) == ((1, 0), 0, [])


def test_a_limit_takes_the_oldest(place):
    place.bury(place.body("images/a.jpg"))
    time.sleep(0.01)  # SQS's times are in milliseconds
    place.bury(place.body("images/b.jpg"))

    place.run("redrive", "--all", "--limit", "1")

    (left,) = place.json("list")["messages"]
    assert (left["key"], place.queued) == ("images/b.jpg", 1)


def test_what_sqs_does_not_report_as_sent_stays_a_message_and_is_listed(place, monkeypatch):
    place.bury_many([place.body(f"images/{number}.jpg") for number in range(12)])
    refuse_to_send(monkeypatch, place, "images%2F7.jpg")

    result = place.run("redrive", "--all")

    (left,) = place.json("list")["messages"]
    assert result.exit_code == 1
    assert "11 of 12 sent, 1 refused: done" in result.stdout
    assert "images/7.jpg: TooBusy: try later" in result.stderr
    assert (left["key"], place.queued) == ("images/7.jpg", 11)


def refuse_to_send(monkeypatch, place, text):
    """Have SQS answer 200 with that message among the failed, which is how it refuses."""
    client = clients(monkeypatch, place)
    monkeypatch.setattr("ops.cli.queues.FIRST_PAUSE", 0)
    send = client.send_message_batch

    def some(*, QueueUrl, Entries):  # noqa: N803 - boto3's names
        taken = [entry for entry in Entries if text not in entry["MessageBody"]]
        failed = [entry["Id"] for entry in Entries if text in entry["MessageBody"]]
        answer = send(QueueUrl=QueueUrl, Entries=taken) if taken else {"Successful": []}
        return answer | {"Failed": [{"Id": name, "Code": "TooBusy", "Message": "try later"} for name in failed]}

    monkeypatch.setattr(client, "send_message_batch", some)


def clients(monkeypatch, place):
    """The SQS client of the commands, which are to find this very stage."""
    monkeypatch.setattr("ops.cli.stage.find", lambda *_names: place.stage)
    return place.stage.client("sqs")


def test_what_sqs_does_not_report_as_deleted_is_told_of(place, monkeypatch):
    place.bury(place.body("images/a.jpg"))
    client = clients(monkeypatch, place)
    monkeypatch.setattr(client, "delete_message_batch", lambda **_request: {"Failed": [{"Id": "0"}]})

    result = place.run("redrive", "--all")

    assert result.exit_code == 1
    assert "1 could not be deleted and are in both queues" in result.stdout
    assert (place.queued, place.dead_messages) == (1, (1, 0))


def test_a_deletion_that_fails_once_is_tried_again(place, monkeypatch):
    place.bury(place.body("images/a.jpg"))
    client = clients(monkeypatch, place)
    delete, answers = client.delete_message_batch, [{"Failed": [{"Id": "0"}]}]
    monkeypatch.setattr(
        client, "delete_message_batch", lambda **request: answers.pop() if answers else delete(**request)
    )

    assert place.run("redrive", "--all").exit_code == 0
    assert place.dead_messages == (0, 0)


def test_a_redrive_that_breaks_off_puts_the_rest_back_and_says_so_in_the_history(place, monkeypatch):
    place.bury_many([place.body(f"images/{number}.jpg") for number in range(200)])
    client = clients(monkeypatch, place)
    send, calls = client.send_message_batch, []

    def send_some(**request):
        calls.append(request)
        if len(calls) > 3:
            raise ValueError("the line is cut")
        return send(**request)

    monkeypatch.setattr(client, "send_message_batch", send_some)
    result = place.run("redrive", "--all")

    (entry,) = place.json("history")
    assert isinstance(result.exception, ValueError)
    assert (entry["result"], entry["why"], entry["sent"]) == ("broke off", "the line is cut", 30)
    assert (place.queued, place.dead_messages) == (30, (170, 0))


def test_canaries_that_pass_let_the_rest_go(place, consumer):
    for number in range(5):
        place.dead(f"images/{number}.jpg", cause="AccessDenied")

    result = place.run("redrive", "--cause", "AccessDenied", "--canary", "2")

    assert result.exit_code == 0, result.output
    assert "canary: 2 passed" in result.stderr
    assert "5 of 5 sent, 2 passed, 0 failed again: done" in result.stdout
    assert place.dead_messages == (0, 0)


def test_a_canary_that_fails_again_keeps_the_rest_where_it_is(place, consumer):
    for number in range(5):
        place.dead(f"images/{number}.jpg", cause="CorruptImage", status="REJECTED")
        consumer.ends[f"images/{number}.jpg"] = {"status": "REJECTED", "cause": "CorruptImage", "message": "no end"}

    result = place.run("redrive", "--all", "--canary", "1")

    assert result.exit_code == 1
    assert "stopped at the canary: images/0.jpg failed again (CorruptImage: no end)" in result.stdout
    assert place.dead_messages == (4, 0)
    assert place.json("history")[0]["result"] == "stopped at the canary"


def test_a_canary_without_an_end_in_time_stops_too(place):
    place.dead("images/a.jpg", cause="AccessDenied")
    place.dead("images/b.jpg", cause="AccessDenied")

    result = place.run("redrive", "--all", "--canary", "1", "--timeout", "1")

    assert result.exit_code == 1
    assert "stopped at the canary: 1 of 1 have no final status after 1 s" in result.stdout
    assert place.dead_messages == (1, 0)


def test_a_canary_that_sqs_refuses_stops_too(place, monkeypatch):
    place.dead("images/a.jpg", cause="AccessDenied")
    refuse_to_send(monkeypatch, place, "images%2Fa.jpg")

    result = place.run("redrive", "--all", "--canary", "1")

    assert "stopped at the canary: SQS refused 1 of 1" in result.stdout
    assert place.dead_messages == (1, 0)


def test_canaries_are_such_as_can_fail_again(place, consumer):
    place.dead("images/done.jpg", status="DONE")
    place.dead("images/denied.jpg", cause="AccessDenied")
    consumer.ends["images/denied.jpg"] = {"cause": "AccessDenied"}

    result = place.run("redrive", "--all", "--canary", "1")

    assert "images/denied.jpg failed again" in result.stdout


def test_a_message_that_names_no_object_of_the_stage_is_no_canary(place, consumer):
    place.bury("not json", place.body("outside/a.jpg"))  # the oldest
    place.dead("images/denied.jpg", cause="AccessDenied")
    consumer.ends["images/denied.jpg"] = {"cause": "AccessDenied"}

    result = place.run("redrive", "--all", "--canary", "3", "--timeout", "30")

    assert "canary: 1 sent" in result.stderr
    assert "warning: 2 of 3 refer to no object of this stage" in result.stderr
    assert "stopped at the canary: images/denied.jpg failed again" in result.stdout
    assert place.dead_messages == (2, 0)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_where_no_message_can_be_a_canary_none_is_sent(place, options):
    place.bury("not json", place.body("outside/a.jpg"), '{"Event": "s3:TestEvent"}')

    result = place.run("redrive", "--all", "--canary", "1", *options)

    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "these messages refer to no object of this stage, so their outcome cannot be tracked" in result.stderr
    assert "none can be a canary. Export them, then purge." in result.stderr
    assert (place.dead_messages, place.queued, place.json("history")) == ((3, 0), 0, [])


def test_waiting_says_at_once_of_which_messages_nothing_tells_the_end(place, consumer):
    place.bury("not json")
    place.dead("images/a.jpg", cause="AccessDenied")

    result = place.run("redrive", "--all", "--wait", "--timeout", "200")

    assert result.exit_code == 1
    assert "2 of 2 sent, 1 passed, 0 failed again: sent, not followed: 1 refer to no object" in result.stdout


def test_a_redrive_stops_after_repeated_failures_while_it_goes_on(place, consumer):
    for number in range(60):
        place.dead(f"images/{number}.jpg", cause="CorruptImage", status="REJECTED")
        consumer.ends[f"images/{number}.jpg"] = {"status": "REJECTED", "cause": "CorruptImage"}

    result = place.run("redrive", "--all", "--rate", "10", "--stop-after", "3", "--json")

    entry = json.loads(result.stdout)
    assert result.exit_code == 1
    assert entry["result"] == "stopped"
    assert entry["failed_again"] >= 3
    assert place.dead_messages == (60 - entry["sent"], 0)
    assert entry["sent"] < 40


def test_waiting_follows_every_message_to_its_end(place, consumer):
    for number in range(3):
        place.dead(f"images/{number}.jpg", cause="AccessDenied")
    consumer.ends["images/1.jpg"] = {"cause": "AccessDenied"}

    result = place.run("redrive", "--all", "--wait")

    assert result.exit_code == 1
    assert "3 of 3 sent, 2 passed, 1 failed again: done" in result.stdout


def test_what_the_recipe_ignores_is_neither_waited_for_nor_a_canary(place, consumer):
    ignored = place.bury(place.body("images/clip.mov"))
    assert place.json("list")["messages"][0]["cause"] == "ignored"

    refused = place.run("redrive", *ignored, "--canary", "1")
    result = place.run("redrive", "--all", "--wait", "--timeout", "1")

    assert (refused.exit_code, "ignored by the recipe: none can be a canary" in refused.stderr) == (2, True)
    assert (result.exit_code, "1 of 1 sent: done" in result.stdout) == (0, True)
    assert "1 of 1 are ignored by the recipe" in result.stderr


def test_what_is_waited_for_in_vain_is_named(place):
    for name in "abcde":
        place.dead(f"images/{name}.jpg", cause="AccessDenied", message="s3:GetObject x: AccessDenied", attempts=5)

    canaries = place.run("redrive", "--all", "--canary", "2", "--timeout", "1")
    rest = place.run("redrive", "--all", "--wait", "--timeout", "1")

    assert "waiting for their outcomes: images/a.jpg, images/b.jpg" in canaries.stderr
    assert "2 of 2 have no final status after 1 s: images/a.jpg, images/b.jpg" in canaries.stdout
    assert re.search(
        r"3 have no final status after 1 s: images/\w.jpg, images/\w.jpg, images/\w.jpg$", rest.stdout, re.MULTILINE
    )


def test_a_message_that_died_again_after_a_redrive_is_counted_as_such(place):
    place.dead("images/a.jpg", cause="CorruptImage", status="REJECTED")
    place.run("redrive", "--all")
    (message,) = place.receive_all(place.stage.queue_url)
    place.bury(message["Body"], **message["MessageAttributes"])
    place.dead("images/b.jpg", cause="CorruptImage", status="REJECTED")

    (group,) = place.json("groups")["groups"]

    assert (group["messages"], group["redriven_before"]) == (2, 1)


def test_a_message_that_died_again_after_sqs_own_redrive_is_counted_by_the_deaths_of_its_record(place):
    place.dead("images/moved.jpg", cause="CorruptImage", status="REJECTED", deaths=2)
    place.dead("images/twice notified.jpg", cause="CorruptImage", status="REJECTED", deaths=2)
    place.bury(place.body("images/twice notified.jpg"))
    place.dead("images/first.jpg", cause="CorruptImage", status="REJECTED", deaths=1)

    messages = place.json("list")["messages"]

    assert [each["key"] for each in messages if each["again"]] == ["images/moved.jpg"]
    assert place.json("groups")["groups"][0]["redriven_before"] == 1


def test_code_that_failed_before_is_warned_of(place):
    place.dead("images/a.jpg", cause="CorruptImage", status="REJECTED")
    place.dead("images/b.jpg", cause="CorruptImage", status="REJECTED", code_version="older")

    result = place.run("redrive", "--all")

    assert f"warning: 1 of 2 failed with the code and the recipe that are deployed ({CODE})" in result.stderr


def test_other_code_is_not_warned_of(place):
    place.dead("images/a.jpg", cause="CorruptImage", status="REJECTED", code_version="older")

    assert "warning" not in place.run("redrive", "--all").stderr


def test_the_history_says_who_sent_what_and_is_no_object_of_the_table(place):
    place.dead("images/a.jpg", cause="AccessDenied")
    place.run("redrive", "--cause", "AccessDenied")

    (entry,) = place.json("history")
    scanned = place.dynamodb.scan(TableName=place.stage.images_table)["Items"]
    kept = [item for item in scanned if item["object"]["S"] == PARTITION]

    assert entry["who"].startswith("arn:aws:")
    assert (entry["chosen"], entry["causes"], entry["result"]) == ("--cause AccessDenied", {"AccessDenied": 1}, "done")
    assert (entry["sent"], entry["code_version"]) == (1, CODE)
    assert "/" not in PARTITION
    assert len(kept) == 1
    assert "status" not in kept[0]
    assert "--cause AccessDenied" in place.run("history").stdout


def test_the_latest_redrives_come_first(place, monkeypatch):
    for number, time_of_day in enumerate(("09", "11", "10")):
        monkeypatch.setattr("ops.cli.dlq.history._now", lambda hour=time_of_day: f"2026-11-21T{hour}:00:00Z")
        place.bury(f"message {number}")
        place.run("redrive", "--all")

    assert [entry["id"][11:13] for entry in place.json("history", "--limit", "2")] == ["11", "10"]


def test_a_filter_that_meets_no_message_sends_nothing_and_writes_no_history(place):
    place.bury("message")

    result = place.run("redrive", "--where", "images/none*")

    assert (result.exit_code, place.dead_messages, place.json("history")) == (1, (1, 0), [])
    assert "No message matches" in result.stderr


def test_sqs_moves_every_message_by_its_own_task(place):
    place.bury_many([f"message {number}" for number in range(25)])

    result = place.run("redrive", "--all", "--native", "--rate", "500")

    assert (result.exit_code, place.queued, place.dead_messages) == (0, 25, (0, 0))
    assert "25 of 25 sent: done" in result.stdout
    assert place.json("history")[0]["command"] == "native redrive"


def test_a_move_that_runs_already_is_left_alone(place):
    place.bury_many([f"message {number}" for number in range(20)])
    names = {"SourceArn": place.stage.dlq_url, "DestinationArn": place.stage.queue_url}
    arns = {name: f"arn:aws:sqs:eu-west-1:123456789012:{url.rsplit('/', 1)[1]}" for name, url in names.items()}
    place.stage.client("sqs").start_message_move_task(**arns, MaxNumberOfMessagesPerSecond=1)

    result = place.run("redrive", "--all", "--native", "--rate", "500")

    assert result.exit_code == 2
    assert "SQS is already moving these messages" in result.stderr
    assert place.json("history") == []


@pytest.mark.parametrize(
    "options",
    [
        ("--cause", "CorruptImage"),
        ("--all", "--limit", "3"),
        ("--all", "--canary", "1"),
        ("--all", "--rate", "501"),
        ("--all", "--dry-run"),
    ],
)
def test_what_sqs_cannot_do_is_refused_before_it_begins(place, options):
    place.bury("message")

    assert place.run("redrive", "--native", *options).exit_code == 2
    assert place.dead_messages == (1, 0)


def test_ctrl_c_cancels_a_move(place):
    place.bury_many([f"message {number}" for number in range(20)])
    command = [sys.executable, "-m", "ops", "dlq", "redrive", "--all", "--native", "--rate", "2"]
    with subprocess.Popen([*command, "--stage", place.name], stderr=subprocess.PIPE, text=True) as moving:
        wait_until(lambda: place.queued > 0)
        moving.send_signal(signal.SIGINT)
        _, said = moving.communicate()

    moved = place.queued
    (entry,) = place.json("history")
    assert moving.returncode == 130
    assert f"canceled: {moved} were already moved" in said
    assert (entry["result"], entry["sent"], place.dead_messages) == ("interrupted", moved, (20 - moved, 0))
