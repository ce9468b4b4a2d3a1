"""What the commands that look say of dead letters, and that looking changes nothing."""

import json
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from ops.cli.dlq.messages import HeldMessages
from ops.errors import UsageError
from processing.ledger import REMOVED_KEY
from tests.builders import removed_body, s3_body, s3_record
from tests.ops.cli.conftest import CODE
from tests.ops.local.conftest import wait_until


def causes(place):
    return {group["cause"]: group["messages"] for group in place.json("groups")["groups"]}


def test_messages_are_grouped_by_class_and_place_the_most_frequent_first(place):
    for number in range(3):
        place.dead(f"images/c{number}.jpg", status="REJECTED", cause="CorruptImage", message="it breaks off")
    place.dead("images/bug.jpg", cause="ValueError", fingerprint="ab12cd34", attempts=5)
    place.dead("images/other bug.jpg", cause="ValueError", fingerprint="ffffffff", attempts=5)
    place.dead(
        "images/denied.jpg", cause="AccessDenied", message="s3:PutObject phone/denied.jpg: AccessDenied", attempts=5
    )

    groups = place.json("groups")["groups"]

    assert [(group["cause"], group["messages"], group["attempts"]) for group in groups] == [
        ("CorruptImage", 3, 3),
        ("AccessDenied:s3:PutObject", 1, 5),
        ("ValueError:ab12cd34", 1, 5),
        ("ValueError:ffffffff", 1, 5),
    ]
    assert groups[0]["code_versions"] == [CODE]
    assert groups[0]["last_death"] >= groups[0]["first_death"] > "2026-11-21 07:00:00Z"  # the event's time
    assert groups[0]["example"]["key"].startswith("images/c")
    assert "under the same key" in groups[0]["runbook"]["remedy"]


def test_what_the_ledger_has_no_reason_for_has_a_word_of_its_own(place):
    now = int(time.time())
    place.bury("not json", place.body("images/never seen.jpg"), '{"Service": "Amazon S3", "Event": "s3:TestEvent"}')
    place.bury(s3_body(s3_record("images/a.jpg", bucket="another-bucket")))
    place.bury(place.body("outside/a.jpg"))
    place.dead("images/done.jpg", status="DONE")
    place.dead("images/superseded.jpg", status="SUPERSEDED")
    place.dead("images/killed.jpg", status="IN_PROGRESS", lease_until=now - 5)
    place.dead("images/worked on.jpg", status="IN_PROGRESS", lease_until=now + 60)
    place.dead("images/given back.jpg", status="IN_PROGRESS")

    assert causes(place) == {
        "MalformedMessage": 3,
        "unknown": 1,
        "test-event": 1,
        "done": 1,
        "superseded": 1,
        "killed": 1,
        "in-progress": 1,
        "not-started": 1,
    }


def test_a_removal_is_joined_with_the_removals_record(place):
    place.record("images/gone.jpg", REMOVED_KEY, cause="SlowDown", message="s3:DeleteObject phone/gone.jpg: SlowDown")
    place.bury(removed_body("images/gone.jpg").replace('"uploads"', f'"{place.stage.uploads_bucket}"'))

    assert causes(place) == {"SlowDown:s3:DeleteObject": 1}


def test_a_message_of_several_objects_is_the_case_of_the_first_that_has_not_ended_well(place):
    bucket = place.stage.uploads_bucket
    place.record("images/one.jpg", status="DONE")
    place.record("images/two.jpg", cause="CorruptImage", status="REJECTED")
    place.bury(s3_body(*(s3_record(f"images/{name}.jpg", bucket=bucket) for name in ("one", "two"))))

    (message,) = place.json("list")["messages"]

    assert (message["cause"], message["key"]) == ("CorruptImage", "images/two.jpg")


