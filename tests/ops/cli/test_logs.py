"""``darkroom logs`` on the running stack, and what makes its lines."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from ops.cli.logs import command
from ops.cli.logs.reading import LATE, LONGEST, MARGIN, ConsumerLog, LogFollower, WantedLines, period_of, traceback_of
from ops.cli.main import make_app
from ops.cli.stage import Stage
from ops.cli.terminal import moment
from processing.ledger import Reason, Record, Status, Version
from tests.ops.cli.embedded import jpeg, prefix_of, put, stage_of, use, wait_for, wait_until

NOW = float(int(time.time()) - 3600)  # CloudWatch takes no line that is older than two weeks
GROUP = "/aws/lambda/consumer"


@pytest.fixture
def logs(stack, monkeypatch):
    """Runs the command on the stack."""
    use(monkeypatch, stack)
    return lambda *words: CliRunner().invoke(make_app(), ["logs", *words, "--stage", "local"])


def found(logs, *words):
    """What it finds, when the lines have arrived."""

    def look():
        result = logs(*words, "--json")
        return json.loads(result.stdout) if result.exit_code == 0 else None

    return wait_until(look)


def test_an_objects_lines_are_found_by_its_key_alone_and_its_request_has_more(stack, logs):
    stage = stage_of(stack)
    key, other = (f"{prefix_of(stage)}{name}" for name in ('it\'s \\ "broken" *.jpg', "good.jpg"))
    etags = [(key, put(stage, key, jpeg()[:-200])), (other, put(stage, other, jpeg()))]
    wait_for(stage, etags, "REJECTED", "DONE")

    said = found(logs, key)

    assert said["group"] == f"/aws/lambda/{stage.consumer}"
    assert {event["fields"]["object"] for event in said["events"]} == {f"{stage.uploads_bucket}/{key}"}
    first = said["events"][0]
    assert first["fields"]["outcome"] == "rejected"
    assert re.fullmatch(rf"{stage.consumer}-\d+", first["stream"])
    request = found(logs, "--request", first["fields"]["request_id"])
    assert [event for event in request["events"] if event["fields"]["object"] == first["fields"]["object"]]
    shown = logs(key)
    assert first["stream"] in shown.stdout
    assert "CorruptImage" in shown.stdout
    assert f"log group {said['group']}, from " in shown.stderr


def test_what_nobody_has_logged_is_exit_code_1(logs):
    result = logs("--request", "00000000-0000-4000-8000-000000000000")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "No log lines found: choose another period with --since" in result.stderr


def test_following_for_programs_is_refused(logs):
    result = logs("--follow", "--json")

    assert result.exit_code == 2
    assert "run logs --json --since repeatedly" in result.stderr


@pytest.fixture
def aws():
    with mock_aws():
        client = boto3.Session("local", "local", region_name="eu-west-1").client("logs")
        client.create_log_group(logGroupName=GROUP)
        client.create_log_stream(logGroupName=GROUP, logStreamName="stream")
        yield client


def write(aws, *lines, at=None):
    events = [
        {"timestamp": int((at or time.time()) * 1000), "message": line if isinstance(line, str) else json.dumps(line)}
        for line in lines
    ]
    aws.put_log_events(logGroupName=GROUP, logStreamName="stream", logEvents=events)


def test_following_prints_each_line_once_also_one_that_comes_late(aws):
    begin = time.time() - 30
    follower = LogFollower(ConsumerLog(aws, GROUP), WantedLines(), begin)
    write(aws, "first", at=begin + 20)
    assert [event.text for event in follower.read()] == ["first"]

    write(aws, "late", at=begin + 10)
    write(aws, "last", at=begin + 25)

    assert [event.text for event in follower.read()] == ["late", "last"]
    assert follower.read() == []
    assert LATE > 10


def test_following_ends_with_ctrl_c_which_is_no_failure(aws, capsys):
    write(aws, "a line")

    def interrupted(_seconds):
        raise KeyboardInterrupt

    command._follow(LogFollower(ConsumerLog(aws, GROUP), WantedLines(), time.time() - 60), interrupted)

    assert capsys.readouterr().out.rstrip().endswith("stream  a line")


def test_a_pattern_has_no_character_that_its_language_could_read(aws):
    wanted = WantedLines('uploads/a "b" \\ {c} (d) \N{CAMERA}.jpg')

    assert wanted.pattern == '{ $.object = "uploads/a *b* * *c* *d* *.jpg*" }'
    assert len(WantedLines("x" * 1024).pattern) <= 1024
    assert WantedLines(request_id="a-1").pattern == '"a-1"'


def test_metrics_are_not_shown_to_people(aws, capsys):
    write(aws, {"_aws": {}, "Images": 1}, {"level": "INFO", "message": "done", "object": "b/k"}, at=NOW)

    command.print_events(ConsumerLog(aws, GROUP).read(WantedLines(), NOW - 1))

    assert capsys.readouterr().out == f"{moment(NOW)}  stream  INFO done b/k\n"


def test_a_line_end_in_what_was_logged_begins_no_line_that_could_pass_for_another(aws, capsys):
    write(aws, {"object": "b/k\n2026", "message": "m\n2026", "x": "y\n2026", "traceback": "t\n2026\n"}, at=NOW)
    write(aws, "text\n2026", at=NOW + 1)

    command.print_events(ConsumerLog(aws, GROUP).read(WantedLines(), NOW - 1))

    assert capsys.readouterr().out.splitlines() == [
        f"{moment(NOW)}  stream   m\\n2026 b/k\\n2026 x=y\\n2026",
        "    t",
        "    2026",
        f"{moment(NOW + 1)}  stream  text",
        "    2026",
    ]


def record(**changes):
    facts: dict[str, Any] = {
        "version": Version("b", "images/a.jpg", "e"),
        "status": Status.FAILED,
        "updated_at": int(NOW),
        "reason": Reason("KeyError", "x", "ab12cd34", request_id="r-1"),
    }
    return Record(**facts | changes)


def stage_with(aws):
    outputs = dict.fromkeys(("UploadsBucket", "UploadsPrefix", "VariantsBucket", "ImagesTable"), "b")
    outputs |= dict.fromkeys(("UploadsQueueUrl", "UploadsDlqUrl"), "q") | {"ConsumerFunction": "consumer"}
    return Stage.of("prod", "eu-west-1", outputs, lambda _service: aws)


def trace_in(aws):
    trace = traceback_of(stage_with(aws), record())
    assert trace is not None
    return trace


def line(trace, key="images/a.jpg", notes=()):
    reason = {"cause": "KeyError", "notes": list(notes)}
    return {"object": f"b/{key}", "request_id": "r-1", "reason": reason, "traceback": trace}


def test_the_traceback_is_that_of_the_object_in_that_request(aws):
    write(aws, line("of the object"), line("of a neighbor", "images/b.jpg"), at=NOW)

    trace = trace_in(aws)

    assert (trace.text, trace.stream, trace.group) == ("of the object", "stream", GROUP)


def test_the_traceback_of_a_bug_in_a_child_process_is_the_childs(aws):
    write(aws, line("the parent's", notes=["the first try's", "the child's"]), at=NOW)

    assert trace_in(aws).text == "the child's"


def test_a_traceback_that_is_gone_is_told_as_such_and_a_refusal_too(aws):
    assert trace_in(aws).why == "not in the log (any more)"

    aws.delete_log_group(logGroupName=GROUP)
    assert trace_in(aws).why == "the log could not be read: ResourceNotFoundException"


@pytest.mark.parametrize(
    "reason", [None, Reason("CorruptImage", "x", request_id="r-1"), Reason("KeyError", "x", "ab12cd34")]
)
def test_what_is_no_bug_of_a_known_request_has_no_traceback(aws, reason):
    assert traceback_of(stage_with(aws), record(reason=reason)) is None


def test_the_period_of_an_object_is_that_of_the_attempts_of_its_last_message():
    uploaded = datetime.fromtimestamp(NOW - 600, UTC).isoformat()
    dead = record(uploaded_at=uploaded, last_receive=True)

    assert period_of([dead], lambda: NOW + 9) == (NOW - 600 - MARGIN, NOW + MARGIN)
    assert period_of([record(last_receive=True)], lambda: NOW + 9) == (NOW - LONGEST - MARGIN, NOW + MARGIN)
    assert period_of([dead, record()], lambda: NOW + 9)[1] is None  # it is tried again
