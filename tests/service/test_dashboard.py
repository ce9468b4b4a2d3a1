"""The dashboard as CloudWatch will read it: its body, its grid, its metrics, and what it reckons of dollars."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.telemetry import NAMESPACE, Metrics
from ops.cli import prices
from ops.cli.costs.batch import FunctionSettings
from ops.cli.costs.bill import LOG_BYTES, bill
from ops.cli.costs.requests import Requests, first_upload
from processing.errors import Busy, CorruptImage, NotStarted, Unavailable
from processing.outcome import Kind
from tests.processing.test_batch import fate
from tests.service.conftest import CHANGED
from tests.service.packaged_service import PROJECT, Package

COLUMNS = 24
DOLLARS = "Dollars for a thousand images, without storage"
MOST_WIDGETS = 500
MOST_FREE = 50  # metrics of a dashboard that is free
KINDS = {
    "FunctionName": "AWS::Lambda::Function",
    "Function": "AWS::Lambda::Function",
    "QueueName": "AWS::SQS::Queue",
    "LogGroupName": "AWS::Logs::LogGroup",
}
"""What the dimension of a metric may refer to."""

KNOWN: dict[tuple[str, tuple[str, ...]], set[str]] = {
    ("AWS/Lambda", ("FunctionName",)): {
        *("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge"),
    },
    ("AWS/SQS", ("QueueName",)): {
        *("ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"),
        *("ApproximateAgeOfOldestMessage", "NumberOfMessagesSent", "NumberOfEmptyReceives"),
    },
    ("AWS/ApiGateway", ("ApiName", "Stage")): {"Count", "Latency", "4XXError", "5XXError"},
    ("AWS/DynamoDB", ("TableName",)): {"ReadThrottleEvents", "WriteThrottleEvents", "ConsumedWriteCapacityUnits"},
    ("AWS/Logs", ("LogGroupName",)): {"IncomingBytes"},
}
"""AWS's own metrics, from each service's page of metrics."""

Metric = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name and dimensions."""


def body(package: Package) -> dict[str, Any]:
    """As CloudFormation hands it on, with references left in place."""
    text = package.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    found: dict[str, Any] = json.loads(text)
    return found


def graphs(package: Package) -> dict[str, dict[str, Any]]:
    widgets = body(package)["widgets"]
    return {each["properties"]["title"]: each["properties"] for each in widgets if each["type"] == "metric"}


def entries(properties: dict[str, Any]) -> Iterator[tuple[Metric | None, dict[str, Any]]]:
    """Each line of a graph: its metric, or None of an expression, and how it is shown."""
    for *names, shown in properties["metrics"]:
        if names:
            namespace, name, *dimensions = names
            yield (namespace, name, tuple(zip(dimensions[::2], dimensions[1::2], strict=True))), shown
        else:
            yield None, shown


def metrics(package: Package) -> set[Metric]:
    return {metric for graph in graphs(package).values() for metric, _ in entries(graph) if metric}


def written() -> dict[str, set[tuple[str, ...]]]:
    """The consumer's own metrics, each with the names of its dimensions."""
    lines: list[str] = []
    made = Metrics("consumer", clock=lambda: 0, write=lines.append)
    line = {"outcome": "done", "receive": 1, "attempt": 1, "timings": {"render": 1}, "puts": 3}
    made.emit(logging.makeLogRecord({"data": line | {"queue_delay_ms": 1, "ready_ms": 1}}))
    made.flush_batch()
    groups = [group for text in lines for group in json.loads(text)["_aws"]["CloudWatchMetrics"]]
    assert {group["Namespace"] for group in groups} == {NAMESPACE}
    return {
        metric["Name"]: {tuple(dimensions) for dimensions in group["Dimensions"]}
        for group in groups
        for metric in group["Metrics"]
    }


def test_a_stage_without_it_has_nothing_of_it(default: Package) -> None:
    assert "Dashboard" not in json.dumps(default.template)