def test_what_eventbridge_could_not_deliver_was_never_tried_and_goes_back_like_the_others(place):
    thing = {"key": "images/never sent.jpg", "etag": "e1"}
    detail = {"bucket": {"name": place.stage.uploads_bucket}, "object": thing}
    code = {"DataType": "String", "StringValue": "NO_PERMISSIONS"}
    place.bury(json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}), ERROR_CODE=code)

    (message,) = place.json("list")["messages"]

    assert (message["cause"], message["key"]) == ("not-delivered", "images/never sent.jpg")
    assert place.run("redrive", "--all").exit_code == 0
    assert place.queued == 1


def test_an_event_time_that_is_no_time_breaks_nothing(place):
    place.bury(s3_body(s3_record("images/a.jpg", bucket=place.stage.uploads_bucket, eventTime="yesterday")))

    assert causes(place) == {"unknown": 1}


def test_more_messages_than_one_request_takes_are_joined(place):
    place.bury_many([place.body(f"images/{number}.jpg") for number in range(230)])
    for number in range(0, 230, 2):
        place.record(f"images/{number}.jpg", cause="CorruptImage", status="REJECTED")

    assert causes(place) == {"CorruptImage": 115, "unknown": 115}


def test_an_empty_queue_is_said_to_be_empty(place):
    result = place.run("groups")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No dead letters" in result.stderr


def test_a_list_shows_the_oldest_first_and_says_how_many_there_are(place):
    ids = [place.bury(place.body(f"images/{number}.jpg"))[0][:8] for number in range(3)]

    result = place.run("list", "--limit", "2")

    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ids[:2]
    assert "3 messages, 2 shown" in result.stderr


def test_a_message_is_shown_with_its_record_its_object_and_what_mends_it(place):
    put = place.s3.put_object(
        Bucket=place.stage.uploads_bucket, Key="images/a.jpg", Body=b"x", ContentType="image/jpeg"
    )
    etag = put["ETag"].strip('"')
    message = place.dead("images/a.jpg", etag=etag, status="REJECTED", cause="CorruptImage", message="it breaks off")

    document = place.json("show", message[:8])
    text = place.run("show", message[:8]).stdout

    assert document["object_now"] == {"state": "unchanged", "etag": etag, "bytes": 1, "content_type": "image/jpeg"}
    assert (document["record"]["status"], document["record"]["code_version"]) == ("REJECTED", CODE)
    assert document["body"] == place.body("images/a.jpg", etag)
    for fact in (message, "REJECTED", "it breaks off", "unchanged", '"eTag"', "Upload a good file"):
        assert fact in text


@pytest.mark.parametrize(("overwrite", "state"), [(True, "replaced by another version"), (False, "gone")])
def test_an_object_that_is_not_what_the_message_speaks_of_is_said_to_be(place, overwrite, state):
    if overwrite:
        place.s3.put_object(Bucket=place.stage.uploads_bucket, Key="images/a.jpg", Body=b"y")
    message = place.dead("images/a.jpg", cause="CorruptImage", status="REJECTED")

    assert place.json("show", message)["object_now"]["state"] == state


@pytest.mark.parametrize("body", ["not json", s3_body(s3_record("images/a.jpg", bucket="another-bucket"))])
def test_a_message_that_names_no_object_of_the_stage_can_be_shown_with_what_to_do(place, body):
    (message,) = place.bury(body)

    result, document = place.run("show", message), place.json("show", message)

    assert result.exit_code == 0
    assert document["body"] == body
    assert document["object_now"] == {"state": "not checked: the message refers to no object of this stage"}
    assert "cannot be a canary" in result.stdout
    assert re.search(rf"`darkroom dlq purge [0-9a-f]+ --stage {place.name}`", result.stdout)


def test_an_id_of_no_message_is_not_found_and_one_that_is_too_short_is_a_usage_error(place):
    (message,) = place.bury("one")

    assert place.run("show", "00000000-none").exit_code == 1
    for name in ("", message[:3]):
        result = place.run("show", name)
        assert (result.exit_code, "give at least 4 characters" in result.stderr) == (2, True)


