"""``darkroom logs`` on the command line: its options, the output for people and as JSON, and its exit code."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from ops.cli.dlq.selection import seconds
from ops.cli.logs.reading import ConsumerLog, LogEvent, LogFollower, WantedLines, period_of
from ops.cli.show.facts import key_of
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import lines
from ops.cli.terminal import AsJson, moment, print_json, stderr, stdout, visible
from ops.errors import UsageError
from processing.ledger import ImagesTable

PAUSE: Final = 2.0  # seconds between two looks; CloudWatch takes 5 requests a second or more
SINCE: Final = "10m"
INDENT: Final = "    "
APART: Final = ("level", "message", "traceback", "object")  # fields that have a place of their own

ObjectArgument = Annotated[
    str | None, typer.Argument(metavar="OBJECT", help="A key, with or without the prefix; bucket/key; s3://bucket/key.")
]
RequestOption = Annotated[
    str | None, typer.Option("--request", metavar="ID", help="The lines of one invocation, by its request id.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="AGE", help="Start this long ago, as in 2h.", show_default=f"the record's, or {SINCE}"),
]


@on_stage
def logs(
    stage: Stage,
    thing: ObjectArgument = None,
    request: RequestOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Print lines as they come, until Ctrl-C.")] = False,
    since: SinceOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the consumer's log: of one photo, of one invocation, or all new lines.

    Each line has its time, its log stream and its text; a bug has its traceback below. An object's lines are searched
    at the times in its records in the images table. Exit code 1 when there is no line.

    Examples:

    darkroom logs images/2026/cat.jpg --stage prod

    darkroom logs --request 14f2ec83-dd1d-44ea-a28e-78df229f73cf --since 2d --stage prod

    darkroom logs --follow --stage prod
    """
    if follow and as_json:
        raise UsageError("--follow is for people: in programs, run logs --json --since repeatedly")
    key = key_of(stage, thing) if thing else ""
    wanted = WantedLines(f"{stage.uploads_bucket}/{key}" if key else "", request or "")
    log = ConsumerLog.of(stage)
    begin, end = _period(stage, key, since, follow=follow)
    stderr().print(f"log group {log.group}, from {moment(begin)}" + (f" to {moment(end)}" if end else ""))
    if follow:
        _follow(LogFollower(log, wanted, begin))
        return
    events = log.read(wanted, begin, end)
    if as_json:
        print_json({"group": log.group, "events": [as_document(event) for event in events]})
    else:
        print_events(events)
    if not events:
        stderr().print(
            "No log lines found: choose another period with --since; groups keep lines for logRetentionDays."
        )
        raise typer.Exit(1)


def print_events(events: Sequence[LogEvent]) -> None:
    """For people, one line each, and the traceback of a bug below; without metrics."""
    for event in events:
        if "_aws" not in event.fields:
            stdout().print(line_of(event))


def as_document(event: LogEvent) -> dict[str, Any]:
    """A line for programs."""
    what = {"fields": dict(event.fields)} if event.fields else {"text": event.text}
    return {"at": moment(event.at), "stream": event.stream} | what


def _follow(follower: LogFollower, pause: Callable[[float], None] = time.sleep) -> None:
    """Until Ctrl-C, which is the normal end and not a failure."""
    with suppress(KeyboardInterrupt):
        while True:
            print_events(follower.read())
            pause(PAUSE)


def _period(stage: Stage, key: str, since: str | None, *, follow: bool) -> tuple[float, float | None]:
    """Of the lines, in seconds since the epoch; None is now."""
    if since is None and key and not follow:
        records = ImagesTable(stage.client("dynamodb"), stage.images_table).versions(stage.uploads_bucket, key)
        if records:
            return period_of(records)
    if since is None and follow:
        return time.time(), None
    return time.time() - seconds(since or SINCE), None


def line_of(event: LogEvent) -> Text:
    """For people; what has several lines has the others below, indented, so that none passes for another event."""
    fields = event.fields
    text = Text(f"{moment(event.at)}  {event.stream}  ")
    if not fields:
        return text.append(lines(event.text.replace("\n", f"\n{INDENT}")))
    level = str(fields.get("level", ""))
    text.append(visible(level), "red" if level == "ERROR" else "")
    text.append(visible(f" {fields.get('message', '')}"))
    if thing := fields.get("object"):
        text.append(visible(f" {thing}"))
    rest = ((name, value) for name, value in fields.items() if name not in APART and value not in (None, {}, ""))
    text.append(visible("".join(f" {name}={value}" for name, value in rest)))
    if trace := fields.get("traceback"):
        text.append("\n").append(lines("\n".join(INDENT + line for line in str(trace).rstrip("\n").split("\n"))))
    return text
