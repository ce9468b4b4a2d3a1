"""Every command, with an object whose key steers terminals: nothing of it reaches one, and what is suggested means it.

The commands and what they take are read from the command itself: a new one is driven here as soon as it is there.
"""

import glob
import json
import re
import shlex
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ops.cli.main import make_app
from ops.cli.stage import Stage
from ops.cli.start import report
from ops.cli.terminal import stdout, visible
from tests.ops.cli.conftest import REGION, Place
from tests.ops.cli.start.makers import dead, done
from tests.ops.cli.start.test_report import total
from tests.ops.cli.terminals import printed

NASTY = "images/it's \x1b]0;t\x07\x9b31m\x7f\u202e\u2066\u200f :smile: [red]x é.jpg"
APOSTROPHES = 'images/it\'s $(touch x) "y" & [a] *.jpg'
KEYS = {"controls": NASTY, "apostrophes": APOSTROPHES}
KEY_OF = {"erase": "images/it's \x9b31m\x7f\u202e.jpg"}  # moto's ListObjectVersions fails at what XML cannot have
WHY = "decoder: \x1b[2J\u202e [red]:smile:\n"
BUG = {"cause": "KeyError", "message": WHY, "fingerprint": "ab12cd34", "where": WHY, "attempt": 1, "request_id": "r-1"}
NOT_DRIVEN = {
    "start": "starts a stack of its own; what it prints of keys is below",
    "local": "serves until Ctrl-C, and prints nothing of keys",
}
NEEDS = {
    "dlq redrive": ["--all"],
    "announce": ["--since", "2h"],
    "estimate": [],
    "doctor": ["--before"],
    "erase": ["--dry-run"],  # else it waits until no request of a worker can be on its way
}
"""What a command demands besides its arguments."""


class StrangePlace(Place):
    """A stage with events, and in each bucket, queue and table the object of one key."""

    def _make(self):
        bus = f"bus-{self.name}"
        self.emulator.client("events").create_event_bus(Name=bus)
        self.outputs |= {"EventBus": bus, "EventsDlqUrl": self.create_queue("events")}
        self.stage = Stage.of(self.name, REGION, self.outputs, self.emulator.client)
        super()._make()
        self.logs, self.log = self.emulator.client("logs"), {"logGroupName": f"/aws/lambda/{self.stage.consumer}"}
        self.logs.create_log_group(**self.log)
        self.logs.create_log_stream(**self.log, logStreamName="stream")
        where = {"LocationConstraint": REGION}
        self.s3.create_bucket(Bucket=self.stage.variants_bucket, CreateBucketConfiguration=where)
        queue = self.sqs.get_queue_attributes(QueueUrl=self.stage.queue_url, AttributeNames=["QueueArn"])
        self.emulator.client("lambda").create_event_source_mapping(
            EventSourceArn=queue["Attributes"]["QueueArn"], FunctionName=self.stage.consumer, Enabled=False
        )

    def put(self, key):
        """The upload, its record, dead message and log, and a variant without a source; returns the message's id."""
        etag = self.s3.put_object(Bucket=self.stage.uploads_bucket, Key=key, Body=b"no picture")["ETag"].strip('"')
        self.s3.put_object(Bucket=self.stage.variants_bucket, Key=f"phone/gone {key}", Body=b"x")
        self.record(key, "an older version", status="REJECTED", cause="CorruptImage", message=WHY)
        line = {"object": f"{self.stage.uploads_bucket}/{key}", "request_id": "r-1", "level": WHY, "traceback": WHY}
        events = [{"timestamp": int(time.time() * 1000), "message": each} for each in (json.dumps(line), f"r-1 {WHY}")]
        self.logs.put_log_events(**self.log, logStreamName="stream", logEvents=events)
        return self.dead(key, etag=etag, status="REJECTED", reason=BUG)


@pytest.fixture(scope="module")
def strange(emulator):
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in emulator.environ().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("ops.cli.dlq.messages.WAIT", 0)
        monkeypatch.setattr("ops.cli.status.reading.APART", 0)
        yield StrangePlace(emulator)