def test_the_groups_end_with_a_command_for_their_own_stage(place):
    place.bury("one")

    assert place.run("groups").stderr.endswith(f": darkroom dlq show ID --stage {place.name}\n")


def test_looking_puts_every_message_back_with_nothing_sent_or_changed(place):
    sent = {name: place.body(f"images/{name}.jpg") for name in map(str, range(25))}
    messages = {message: body for body in sent.values() for message in place.bury(body)}

    for command in (["groups"], ["list"], ["show", next(iter(messages))], ["export"]):
        assert place.run(*command).exit_code == 0
        assert place.dead_messages == (25, 0)

    received = place.receive_all(place.stage.dlq_url)
    assert {message["MessageId"]: message["Body"] for message in received} == messages
    assert place.queued == 0


def test_messages_are_put_back_when_a_look_breaks_off(place, monkeypatch):
    place.bury_many([f"message {number}" for number in range(25)])

    def break_off(*_arguments):
        assert place.dead_messages == (0, 25)
        raise UsageError("broken off")

    monkeypatch.setattr("ops.cli.dlq.selection.join", break_off)
    result = place.run("groups")

    assert (result.exit_code, place.dead_messages) == (2, (25, 0))


@pytest.mark.parametrize(
    ("number", "ignored", "code"),
    [(signal.SIGINT, False, 130), (signal.SIGTERM, False, 130), (signal.SIGHUP, False, 130), (signal.SIGHUP, True, 0)],
)
def test_ctrl_c_and_a_closed_terminal_put_every_message_back(place, number, ignored, code):
    """Where a closed terminal is ignored, as by nohup, the command goes on."""
    place.bury_many([f"message {number}" for number in range(300)])
    holding = subprocess.Popen(
        [*(["nohup"] if ignored else []), sys.executable, "-c", HOLDING, place.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert holding.stdin is not None
    assert holding.stdout is not None
    assert holding.stderr is not None
    assert holding.stdout.readline() == "300\n"
    assert place.dead_messages == (0, 300)

    holding.send_signal(number)
    if ignored:
        holding.stdin.write("\n")
        holding.stdin.flush()

    assert holding.wait(60) == code, holding.stderr.read()
    holding.stdin.close()
    holding.stdout.close()
    holding.stderr.close()
    assert place.dead_messages == (300, 0)


HOLDING = """
import sys
from ops.cli.dlq import selection
from ops.cli.main import main

def join(stage, messages):
    print(len(messages), flush=True)
    sys.stdin.readline()
    return []

selection.join = join
sys.argv = ["darkroom", "dlq", "groups", "--stage", sys.argv[1]]
main()
"""


def test_messages_stay_hidden_for_as_long_as_they_are_held(place):
    place.bury_many([f"message {number}" for number in range(15)])

    with HeldMessages(place.sqs, place.stage.dlq_url, hidden=3) as hold:
        assert len(hold.read()) == 15
        end = time.monotonic() + 4.5
        while time.monotonic() < end:
            assert "Messages" not in place.sqs.receive_message(QueueUrl=place.stage.dlq_url, WaitTimeSeconds=1)
        assert hold.escaped == 0

    assert place.dead_messages == (15, 0)


def test_a_killed_look_hides_messages_for_its_visibility_timeout_only(place):
    place.bury("message")
    hold = HeldMessages(place.sqs, place.stage.dlq_url, hidden=1)
    hold._receive()  # and nothing more: whoever held it is gone

    assert wait_until(lambda: place.dead_messages == (1, 0), seconds=5)


def test_messages_that_somebody_else_reads_are_told_of(place):
    place.bury("one", "two")
    place.sqs.receive_message(QueueUrl=place.stage.dlq_url, VisibilityTimeout=60)

    result = place.run("groups")

    assert "Not all were seen: 1 message hidden" in result.stderr
    assert place.dead_messages == (1, 1)


def test_two_looks_at_once_hide_messages_from_each_other_and_lose_none(place):
    place.bury_many([f"message {number}" for number in range(40)])
    seen: list[str] = []

    def look():
        with HeldMessages(place.sqs, place.stage.dlq_url) as hold:
            seen.extend(message.message_id for message in hold.read())

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(seen)) == 40
    assert place.dead_messages == (40, 0)


class RoundAbout:
    """A queue whose one message comes round again and again, as when reading takes longer than it stays hidden."""

    def get_queue_attributes(self, **_request):
        names = ("", "Delayed", "NotVisible")
        return {"Attributes": {f"ApproximateNumberOfMessages{name}": "20" for name in names}}

    def receive_message(self, **_request):
        return {"Messages": [{"MessageId": "one", "ReceiptHandle": "handle", "Body": "body"}]}

    def change_message_visibility_batch(self, **_request):
        return {}


def test_messages_that_come_round_again_are_read_once_and_not_for_ever():
    with HeldMessages(RoundAbout(), "url") as hold:
        assert [message.message_id for message in hold.read()] == ["one"]


def test_a_dead_letter_queue_that_counts_receives_is_not_looked_at(place):
    place.create_queue("further")
    arn = f"arn:aws:sqs:eu-west-1:123456789012:further-{place.name}"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    place.sqs.set_queue_attributes(QueueUrl=place.stage.dlq_url, Attributes={"RedrivePolicy": policy})

    result = place.run("groups")

    assert result.exit_code == 2
    assert "redrive policy of its own" in result.stderr


READ = (["list"], ["export"], ["redrive"], ["purge", "--yes", "0"])


@pytest.mark.parametrize("command", READ, ids=lambda command: command[0])
def test_a_filter_that_meets_no_message_is_exit_code_1(place, command):
    place.bury("message")

    result = place.run(*command, "--where", "images/none*")

    assert (result.exit_code, place.dead_messages, place.json("history")) == (1, (1, 0), [])
    assert "No message matches: 1 dead letter in the queue." in result.stderr


@pytest.mark.parametrize("command", [*READ, ["groups"]], ids=lambda command: command[0])
def test_messages_that_are_all_hidden_are_exit_code_1_with_their_number_and_time(place, command):
    place.bury("one", "two")
    place.sqs.receive_message(QueueUrl=place.stage.dlq_url, MaxNumberOfMessages=10, VisibilityTimeout=60)

    result = place.run(*command, *([] if command == ["groups"] else ["--all"]))

    assert (result.exit_code, result.stdout, place.dead_messages) == (1, "", (0, 2))
    assert re.search(r"No message was seen: 2 messages hidden.* visible again by 20\d\d-\S+ \S+Z", result.stderr)


@pytest.mark.parametrize("command", [*READ, ["groups"]], ids=lambda command: command[0])
def test_an_empty_queue_is_no_failure(place, command):
    result = place.run(*command, *([] if command == ["groups"] else ["--all"]))

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No dead letters." in result.stderr


@pytest.mark.parametrize("command", [["redrive"], ["purge", "--yes", "1"]], ids=lambda command: command[0])
def test_all_of_which_some_are_hidden_is_exit_code_1(place, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place.bury("one", "two")
    place.sqs.receive_message(QueueUrl=place.stage.dlq_url, MaxNumberOfMessages=1, VisibilityTimeout=60)

    result = place.run(*command, "--all")

    assert (result.exit_code, place.dead_messages) == (1, (0, 1))
    assert "Not all were seen: 1 message hidden" in result.stderr


@pytest.mark.parametrize("command", ["list", "export"])
def test_all_is_every_message_and_goes_with_no_filter(place, command):
    place.bury("one", "two")

    assert "2 messages" in place.run(command, "--all").stderr
    assert place.run(command, "--all", "--where", "*").exit_code == 2
