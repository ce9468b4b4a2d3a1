"""Whether the consumer is well: its errors, throttles and durations, the stage's alarms, and what is deployed.

Percentiles are of the last hour. The emulator has no such metrics, and its alarms are never evaluated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from handlers.telemetry import NAMESPACE
from ops.cli.alarms import all_alarms
from ops.cli.settings import Consumer
from ops.cli.stage import Stage, stack_name
from ops.cli.status.metrics import StageMetrics, query
from processing.storage.refusals import code_of

HOUR: Final = timedelta(hours=1)
LAMBDA: Final = "AWS/Lambda"
ALARM: Final = "ALARM"


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds: the median, and what one in a hundred exceeds; None where CloudWatch has none."""

    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class FunctionHealth:
    """The consumer's last hour; a count is None where it was not invoked.

    Args:
        duration: of an invocation, which is a batch.
        ready: from an upload to its variants.
    """

    invocations: int | None = None
    errors: int | None = None
    throttles: int | None = None
    duration: Percentiles = Percentiles()
    ready: Percentiles = Percentiles()


@dataclass(frozen=True, slots=True)
class AlarmStates:
    """How many alarms are in each state, and the names of those that are on; ``unknown`` is why there is no answer."""

    counts: Mapping[str, int] = field(default_factory=dict)
    on: Sequence[str] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What runs, and when the function's code or settings changed last (UTC)."""

    code: str = ""
    recipe: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """All of it."""

    function: FunctionHealth = FunctionHealth()
    alarms: AlarmStates = AlarmStates()
    deployed: Deployed = Deployed()


def health_of(stage: Stage, now: datetime) -> Health:
    """Three requests."""
    cloudwatch = stage.client("cloudwatch")
    return Health(function_health(cloudwatch, stage.consumer, now), alarm_states(cloudwatch, stage), deployed(stage))


def function_health(cloudwatch: Any, function: str, now: datetime) -> FunctionHealth:
    """Of the last hour; where CloudWatch has it in two parts, the higher percentile."""
    lambdas, ours = ([{"Name": name, "Value": function}] for name in ("FunctionName", "Function"))
    period = int(HOUR.total_seconds())
    queries = [
        *(query(name.lower(), LAMBDA, name, lambdas, "Sum") for name in ("Invocations", "Errors", "Throttles")),
        *(query(f"duration_{stat}", LAMBDA, "Duration", lambdas, stat, period) for stat in ("p50", "p99")),
        *(query(f"ready_{stat}", NAMESPACE, "ReadyMs", ours, stat, period) for stat in ("p50", "p99")),
    ]
    end = now.replace(second=0, microsecond=0)
    found = StageMetrics(cloudwatch).values(queries, end - HOUR, end)
    counts = {name: round(sum(values)) if (values := found[name]) else None for name in ("invocations", "errors")}
    return FunctionHealth(
        **counts,
        throttles=round(sum(found["throttles"])) if found["throttles"] else None,
        duration=_percentiles(found, "duration"),
        ready=_percentiles(found, "ready"),
    )


def alarm_states(cloudwatch: Any, stage: Stage) -> AlarmStates:
    """The stage's alarms by their state. A refusal leaves the rest of a status as it is."""
    prefix = f"{stack_name(stage.name)}-"
    try:
        answer = cloudwatch.describe_alarms(AlarmNames=[f"{prefix}{name}" for name in all_alarms()])
    except ClientError as error:
        return AlarmStates(unknown=f"cloudwatch:DescribeAlarms: {code_of(error)}")
    states = {alarm["AlarmName"].removeprefix(prefix): alarm["StateValue"] for alarm in answer["MetricAlarms"]}
    counts = {state: list(states.values()).count(state) for state in sorted(set(states.values()))}
    return AlarmStates(counts, sorted(name for name, state in states.items() if state == ALARM))


def deployed(stage: Stage) -> Deployed:
    """As Lambda and the stack's outputs have it."""
    consumer = Consumer.of(stage)
    return Deployed(consumer.code_version, stage.recipe_version, consumer.changed_at)


def _percentiles(found: Mapping[str, Sequence[float]], name: str) -> Percentiles:
    return Percentiles(*(max(found[f"{name}_{stat}"], default=None) for stat in ("p50", "p99")))
