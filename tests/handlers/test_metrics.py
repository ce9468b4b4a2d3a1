"""The metrics of a batch, as CloudWatch reads them from the lines that the function prints."""

import json
import logging
from typing import Any

import pytest

from handlers.telemetry import MOST_VALUES, Metrics


class Printed:
    """Metrics on a logger of their own, and the lines they wrote."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.metrics = Metrics("consumer", clock=lambda: 12.5, write=lambda line: self.lines.append(json.loads(line)))
        self.log = logging.Logger("darkroom")
        self.log.addHandler(self.metrics)

    def tell(self, outcome: str, **fields: Any) -> None:
        self.log.info(outcome, extra={"data": {"outcome": outcome, "receive": 1, **fields}})


@pytest.fixture
def printed() -> Printed:
    return Printed()


def metrics_of(line: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """The values of every metric by its dimensions, found as the format's specification finds them."""
    return {
        tuple(f"{name}={line[name]}" for name in dimensions): {
            metric["Name"]: line[metric["Name"]] for metric in group["Metrics"]
        }
        for group in line["_aws"]["CloudWatchMetrics"]
        for dimensions in group["Dimensions"]
    }


def test_a_batch_of_one_outcome_is_one_line(printed: Printed) -> None:
    for render in (90, 110):
        printed.tell("done", attempt=1, timings={"render": render, "fetch": 5}, queue_delay_ms=40)
    printed.metrics.flush_batch()

    (line,) = printed.lines
    assert line["_aws"]["Timestamp"] == 12_500
    assert metrics_of(line) == {
        ("Function=consumer", "Outcome=done"): {"Images": 2},
        ("Function=consumer",): {"RenderMs": [90, 110], "QueueDelayMs": [40, 40], "LostReceives": [0, 0]},
    }


def test_every_outcome_is_counted_apart(printed: Printed) -> None:
    for outcome in ("done", "rejected", "done", "unexpected"):
        printed.tell(outcome)
    printed.metrics.flush_batch()

    counts = [values for line in printed.lines for values in metrics_of(line).items()]
    assert counts == [
        (("Function=consumer", "Outcome=done"), {"Images": 2}),
        (("Function=consumer", "Outcome=rejected"), {"Images": 1}),
        (("Function=consumer", "Outcome=unexpected"), {"Images": 1}),
    ]


def test_receives_that_never_became_an_attempt_are_lost(printed: Printed) -> None:
    printed.tell("done", receive=4, attempt=2)
    printed.tell("duplicate", receive=3, attempt=0)
    printed.metrics.flush_batch()

    assert printed.lines[0]["LostReceives"] == [2]


def test_no_line_holds_more_values_than_the_format_allows(printed: Printed) -> None:
    for number in range(2 * MOST_VALUES + 1):
        printed.tell("done", queue_delay_ms=number)
    printed.metrics.flush_batch()

    delays = [line["QueueDelayMs"] for line in printed.lines]
    assert [len(each) for each in delays] == [MOST_VALUES, MOST_VALUES, 1]
    assert [delay for each in delays for delay in each] == list(range(2 * MOST_VALUES + 1))
    assert [line.get("Images") for line in printed.lines] == [2 * MOST_VALUES + 1, None, None]


def test_a_batch_is_told_once_and_an_empty_one_not_at_all(printed: Printed) -> None:
    printed.tell("done")
    printed.log.warning("not postponed", extra={"data": {"why": "throttled"}})
    printed.metrics.flush_batch()
    printed.metrics.flush_batch()

    assert [line["Images"] for line in printed.lines] == [1]


def test_the_time_to_ready_and_the_puts_are_values_with_percentiles(printed: Printed) -> None:
    printed.tell("done", ready_ms=1400, puts=3)
    printed.tell("done", ready_ms=None, puts=0)
    printed.tell("done", ready_ms=900, puts=1)
    printed.metrics.flush_batch()

    (line,) = printed.lines
    assert metrics_of(line)["Function=consumer",] == {"ReadyMs": [1400, 900], "VariantPuts": [3, 1]}