def test_the_body_has_the_shape_that_cloudwatch_takes(changed: Package) -> None:
    made = body(changed)

    assert set(made) == {"start", "widgets"}
    assert re.fullmatch(r"-P\d+D", made["start"])
    assert 0 < len(made["widgets"]) <= MOST_WIDGETS
    for widget in made["widgets"]:
        assert set(widget) == {"type", "x", "y", "width", "height", "properties"}
        if widget["type"] == "text":
            assert set(widget["properties"]) == {"markdown"}
            continue
        graph = widget["properties"]
        assert set(graph) <= {
            *("view", "region", "title", "period", "stat", "metrics", "yAxis", "annotations", "stacked"),
        }
        assert (graph["view"], graph["region"]) == ("timeSeries", "${AWS::Region}")
        assert graph["period"] % 60 == 0
        for metric, shown in entries(graph):
            assert set(shown) <= {"label", "stat", "id", "visible", "expression"}
            assert re.fullmatch(r"Sum|Maximum|p\d\d", shown.get("stat", graph["stat"]))
            assert (metric is None) is ("expression" in shown)


def test_no_widget_lies_on_another_or_beside_the_grid(changed: Package) -> None:
    cells: dict[tuple[int, int], str] = {}
    for widget in body(changed)["widgets"]:
        name = str(widget["properties"])
        assert widget["x"] + widget["width"] <= COLUMNS
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                assert (x, y) not in cells, (name, cells[x, y])
                cells[x, y] = name
    assert len(cells) == COLUMNS * (1 + max(y for _, y in cells)), "the rows are full"


def test_every_metric_is_one_that_aws_or_the_consumer_has(changed: Package) -> None:
    ours = written()
    for namespace, name, dimensions in metrics(changed):
        names = tuple(each for each, _ in dimensions)
        if namespace == NAMESPACE:
            assert names in ours[name], name
        else:
            assert name in KNOWN[namespace, names], name
    assert {name for namespace, name, _ in metrics(changed) if namespace == NAMESPACE} == ours.keys() - {"LostReceives"}


def test_every_alarm_watches_one_of_these_metrics_too(default: Package, changed: Package) -> None:
    ours = written() | {"SandboxUnavailable": {("Function",)}}
    for package in (default, changed):
        for name, alarm in package.of_type("AWS::CloudWatch::Alarm").items():
            properties = alarm["Properties"]
            several = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
            for metric in several or [properties]:
                names = tuple(each["Name"] for each in metric["Dimensions"])
                known = {each for each, of in ours.items() if names in of} | set()
                if metric["Namespace"] != NAMESPACE:
                    known = KNOWN[metric["Namespace"], names]
                assert metric["MetricName"] in known, name


def test_every_metric_is_of_a_resource_of_the_stage(changed: Package) -> None:
    rest_api = changed.properties("ApiGatewayRestApi")["Name"]
    for _, name, dimensions in metrics(changed):
        for dimension, value in dimensions:
            if dimension in KINDS:
                logical_id = re.fullmatch(r"\$\{(\w+)(\.QueueName)?\}", value)
                assert logical_id, value
                assert changed.template["Resources"][logical_id[1]]["Type"] == KINDS[dimension], name
            elif dimension != "Outcome":
                known = {"ApiName": rest_api, "Stage": "local", "TableName": "darkroom-local-images"}
                assert value == known[dimension], name


def test_every_outcome_is_shown(changed: Package) -> None:
    errors = [CorruptImage("x"), Busy(1.0), NotStarted("x"), Unavailable("SlowDown", "s3"), ZeroDivisionError()]
    outcomes = {str(kind) for kind in Kind} | {fate(error).outcome for error in errors}

    shown = [dict(metric[2])["Outcome"] for metric, _ in entries(graphs(changed)["Images by outcome"]) if metric]
    assert sorted(shown) == sorted(outcomes)


@pytest.mark.parametrize("title", ["From upload to ready", "Rendering", "API: latency"])
def test_a_time_is_shown_by_percentiles(changed: Package, title: str) -> None:
    assert [shown["stat"] for _, shown in entries(graphs(changed)[title])] == ["p50", "p95", "p99"]


