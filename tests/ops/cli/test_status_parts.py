"""What status makes of numbers: rates, time to drain, CloudWatch's metrics, a bounded look at the table, one screen."""

import io
import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from rich.console import Console

from ops.cli.mapping import StageMapping
from ops.cli.queues import Depth
from ops.cli.stage import Stage
from ops.cli.status.account import Concurrency, concurrency_of
from ops.cli.status.command import document, duration, page
from ops.cli.status.health import (
    AlarmStates,
    Deployed,
    FunctionHealth,
    Health,
    Percentiles,
    alarm_states,
    function_health,
)
from ops.cli.status.metrics import HOUR, Outcomes, QueueMetrics, StageMetrics
from ops.cli.status.parameters import show_parameters
from ops.cli.status.reading import APART, KEPT, Observer, QueueSample, Rate, StageStatus, of_counts, of_samples
from ops.errors import UsageError
from processing.ledger import ImagesTable
from tests.ops.cli.bare import TEMPLATE

NOW = datetime(2026, 11, 21, 12, 30, 20, tzinfo=UTC)


def test_counts_by_minute_tell_what_finishes_and_what_arrives():
    rate = of_counts([600, 540, 660], [60, 0, 0], 60)

    assert rate.finished == 10.0
    assert rate.arriving == pytest.approx(1 / 3)
    assert rate.seconds_to_drain(290) == pytest.approx(30.0)
    assert rate.source == "CloudWatch, 3 minutes"


def test_two_looks_tell_only_how_much_shorter_the_queue_got():
    rate = of_samples([QueueSample(100.0, 500), QueueSample(101.5, 480), QueueSample(104.0, 460)])

    assert (rate.finished, rate.arriving, rate.shrinking) == (None, None, 10.0)
    assert rate.seconds_to_drain(460) == 46.0


@pytest.mark.parametrize("samples", [[], [QueueSample(1.0, 5)], [QueueSample(1.0, 5), QueueSample(1.0, 4)]])
def test_one_look_tells_no_rate(samples):
    assert of_samples(samples) == Rate()


def test_an_empty_queue_is_drained_whatever_is_known():
    assert Rate().seconds_to_drain(0) == 0.0


@pytest.mark.parametrize("rate", [Rate(), Rate(shrinking=0.0), Rate(shrinking=-3.0), Rate(finished=3.0)])
def test_a_queue_that_does_not_shrink_has_no_end_that_is_known(rate):
    assert rate.seconds_to_drain(10) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7261, "2 h 1 min"), (90000, "1 d 1 h")],
)
def test_a_duration_is_told_in_two_units_at_most(seconds, said):
    assert duration(seconds) == said


@pytest.fixture
def aws():
    with mock_aws():
        session = boto3.Session("local", "local", region_name="eu-west-1")
        yield lambda service: session.client(service)


