"""``darkroom status`` on the command line: its options, and the output for people and as JSON."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from ops.cli.mapping import DISABLED, ENABLED, StageMapping
from ops.cli.stage import LOCAL, Stage, on_stage
from ops.cli.status.health import AlarmStates, FunctionHealth, Percentiles
from ops.cli.status.parameters import show_parameters
from ops.cli.status.reading import Observer, Rate, StageStatus
from ops.cli.tables import Facts, facts
from ops.cli.terminal import AsJson, many, moment, print_json, stdout, visible
from ops.errors import UsageError

Line = tuple[str, str, str]
"""A name, a sentence, and a style."""


@on_stage
def status(
    stage: Stage,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh it until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="With --watch: seconds between two refreshes.")] = 2,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Show the parameters of the deployed stage instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a stage on one screen: queue, rate, dead letters, alarms, the consumer, and recent outcomes.

    SQS's counts are approximate. Age and rate are CloudWatch's, a minute or two late. If it has none, as on the
    local stack, the age is "-" and the rate is the queue's decrease between two samples, in which arrivals and
    departures cannot be distinguished. Outcomes are CloudWatch's as well, by delivery, or otherwise the images table's.
    The account's concurrency is what all its functions in the region have together. Durations are of batches, "ready"
    is from an upload to its variants: the median and the 99th percentile of the last hour.

    Examples:

    darkroom status --stage prod

    darkroom status --stage prod --watch --interval 5

    darkroom status --stage prod --json | jq .queue.waiting

    darkroom status --stage prod --parameters
    """
    if parameters:
        show_parameters(stage, as_json=as_json)
        return
    observer = Observer(stage)
    if watch and as_json:
        raise UsageError("--watch is for people: in programs, run status --json repeatedly")
    if watch:
        _watch(observer, interval)
    elif as_json:
        print_json(document(stage, observer.read_twice()))
    else:
        stdout().print(page(stage, observer.read_twice()))


def _watch(observer: Observer, interval: float) -> None:
    """Until Ctrl-C, which is the normal end and not a failure."""
    console = stdout()
    in_place = console.is_terminal and not console.is_dumb_terminal  # elsewhere Live shows nothing before the end
    live = Live(console=console, auto_refresh=False) if in_place else None
    try:
        with live or nullcontext():
            while True:
                shown = page(observer.stage, observer.read())
                if live:
                    live.update(shown, refresh=True)
                else:
                    console.print(shown)
                time.sleep(interval)
    except KeyboardInterrupt:
        return


def page(stage: Stage, status: StageStatus) -> Facts:
    """One screen."""
    rows = ((name, Text(visible(sentence), style)) for name, sentence, style in _lines(stage, status))
    return facts(rows, style="bold")


def document(stage: Stage, status: StageStatus) -> dict[str, Any]:
    """The same for programs; what is not known is null."""
    return {
        "stage": stage.name,
        "region": stage.region,
        "at": status.at.isoformat(timespec="seconds"),
        "queue": asdict(status.queue),
        "oldest_seconds": status.oldest,
        "dead_letters": status.dead_letters,
        "mapping": asdict(status.mapping),
        "rate_per_second": asdict(status.rate),
        "seconds_to_drain": status.seconds_to_drain,
        "last_hour": asdict(status.outcomes),
        "account_concurrency": asdict(status.concurrency),
        "consumer_last_hour": asdict(status.health.function),
        "alarms": asdict(status.health.alarms),
        "deployed": asdict(status.health.deployed),
    }


def duration(seconds: float) -> str:
    """For people: two units at most."""
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    left, parts = round(seconds), []
    for unit, size in units:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "0 s"


def _lines(stage: Stage, status: StageStatus) -> Iterator[Line]:
    queue, dead, mapping = status.queue, status.dead_letters, status.mapping
    yield stage.name, f"{stage.region}, {moment(status.at)}", ""
    yield "queue", f"{queue.waiting:,} waiting, {queue.in_flight:,} in flight, {queue.delayed:,} delayed", ""
    yield "oldest", "-" if status.oldest is None else duration(status.oldest), ""
    yield "rate", _rate(status.rate), ""
    yield "empty", _empty(status), ""
    why = f"; to see why: {stage.command('dlq', 'groups')}" if dead else ""
    yield "dead", f"{many(dead, 'dead letter')}{why}", "red" if dead else ""
    yield "mapping", _mapping(stage, status.mapping), "" if mapping.state == ENABLED else "yellow"
    yield "account", *_account(stage, status)
    yield "last hour", _outcomes(status), ""
    yield "consumer", *_consumer(status.health.function)
    yield "ready", _percentiles(status.health.function.ready), ""
    yield "alarms", *_alarms(status.health.alarms)
    yield "deployed", _deployed(status), ""


