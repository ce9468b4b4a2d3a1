"""What each switch costs: every parameter that switches something on has a price, or the reason why it has none."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import yaml

from ops.build.rules import RULES, SWITCH, Rule, text_of
from ops.cli.checkout import ROOT
from ops.cli.costs.batch import FunctionSettings, image_seconds
from ops.cli.costs.requests import removed
from ops.cli.item_size import USUAL_BUCKET, ItemSizes, usual_item
from ops.cli.prices import EVENT_BYTES, GB_SECOND, MILLION
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.settings import OFF, parameters
from ops.cli.switches import formulas
from ops.cli.switches.priced import bills, millions, month
from ops.cli.switches.table import ALARMS, SWITCHES, SwitchCost, no_lines, switches_named
from ops.cli.switches.usage import USUAL_CDN, Usage, event_bytes, usage_of
from ops.errors import UsageError
from processing.ledger import Version, read
from processing.outbox import entry_bytes, entry_of

NO_SWITCHES = {"window"} | {
    *("alarmEmail", "corsOrigins", "existing", "operators"),  # who and where, for what is there anyway
    *("userPoolArn", "cdnAlias", "cdnCertificate", "vpcId", "vpcSecurityGroups"),  # more of another switch
}
"""Parameters that nothing costs, though their default is a value that is off."""
PLAN = VariantPlan(read_recipe(), "images/")
RESOURCES = ROOT / "resources"


def usage(**others: Any) -> Usage:
    """A million photos of 12 megapixels that take eight hours."""
    given: dict[str, Any] = {
        "hours": 8.0,
        "uploads": True,
        "function": FunctionSettings(),
        "megapixels": 12.0,
        "key_bytes": 60,
    }
    return usage_of(MILLION, sizes=ItemSizes.of(PLAN), **(given | others))


def dollars(name: str, of: Usage) -> float:
    (bill,) = bills([switch for switch in SWITCHES if switch.name == name], of) or (None,)
    return bill.dollars if bill else 0.0


def without_a_row(rules: Mapping[str, Rule], rows: Iterable[SwitchCost]) -> set[str]:
    """The parameters that switch something on, by themselves or by a value, and have no row."""
    off = {name for name, value in parameters().items() if text_of(value) in OFF} - NO_SWITCHES
    return ({name for name, rule in rules.items() if rule is SWITCH} | off) - {row.name for row in rows}


def has_no_figure(row: SwitchCost) -> bool:
    return row.images is row.month is no_lines and not row.million and not row.alarms


def test_every_switch_has_a_row() -> None:
    assert without_a_row(RULES, SWITCHES) == set()
    assert without_a_row({**RULES, "another": SWITCH}, SWITCHES) == {"another"}


def test_every_row_is_of_a_parameter_with_a_value_that_it_may_have() -> None:
    for row in SWITCHES:
        name, _, value = row.name.partition("=")
        assert name in RULES, name
        assert not value or RULES[name](value) is None, row.name
        assert set(row.needs) <= {each.name for each in SWITCHES}


def test_a_row_without_a_figure_says_why() -> None:
    assert [row.name for row in SWITCHES if has_no_figure(row) and not row.note] == []
    assert has_no_figure(SwitchCost("another"))


def watched(file: str) -> int:
    """The metrics that the alarms in a file watch, which are what CloudWatch charges."""
    content = yaml.safe_load((RESOURCES / file).read_text(encoding="utf-8"))
    resources = content.get("Resources") or content.get("resources") or {}
    alarms = [each["Properties"] for each in resources.values() if each.get("Type") == "AWS::CloudWatch::Alarm"]
    return sum(sum("MetricStat" in each for each in alarm.get("Metrics", [{"MetricStat": 1}])) for alarm in alarms)


def test_the_alarms_are_those_of_the_template() -> None:
    of_switches = {file.stem: watched(f"switches/{file.name}") for file in (RESOURCES / "switches").glob("*.yml")}

    assert watched("observability.yml") == ALARMS
    assert {row.name: row.alarms for row in SWITCHES if row.alarms} == {k: n for k, n in of_switches.items() if n}


def test_the_ten_free_alarms_are_subtracted_once_from_all() -> None:
    (alone,), (more,) = (
        [each.line.units for each in month(on, usage()) if "alarms" in each.line.what]
        for on in ((), switches_named(["workflow"]))
    )

    assert (alone, more) == (3, 3 + 3 + 1)


def test_the_functions_are_those_of_the_template() -> None:
    announcer, eraser = (
        yaml.safe_load((RESOURCES / "switches" / f"{file}.yml").read_text(encoding="utf-8"))["functions"][name]
        for file, name in (("events", "announcer"), ("erasure", "eraser"))
    )

    assert announcer["memorySize"] == 1024 * formulas.ANNOUNCER_GB
    assert eraser["memorySize"] == 1024 * formulas.ERASER_GB
    assert announcer["events"][0]["stream"]["batchSize"] == formulas.MOST_ANNOUNCED
    assert announcer["events"][0]["stream"]["batchWindow"] == 1


@pytest.mark.parametrize("length", [12, 60, 500])
def test_an_event_is_as_large_as_the_one_that_is_put_on_the_bus(length: int) -> None:
    key = f"images/{'x' * (length - 11)}.jpg"
    record = read(usual_item(PLAN, Version(USUAL_BUCKET, key, "5" * 32)))
    entry = entry_of(record, variants_bucket=USUAL_BUCKET, cdn=USUAL_CDN, now=1e12)
    assert entry is not None

    assert len(key) == length
    assert event_bytes(PLAN, length) == entry_bytes(entry)


def test_an_event_is_charged_by_64_kb() -> None:
    small, large = (usage(key_bytes=length) for length in (60, EVENT_BYTES))
    (one, *_), (several, *_) = formulas.events(small), formulas.events(large)

    assert small.event_bytes < EVENT_BYTES < large.event_bytes
    assert one.units == MILLION
    assert one.dollars == pytest.approx(1.00)
    assert several.units == MILLION * -(-large.event_bytes // EVENT_BYTES) > MILLION


def test_events_that_come_one_by_one_cost_as_much_more_as_their_row_says() -> None:
    (row,) = (each for each in SWITCHES if each.name == "events")
    backlog, trickle = (dollars("events", usage(hours=hours)) for hours in (8.0, 1e6))

    assert backlog == pytest.approx(1.08, abs=0.02)
    assert f"about {trickle - backlog:.1f}0 more" in row.note


def test_s3_sends_events_for_uploads_and_a_backfill_sends_none() -> None:
    assert dollars("ingest=eventbridge", usage()) == pytest.approx(1.00)
    assert dollars("ingest=eventbridge", usage(uploads=False)) == 0


def test_a_workflow_costs_its_labels_and_by_the_size_of_the_item_its_tags() -> None:
    usual, long = (
        {(line.service, line.what): line for line in formulas.workflow(usage(key_bytes=length))} for length in (60, 400)
    )

    assert usual["Rekognition", "images"].dollars == pytest.approx(1000)
    assert usual["Step Functions", "executions"].dollars == pytest.approx(1.00)
    assert usual["Step Functions", "GB-s"].units == 125_000
    assert [each["DynamoDB", "write units"].units for each in (usual, long)] == [MILLION, 2 * MILLION]


def test_what_a_switch_needs_is_priced_with_it() -> None:
    assert [each.name for each in switches_named(["workflow"])] == ["events", "workflow"]


def test_another_name_is_refused() -> None:
    with pytest.raises(UsageError, match="another: no such switch"):
        switches_named(["events", "another"])


def test_nothing_is_charged_for_an_image_where_views_and_erasures_are() -> None:
    on = switches_named(["cdn", "erasure", "removals"])

    assert bills(on, usage()) == ()
    charged = {each.switch: each.dollars for each in millions(on, usage())}
    assert charged["cdn"] == pytest.approx(1.00 + 0.10 + 60e9 / 2**30 * 0.085)
    assert charged["erasure"] == pytest.approx(35 * 5, rel=0.15)  # the listings
    removal, function = removed(3), FunctionSettings()
    gb_seconds = function.billed_seconds(image_seconds(function, removal, variants=3)) * 1769 / 1024 * MILLION
    rest = gb_seconds * GB_SECOND["x86_64"] + 0.02 + 1.2 * 0.4 + 600e6 / 2**30 * 0.5  # invocations, SQS, logs
    assert charged["removals"] == pytest.approx(removal.heads * 0.4 + removal.writes * 0.625 + rest)


def test_a_price_is_that_of_a_million_whatever_the_number_of_images() -> None:
    on = switches_named(["events", "workflow"])
    one, ten = (usage_of_many(images) for images in (MILLION, 10 * MILLION))

    for small, large in zip(bills(on, one), bills(on, ten), strict=True):
        assert large.dollars == pytest.approx(10 * small.dollars)


def usage_of_many(images: int) -> Usage:
    return usage_of(
        images,
        hours=8.0 * images / MILLION,
        uploads=True,
        function=FunctionSettings(),
        sizes=ItemSizes.of(PLAN),
        key_bytes=60,
        megapixels=12.0,
    )


def test_a_trace_is_charged_for_a_batch_a_second_and_for_a_part_of_the_others() -> None:
    (backlog,), (trickle,) = (formulas.batch_traces(usage(hours=hours)) for hours in (8.0, 1e6))

    assert backlog.units == 8 * 3600 + 0.05 * (MILLION / 10 - 8 * 3600)
    assert trickle.units == MILLION / 10
