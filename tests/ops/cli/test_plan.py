"""``darkroom estimate --plan``: which quotas bind."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.costs.drain import WARM, AccountLimits, Workload
from ops.cli.main import make_app
from ops.cli.plan.quotas import SOURCES, Plan, StageLimits
from ops.cli.settings import parameters
from tests.ops.cli.terminals import printed

ROOT = Path(__file__).parents[3]
MILLION = 1_000_000
DAYS = StageLimits(retention_days=4, daily_requests=100_000)


def work(images, *, concurrency=5, seconds=1.38, warm=WARM):
    return Workload(images, 10, seconds, concurrency, 2, limits=AccountLimits(warm=warm))


def run(*arguments):
    return CliRunner().invoke(make_app(), ["estimate", "--plan", *arguments])


def binding(images, within, **settings):
    return [each.name for each in Plan(work(images, **settings), DAYS, within).quotas() if each.binds]


def test_ten_million_within_four_days_need_nothing_more_and_a_hundred_million_need_forty_at_once():
    assert binding(10 * MILLION, 96) == []
    assert binding(100 * MILLION, 96) == ["uploads by one API key", "queue keeps a message", "maximumConcurrency"]
    assert Plan(work(100 * MILLION), DAYS, 96).invocations == 40
    assert binding(100 * MILLION, 96, concurrency=41) == ["uploads by one API key"]


@pytest.mark.parametrize(
    ("name", "images", "within", "settings"),
    [
        ("S3 PUT of originals", 13 * MILLION, 1, {}),
        ("one backfill sends", 2 * MILLION, 1, {}),
        ("one mapping's concurrency", 27 * MILLION, 1, {"concurrency": 1000}),
        ("account's concurrency", 27 * MILLION, 1, {"concurrency": 1000}),
        ("ramp: 5, then 300 a minute", MILLION, 0.1, {"concurrency": 1000}),
        ("messages in flight", 100 * MILLION, 0.25, {}),
        ("S3 GET, HEAD of originals", 10 * MILLION, 1, {}),
        ("S3 PUT of one variant", 13 * MILLION, 1, {}),
        ("table's writes, as it is warm", 8 * MILLION, 1, {}),
        ("table's writes, the account's", 73 * MILLION, 1, {"warm": 40_000}),
    ],
)
def test_each_quota_binds_where_the_plan_needs_more_than_it_and_not_for_a_tenth_of_that(name, images, within, settings):
    assert name in binding(images, within, **settings)
    assert name not in binding(images // 10, within, **settings)


def test_people_get_lines_of_eighty_columns_with_what_to_raise_and_who_says_so():
    words = ["estimate", "--plan", "--images", "100000000", "--size", "12MP"]
    lines = printed(lambda: make_app()(words, standalone_mode=False), 80).splitlines()

    assert [line for line in lines if len(line) > 80 and "https://" not in line and "settings of" not in line] == []
    assert "- maximumConcurrency: maximumConcurrency=36, or more memory" in lines
    assert {line.split("  ", 1)[1] for line in lines if line[:1].isdigit() and line[1:3] == "  "} == set(
        SOURCES.values()
    )


def test_a_plan_in_which_nothing_binds_says_so():
    assert "No quota binds." in run("--images", "1000").stdout


def test_programs_get_each_quota_with_its_source_and_the_stages_settings():
    document = json.loads(run("--images", "10000000", "--concurrency", "1000", "--within", "1", "--json").stdout)
    by_name = {each["name"]: each for each in document["quotas"]}
    warm = by_name["table's writes, as it is warm"]

    assert document["images_per_second"] == pytest.approx(10_000_000 / 3600, abs=0.01)
    assert (warm["limit"], warm["binds"]) == (WARM, True)
    assert f"WriteUnitsPerSecond={2 * 10_000_000 / 3600:.0f}" in warm["remedy"]
    assert by_name["queue keeps a message"]["limit"] == 24 * parameters()["queueRetentionDays"]
    assert all(each["source"] for each in document["quotas"])


def planned(images, **options):
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return json.loads(run("--images", str(images), "--json", *given).stdout)


def needed(document, name):
    return next(each["needed"] for each in document["quotas"] if each["name"] == name)


def test_the_table_of_deploying_has_the_plans_of_today():
    text = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    sizes = 10 * MILLION, 100 * MILLION
    plan, four, one = (
        [planned(images, **within) for images in sizes] for within in ({}, {"within": 96}, {"within": 24})
    )

    def row(name, values):
        return f"| {name} | " + " | ".join(f"{value:,.0f}" for value in values) + " |\n"

    assert row("dollars (four fifths of them S3 requests)", [each["dollars"] for each in plan]) in text
    assert row("hours with the default `maximumConcurrency` of 5", [each["hours"] for each in plan]) in text
    for within, days in ((four, "4 days"), (one, "1 day")):
        concurrency = [needed(each, "maximumConcurrency") for each in within]
        assert row(f"concurrency to finish within {days}", concurrency) in text
    units = [needed(each, "table's writes, as it is warm") for each in one]
    assert row("write units a second to finish within 1 day", units) in text
    assert [[each["name"] for each in document["quotas"] if each["binds"]] for document in four] == [
        [],
        ["uploads by one API key", "queue keeps a message", "maximumConcurrency"],
    ]