def commands(group, path=()):
    """Every command below a group by its name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(typer.main.get_command(make_app())))


def arguments_of(name, command, place, key, folder):
    """What a command is given for each of its arguments, by its name."""
    message = place.put(key)
    file = folder / Path(key).name
    file.write_bytes(b"\xff\xd8\xff no picture")
    export = folder / f"{uuid.uuid4().hex}.jsonl"
    export.write_text(json.dumps({"id": key, "body": place.body(key), "cause": WHY}) + "\n")
    known = {
        "places": [str(folder)],
        "file": [str(export)],
        "message": [message],
        "thing": [key],
        "target": [key],
        "prefixes": [],
        "source": [],
        "ids": [],
    }
    positional = [each for each in command.params if each.param_type_name == "argument"]
    given = [word for each in positional for word in known[each.name]]
    if name == "dlq purge":
        count = place.dead_messages[0]
        given += ["--all", "--yes", str(count), "--out", str(folder / f"{uuid.uuid4().hex}.purged")]
    return [*given, *NEEDS.get(name, []), *(["--stage", place.name] if has(command, "--stage") else [])]


def has(command, option):
    return any(option in each.opts for each in command.params)


def raw_controls(text):
    return sorted({character for character in text if not character.isprintable() and character != "\n"})


def test_every_command_that_is_not_driven_is_one():
    assert NOT_DRIVEN.keys() < COMMANDS.keys()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in NOT_DRIVEN])
def test_no_control_character_of_a_key_leaves_a_command(strange, tmp_path, name):
    command = COMMANDS[name]
    folder = tmp_path / "photos"
    folder.mkdir()
    for mode in ([], ["--json"]) if has(command, "--json") else ([],):
        words = [*name.split(), *arguments_of(name, command, strange, KEY_OF.get(name, NASTY), folder), *mode]
        result = CliRunner().invoke(make_app(), words)

        assert result.exit_code in (0, 1), (words, result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        assert raw_controls(result.output) == [], words
        assert result.stdout or not mode, result.stderr
        for line in [result.stdout] if mode and name != "dlq export" else result.stdout.splitlines() if mode else ():
            assert json.loads(line) is not None, result.stderr


def test_what_was_logged_of_a_strange_key_is_found_and_shown(strange):
    message = strange.put(NASTY)

    for words in (["logs", NASTY], ["dlq", "show", message]):
        said = CliRunner().invoke(make_app(), [*words, "--stage", strange.name])

        assert said.exit_code == 0, said.output
        assert visible(NASTY) in said.stdout
        assert visible(WHY.strip()) in said.stdout


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_what_show_suggests_means_the_key(strange, key):
    strange.put(key)

    said = CliRunner().invoke(make_app(), ["show", key, "--stage", strange.name]).stderr

    suggested = [line.partition("darkroom ")[2] for line in said.splitlines() if "darkroom " in line]
    assert [line.split()[0] for line in suggested] == ["dlq", "replay", "logs"]
    for line in suggested:
        assert {key, glob.escape(key)} & set(words_of(line)), line
        if key.isprintable():
            assert words_of(line) == shlex.split(line)


def words_of(line):
    """The words of a command as a shell reads them."""
    shell = subprocess.run(["bash", "-fc", f"printf '%s\\0' {line}"], capture_output=True, text=True, check=True)
    return shell.stdout.split("\0")[:-1]


def test_what_start_prints_of_a_name_is_harmless():
    ends = [done(NASTY), dead(NASTY, cause=WHY, message=WHY)]

    for columns in (60, None):
        said = printed(lambda: report.show(stdout(), ends, total(*ends)), columns)
        assert raw_controls(said) == []
        assert visible(NASTY) in said


def test_an_error_names_a_thing_without_its_control_characters(strange):
    result = CliRunner().invoke(make_app(), ["replay", f"{NASTY}-not-there", "--stage", strange.name])

    assert (result.exit_code, raw_controls(result.output), len(result.stderr.splitlines())) == (1, [], 1)
    assert re.search(r"it's \\x1b\]0;t", result.stderr)