def _rate(rate: Rate) -> str:
    if not rate.source:
        return "unknown"
    if rate.finished is None:
        return f"{_change(rate.shrinking or 0.0)} ({rate.source})"
    arriving = "" if rate.arriving is None else f", {rate.arriving:,.1f} arrive"
    return f"{rate.finished:,.1f} a second finish{arriving} ({rate.source})"


def _change(shrinking: float) -> str:
    if abs(shrinking) < 0.05:
        return "the queue keeps its length"
    return f"the queue gets {'shorter' if shrinking > 0 else 'longer'} by {abs(shrinking):,.1f} messages a second"


def _empty(status: StageStatus) -> str:
    seconds, shrinking = status.seconds_to_drain, status.rate.shrinking
    if seconds is not None:
        return f"in {duration(seconds)}" if seconds else "now"
    if status.mapping.state != ENABLED:
        return (
            "not while it is paused" if status.mapping.state == DISABLED else f"not while it is {status.mapping.state}"
        )
    return "unknown" if shrinking is None else "not draining"


def _mapping(stage: Stage, mapping: StageMapping) -> str:
    most = mapping.maximum_concurrency
    limit = "as many at once as the account allows" if most is None else f"at most {most:,} at once"
    said = f"{limit}, batches of {mapping.batch_size:,}"
    if mapping.state == DISABLED:
        return f"paused ({DISABLED}), {said}; to receive messages again: {stage.command('resume')}"
    return f"{mapping.state}, {said}"


def _account(stage: Stage, status: StageStatus) -> tuple[str, str]:
    """The account's concurrency, and its style: yellow where the mapping may take all that there is."""
    account, most = status.concurrency, status.mapping.maximum_concurrency
    if account.limit is None or account.unreserved is None:
        return (
            "no limit: an emulator runs the functions" if stage.name == LOCAL else f"limit unknown: {account.unknown}",
            "",
        )
    sentence = f"{account.limit:,} at once, of which {account.unreserved:,} are unreserved"
    if most is not None and most < account.unreserved:
        return sentence, ""
    return f"{sentence}: the mapping can take them all; lower maximumConcurrency, or have the limit raised", "yellow"


def _consumer(function: FunctionHealth) -> tuple[str, str]:
    """The function's last hour, and its style: red where it failed, yellow where it was throttled."""
    if function.invocations is None and function.throttles is None:
        return "-", ""
    counts = (function.invocations or 0, function.errors or 0, function.throttles or 0)
    style = "red" if counts[1] else "yellow" if counts[2] else ""
    words = ", ".join(map(many, counts, ("invocation", "error", "throttle")))
    return f"{words}, duration {_percentiles(function.duration)}", style


def _percentiles(of: Percentiles) -> str:
    if of.p50 is None or of.p99 is None:
        return "-"
    return f"{of.p50 / 1000:,.1f} s median, {of.p99 / 1000:,.1f} s p99"


def _alarms(alarms: AlarmStates) -> tuple[str, str]:
    if alarms.unknown:
        return f"unknown ({alarms.unknown})", ""
    if alarms.on:
        return f"ON: {', '.join(alarms.on)}", "red"
    counts = ", ".join(f"{count} {state.replace('_', ' ').lower()}" for state, count in alarms.counts.items())
    return counts or "none", ""


def _deployed(status: StageStatus) -> str:
    deployed = status.health.deployed
    recipe = f", recipe {deployed.recipe}" if deployed.recipe else ""
    return f"code {deployed.code or 'unknown'}{recipe}, since {moment(deployed.since) or 'unknown'}"


def _outcomes(status: StageStatus) -> str:
    outcomes = status.outcomes
    least = "" if outcomes.complete else "at least "
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in outcomes.counts.items())
    return f"{least}{counts or 'nothing'} ({outcomes.source})"