def test_what_is_limited_is_shown_with_its_limit(changed: Package) -> None:
    lines = {
        title: graph["annotations"]["horizontal"][0]["value"]
        for title, graph in graphs(changed).items()
        if "annotations" in graph
    }

    assert lines == {
        "Age of the oldest upload": changed.properties("QueueAgeAlarm")["Threshold"],
        "Batches at once": CHANGED["maximumConcurrency"],
        "A batch": 1000 * changed.properties("ConsumerLambdaFunction")["Timeout"],
    }


def test_the_dead_letters_of_every_switch_that_is_on_are_shown(changed: Package) -> None:
    alarmed = {
        alarm["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in changed.of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }

    assert {shown["label"] for _, shown in entries(graphs(changed)["Dead letters"])} == alarmed


def test_it_is_among_the_free_ones(changed: Package) -> None:
    assert len(metrics(changed)) <= MOST_FREE


def dollars(package: Package, **measured: float) -> dict[str, float]:
    """What the expressions say of these measurements, by service; Python reads them as CloudWatch does."""
    found = dict(entries_by_label(graphs(package)[DOLLARS]))
    assert not any(re.search(r"\de", expression) for expression in found.values()), "CloudWatch documents no exponents"
    names = {"FILL": lambda value, _: value, **measured}
    return {label: eval(expression, {"__builtins__": {}}, names) for label, expression in found.items()}


def entries_by_label(properties: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for _, shown in entries(properties):
        if "expression" in shown:
            yield shown["label"], shown["expression"]


def test_a_thousand_images_cost_there_what_the_estimate_says(changed: Package) -> None:
    """By the same lines of `ops.cli.costs.bill`, from the quantities that CloudWatch has measured."""
    function = FunctionSettings(memory=int(str(CHANGED["memory"])), architecture="arm64", batch=4)
    images, seconds, variants = 1000, 0.3, 3
    requests = first_upload(variants) * images
    made = bill(images, function, seconds=seconds, requests=requests, variants=variants, uploads=True)

    found = dollars(
        changed,
        images=images,
        puts=images * variants,
        ms=images * seconds * 1000,
        batches=images / function.batch,
        sent=images,
        polls=0,
        units=requests.writes,
        bytes=images * LOG_BYTES,
    )

    assert found == {
        name: pytest.approx(made.by_service()["CloudWatch" if name == "Logs" else name], rel=1e-5) for name in found
    }
    assert sum(found.values()) == pytest.approx(made.dollars, rel=1e-5)
    assert Requests(gets=1, heads=1, puts=variants, writes=2) == first_upload(variants)


def test_the_price_of_a_second_is_that_of_each_processor() -> None:
    text = (PROJECT / "resources" / "dashboard.cjs").read_text(encoding="utf-8")

    assert {name: float(price) for name, price in re.findall(r"(x86_64|arm64): ([\d.]+)", text)} == prices.GB_SECOND


def test_a_poll_that_finds_nothing_costs_a_request(changed: Package) -> None:
    nothing = {"puts": 0.0, "ms": 0.0, "batches": 0.0, "sent": 0.0, "units": 0.0, "bytes": 0.0}

    assert dollars(changed, images=1, polls=1, **nothing)["SQS"] == pytest.approx(1000 * prices.SQS_REQUEST)


def test_every_metric_of_the_dollars_is_summed_and_hidden_and_has_the_name_in_the_expressions(changed: Package) -> None:
    graph = graphs(changed)[DOLLARS]
    hidden = {shown["id"] for metric, shown in entries(graph) if metric and shown["visible"] is False}
    used = {word for _, text in entries_by_label(graph) for word in re.findall(r"[a-z]\w*", text)}

    assert graph["stat"] == "Sum"
    assert hidden == used == {"images", "puts", "ms", "batches", "sent", "polls", "units", "bytes"}