def told(aws, namespace, metric, value, at, **dimensions):
    named = [{"Name": name, "Value": each} for name, each in dimensions.items()]
    data = {"MetricName": metric, "Dimensions": named, "Value": value, "Timestamp": at}
    aws("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


def test_the_queues_last_minutes_are_cloudwatchs(aws):
    for minutes, deleted, age in ((20, 99, 99), (3, 120, 45), (2, 60, 30)):
        at = NOW.replace(second=5) - timedelta(minutes=minutes)
        told(aws, "AWS/SQS", "NumberOfMessagesDeleted", deleted, at, QueueName="q")
        told(aws, "AWS/SQS", "NumberOfMessagesSent", 6, at, QueueName="q")
        told(aws, "AWS/SQS", "ApproximateAgeOfOldestMessage", age, at, QueueName="q")
        told(aws, "AWS/SQS", "NumberOfMessagesDeleted", 7, at, QueueName="another")

    found = StageMetrics(aws("cloudwatch")).of_queue("q", NOW)

    assert found == QueueMetrics([120, 60], [6, 6], 30)


def test_a_queue_that_cloudwatch_does_not_know_has_no_figures(aws):
    assert StageMetrics(aws("cloudwatch")).of_queue("q", NOW) == QueueMetrics([], [], None)


def test_outcomes_are_the_functions_own_of_the_last_hour(aws):
    for minutes, outcome, function in ((5, "done", "f"), (10, "done", "f"), (7, "rejected", "f"), (5, "done", "g")):
        told(aws, "Darkroom", "Images", 100, NOW - timedelta(minutes=minutes), Function=function, Outcome=outcome)
    told(aws, "Darkroom", "Images", 5, NOW - timedelta(minutes=90), Function="f", Outcome="busy")

    found = StageMetrics(aws("cloudwatch")).outcomes("f", NOW - timedelta(hours=1), NOW)

    assert found == {"done": 200, "rejected": 100}


def test_a_function_that_cloudwatch_does_not_know_has_no_outcomes(aws):
    assert StageMetrics(aws("cloudwatch")).outcomes("f", NOW - timedelta(hours=1), NOW) is None


@pytest.fixture
def table(aws):
    properties = TEMPLATE["Resources"]["Images"]["Properties"]
    aws("dynamodb").create_table(**properties)
    return properties["TableName"]


def record(aws, table, number, *, status="DONE", minutes=5):
    changed = int((NOW - timedelta(minutes=minutes)).timestamp())
    item = {
        "object": {"S": f"uploads/{number}"},
        "etag": {"S": "e"},
        "status": {"S": status},
        "updated_at": {"N": str(changed)},
    }
    aws("dynamodb").put_item(TableName=table, Item=item)


def test_the_consumers_last_hour_is_cloudwatchs(aws):
    for minutes, errors, throttles in ((5, 2, 1), (30, 1, 0), (70, 50, 50)):
        at = NOW - timedelta(minutes=minutes)
        told(aws, "AWS/Lambda", "Invocations", 100, at, FunctionName="f")
        told(aws, "AWS/Lambda", "Errors", errors, at, FunctionName="f")
        told(aws, "AWS/Lambda", "Throttles", throttles, at, FunctionName="f")
        told(aws, "AWS/Lambda", "Errors", 7, at, FunctionName="another")

    found = function_health(aws("cloudwatch"), "f", NOW)

    assert (found.invocations, found.errors, found.throttles) == (200, 3, 1)
    assert function_health(aws("cloudwatch"), "never invoked", NOW) == FunctionHealth()


def test_durations_are_percentiles_of_the_last_hour_of_this_function(aws):
    cloudwatch = aws("cloudwatch")
    results = [{"Id": f"{name}_{stat}", "Values": [value, 2 * value]} for name, stat, value in QUANTILES]
    with Stubber(cloudwatch) as stubber:
        stubber.add_response("get_metric_data", {"MetricDataResults": results})
        found = function_health(cloudwatch, "f", NOW)

    assert (found.duration, found.ready) == (Percentiles(200.0, 400.0), Percentiles(600.0, 800.0))


QUANTILES = (("duration", "p50", 100.0), ("duration", "p99", 200.0), ("ready", "p50", 300.0), ("ready", "p99", 400.0))


def test_alarms_are_told_by_state_and_those_that_are_on_by_name(aws):
    cloudwatch = aws("cloudwatch")
    for name, state in (("bugs", "ALARM"), ("queue-age", "OK"), ("dlq-depth", "OK"), ("of-another-stack", "ALARM")):
        cloudwatch.put_metric_alarm(
            AlarmName=f"darkroom-prod-{name}", ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1,
            MetricName="m", Namespace="n", Period=60, Statistic="Sum", Threshold=1.0,
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=f"darkroom-prod-{name}", StateValue=state, StateReason="a test")

    assert alarm_states(cloudwatch, PROD) == AlarmStates({"ALARM": 1, "OK": 2}, ["bugs"])


def test_alarms_that_nobody_may_see_are_unknown_and_nothing_else_is(aws):
    cloudwatch = aws("cloudwatch")
    with Stubber(cloudwatch) as stubber:
        stubber.add_client_error("describe_alarms", "AccessDenied")

        assert alarm_states(cloudwatch, PROD) == AlarmStates(unknown="cloudwatch:DescribeAlarms: AccessDenied")


def scan(aws, table, most=1000):
    counts, scanned, complete = ImagesTable(aws("dynamodb"), table).changed_since(NOW - HOUR, most=most)
    return {status.lower(): count for status, count in counts.items()}, scanned, complete


def test_records_that_changed_within_the_hour_are_counted_by_status(aws, table):
    record(aws, table, 1)
    record(aws, table, 2, status="REJECTED", minutes=59)
    record(aws, table, 3, minutes=61)
    record(aws, table, 4, status="of no image")

    assert scan(aws, table) == ({"done": 1, "rejected": 1}, 4, True)


def test_the_look_at_the_table_is_bounded_and_says_so(aws, table):
    for number in range(25):
        record(aws, table, number)

    counts, looked_at, complete = scan(aws, table, most=10)

    assert (counts["done"], looked_at, complete) == (10, 10, False)
    assert scan(aws, table, most=26) == ({"done": 25}, 25, True)


class Looks:
    """An observer of a stage whose queue has these lengths, one look after the other; CloudWatch has nothing."""

    def __init__(self, monkeypatch, *lengths, metrics=None):
        self.lengths, self.time, self.asked = list(lengths), 0.0, 0
        self.metrics = metrics or QueueMetrics([], [], None)
        stage = type("Stage", (), {"client": lambda _self, name: name, "queue_url": "q", "dlq_url": "dlq"})()
        monkeypatch.setattr("ops.cli.status.reading.depth_of", self.depth_of)
        monkeypatch.setattr("ops.cli.status.reading.mapping_of", lambda _stage: None)
        monkeypatch.setattr("ops.cli.status.reading.concurrency_of", lambda _client: Concurrency(10, 10))
        monkeypatch.setattr("ops.cli.status.reading.health_of", lambda _stage, _now: Health())
        monkeypatch.setattr("ops.cli.status.reading.of_last_hour", lambda _stage, _now: Outcomes({}, "nowhere"))
        monkeypatch.setattr(StageMetrics, "of_queue", self.of_queue)
        self.observer = Observer(stage, lambda: self.time, self.pause, lambda: NOW)

    def depth_of(self, _sqs, url):
        return Depth(self.lengths.pop(0), 0, 0) if url == "q" else Depth(0, 0, 0)

    def of_queue(self, _name, _now):
        self.asked += 1
        return self.metrics

    def pause(self, seconds):
        self.time += seconds


def test_without_cloudwatch_a_single_status_looks_twice(monkeypatch):
    looks = Looks(monkeypatch, 500, 470)

    status = looks.observer.read_twice()

    assert looks.time == APART
    assert (status.queue.total, status.rate.shrinking, status.seconds_to_drain) == (470, 10.0, 47.0)


@pytest.mark.parametrize(
    ("lengths", "metrics"), [([0], None), ([500], QueueMetrics([60.0], [0.0], 3.0))], ids=["empty", "CloudWatch"]
)
def test_where_a_second_look_tells_nothing_more_there_is_none(monkeypatch, lengths, metrics):
    looks = Looks(monkeypatch, *lengths, metrics=metrics)

    looks.observer.read_twice()

    assert looks.time == 0.0


def test_again_and_again_the_rate_is_that_of_the_last_minute(monkeypatch):
    looks = Looks(monkeypatch, 1000, 1000, 940, 880)
    for seconds in (0, 20, 60, 20):
        looks.pause(seconds)
        status = looks.observer.read()

    assert looks.time == 100.0
    assert status.rate.shrinking == (940 - 880) / 20
    assert status.rate.source == "two samples, 20 s apart"
    assert KEPT == 60.0


def test_what_is_slow_is_not_asked_for_at_every_look(monkeypatch):
    looks = Looks(monkeypatch, *range(40, 0, -1))
    for _ in range(40):
        looks.observer.read()
        looks.pause(1)

    assert looks.asked == 2


def status(**changes):
    mapping = StageMapping("uuid", changes.pop("state", "Enabled"), changes.pop("most", 10), 10, 0)
    facts: dict[str, Any] = {
        "at": NOW,
        "queue": Depth(1200, 20, 5),
        "dead_letters": 0,
        "oldest": None,
        "mapping": mapping,
        "rate": Rate(),
        "outcomes": Outcomes({"done": 1300, "not_started": 2}, "CloudWatch, by delivery"),
        "concurrency": Concurrency(1000, 900),
        "health": Health(),
    }
    return StageStatus(**facts | changes)


PROD = Stage.of("prod", "eu-west-1", defaultdict(str), lambda _service: None)


def screen(status, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(page(PROD, status))
    return {line[:9].strip(): line[9:].strip() for line in console.export_text().splitlines()}


def test_the_screen_tells_what_is_not_known():
    lines = screen(status())

    assert lines["queue"] == "1,200 waiting, 20 in flight, 5 delayed"
    assert (lines["oldest"], lines["rate"], lines["empty"]) == ("-", "unknown", "unknown")
    assert lines["dead"] == "0 dead letters"
    assert lines["mapping"] == "Enabled, at most 10 at once, batches of 10"
    assert lines["last hour"] == "1,300 done, 2 not started (CloudWatch, by delivery)"


def test_the_screen_tells_how_the_consumer_is_and_what_is_deployed():
    seen = FunctionHealth(1200, 3, 1, Percentiles(2345.0, 30_000.0), Percentiles(4000.0, 61_000.0))
    lines = screen(status(health=Health(seen, AlarmStates({"ALARM": 1, "OK": 9}, ["bugs"]), DEPLOYED)), width=200)

    assert lines["consumer"] == ("1,200 invocations, 3 errors, 1 throttle, duration 2.3 s median, 30.0 s p99")
    assert lines["ready"] == "4.0 s median, 61.0 s p99"
    assert lines["alarms"] == "ON: bugs"
    assert lines["deployed"] == "code c0de, recipe fade, since 2026-11-26 02:26:37Z"


DEPLOYED = Deployed("c0de", "fade", "2026-11-26T02:26:37.000+0000")


def test_the_screen_tells_of_a_consumer_that_nobody_has_figures_of():
    lines = screen(status(health=Health(alarms=AlarmStates({"INSUFFICIENT_DATA": 2, "OK": 9}))))

    assert (lines["consumer"], lines["ready"]) == ("-", "-")
    assert lines["alarms"] == "2 insufficient data, 9 ok"
    assert lines["deployed"] == "code unknown, since unknown"


def shown_parameters(capsys, *, as_json=False, **known):
    show_parameters(replace(PROD, **known), as_json=as_json)
    said = capsys.readouterr()
    return said.out, said.err


def test_a_parameter_is_shown_as_the_stage_has_it_and_never_as_this_checkout_has_it(capsys):
    out, err = shown_parameters(
        capsys, given={"memory": "3008"}, defaults={"memory": "1", "timeout": "77", "gone": "true"}
    )

    assert [line.split() for line in out.splitlines()] == [
        ["parameter", "value", "from"],
        ["memory", "3008", "deployment"],
        ["timeout", "77", "default"],
        ["gone", "true", "default"],
    ]
    assert err == ""


def test_of_a_stage_that_does_not_say_its_defaults_none_is_shown(capsys):
    out, err = shown_parameters(capsys, given={"memory": "3008"})
    nothing, _ = shown_parameters(capsys, given={})
    document, _ = shown_parameters(capsys, given={"memory": "3008"}, as_json=True)

    assert [line.split() for line in out.splitlines()][1:] == [["memory", "3008", "deployment"]]
    assert "deploy it again to see them" in err
    assert nothing == ""
    assert json.loads(document) == {"stage": "prod", "given": {"memory": "3008"}, "defaults": None}


def test_a_stage_that_does_not_say_what_it_was_deployed_with_is_a_usage_error(capsys):
    with pytest.raises(UsageError, match="deploy it again"):
        shown_parameters(capsys)


@pytest.mark.parametrize(
    ("rate", "said", "drained"),
    [
        (Rate(25.0, 0.5, 24.5, "here"), "25.0 a second finish, 0.5 arrive (here)", "in 50 s"),
        (Rate(2.0, 3.0, -1.0, "here"), "2.0 a second finish, 3.0 arrive (here)", "not draining"),
        (Rate(2.0, None, None, "here"), "2.0 a second finish (here)", "unknown"),
        (
            Rate(shrinking=12.25, source="looks"),
            "the queue gets shorter by 12.2 messages a second (looks)",
            "in 1 min 40 s",
        ),
        (
            Rate(shrinking=-4.0, source="looks"),
            "the queue gets longer by 4.0 messages a second (looks)",
            "not draining",
        ),
        (Rate(shrinking=0.0, source="looks"), "the queue keeps its length (looks)", "not draining"),
    ],
)
def test_the_screen_tells_rate_and_end(rate, said, drained):
    lines = screen(status(rate=rate))

    assert (lines["rate"], lines["empty"]) == (said, drained)


def test_the_screen_tells_what_to_do_with_dead_letters_and_that_a_stage_is_paused():
    lines = screen(status(dead_letters=3, state="Disabled", most=None, oldest=200.0), 140)

    assert lines["dead"] == "3 dead letters; to see why: darkroom dlq groups --stage prod"
    assert lines["mapping"] == (
        "paused (Disabled), as many at once as the account allows, batches of 10; "
        "to receive messages again: darkroom resume --stage prod"
    )
    assert (lines["oldest"], lines["empty"]) == ("3 min 20 s", "not while it is paused")


def test_an_emulator_has_no_limit_of_concurrency():
    found = status(concurrency=Concurrency(unknown="lambda:GetAccountSettings answers 404"))

    sentences = [
        str(value) for name, value, _ in page(replace(PROD, name="local"), found).rows if str(name) == "account"
    ]

    assert sentences == ["no limit: an emulator runs the functions"]


def test_a_count_of_a_part_is_told_as_one():
    part = Outcomes({"done": 10}, "the images table, of which 50,000 records were read", complete=False)

    assert screen(status(outcomes=part), 120)["last hour"].startswith("at least 10 done (the images table, of which")


def test_programs_get_null_for_what_is_not_known():
    said = document(PROD, status())

    assert (said["oldest_seconds"], said["seconds_to_drain"], said["rate_per_second"]["finished"]) == (None, None, None)
    assert said["queue"] == {"waiting": 1200, "in_flight": 20, "delayed": 5}
    assert said["at"] == "2026-11-21T12:30:20+00:00"


def lambda_answering(operation, answer=None, **error):
    """Lambda's client, stubbed by botocore with one answer or one refusal."""
    client = boto3.client("lambda", "eu-west-1", aws_access_key_id="local", aws_secret_access_key="local")
    stubber = Stubber(client)
    if answer is None:
        stubber.add_client_error(operation, **error)
    else:
        stubber.add_response(operation, answer)
    stubber.activate()
    return client


def test_the_accounts_concurrency_is_lambdas_own_word():
    limits = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 8}}

    assert concurrency_of(lambda_answering("get_account_settings", limits)) == Concurrency(10, 8)


def test_a_concurrency_that_lambda_does_not_tell_is_unknown_with_the_reason():
    refused = lambda_answering("get_account_settings", service_error_code="AccessDeniedException")
    found = concurrency_of(refused)

    assert found == Concurrency(unknown="lambda:GetAccountSettings answers AccessDeniedException")
    said = screen(status(concurrency=found), 120)["account"]
    assert said == "limit unknown: lambda:GetAccountSettings answers AccessDeniedException"
    assert document(PROD, status(concurrency=found))["account_concurrency"]["limit"] is None


@pytest.mark.parametrize(("most", "unreserved", "warned"), [(5, 10, False), (10, 10, True), (None, 1000, True)])
def test_a_mapping_that_can_take_all_the_account_has_is_pointed_out(most, unreserved, warned):
    said = screen(status(most=most, concurrency=Concurrency(unreserved, unreserved)), 160)["account"]

    assert said.startswith(f"{unreserved:,} at once, of which {unreserved:,} are unreserved")
    assert said.endswith("lower maximumConcurrency, or have the limit raised") is warned
