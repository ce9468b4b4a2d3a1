"""``darkroom estimate``: a table and its formula for people, the same numbers for programs."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from ops.cli.checkout import ROOT
from ops.cli.costs.encoding import extra_cpu, variant_bytes
from ops.cli.estimate import command
from ops.cli.item_size import ItemSizes
from ops.cli.main import make_app
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.settings import parameters
from ops.cli.switches.table import SWITCHES
from processing.recipe import load


def run(*arguments):
    return CliRunner().invoke(make_app(), ["estimate", *arguments])


def test_the_table_ends_with_the_sum_and_the_formula_is_below_it():
    result = run("--images", "1000000", "--size", "12MP", "--batch", "10")
    lines = result.stdout.splitlines()
    total = next(index for index, line in enumerate(lines) if "in all" in line)
    kept = next(index for index, line in enumerate(lines) if "each month" in line)

    assert result.exit_code == 0
    assert lines[0] == "Paid once, for 1,000,000 images of 12 megapixels:"
    rows = [float(line.split()[-1]) for line in lines[2:total]]
    assert float(lines[total].split()[-1]) == pytest.approx(sum(rows), abs=0.05)
    assert lines[total + 2] == "Per month, while they are kept:"
    monthly = [float(line.split()[-1]) for line in lines[total + 4 : kept]]
    assert float(lines[kept].split()[-1]) == pytest.approx(sum(monthly), abs=0.05)
    assert f"hours with {parameters()['maximumConcurrency']} at once" in result.stdout


def test_the_formula_gives_the_numbers_of_the_document():
    document = json.loads(run("--size", "12MP", "--batch", "20", "--s3-latency", "80", "--json").stdout)
    image, text = document["image_seconds"], " ".join(document["formula"])
    cpu = image["rendering"] + image["requesting"]

    assert f"CPU of an image = {image['rendering'] * 1000:.0f} ms to render a typical camera file" in text
    assert "S3 answers after 80 ms" in text
    assert f"= 20 images x {cpu:.3f} s CPU / 1.00 vCPU + {image['waiting']:.2f} s" in text
    assert document["batch_seconds"] == pytest.approx(20 * cpu + image["waiting"], abs=0.01)
    assert document["seconds_per_image"] == pytest.approx(document["batch_seconds"] / 20, abs=0.001)
    assert document["gb_seconds"] == pytest.approx(1_000_000 * document["seconds_per_image"] * 1769 / 1024, rel=0.001)


def test_arm64_is_priced_with_the_cpu_that_it_takes_without_simd_and_both_are_named():
    arm64 = json.loads(run("--architecture", "arm64", "--json").stdout)
    x86_64 = json.loads(run("--architecture", "x86_64", "--json").stdout)
    dollars = arm64["lambda_dollars_by_architecture"]
    said = next(line for line in run("--architecture", "arm64").stdout.splitlines() if line.startswith("arm64:"))

    assert dollars == x86_64["lambda_dollars_by_architecture"]
    assert dollars["arm64"] / dollars["x86_64"] > 1.5
    assert arm64["dollars"] - x86_64["dollars"] == pytest.approx(dollars["arm64"] - dollars["x86_64"], abs=0.02)
    assert "cykooz-resizer" in said
    assert "no wheel for aarch64" in said
    assert f"{dollars['arm64']:,.2f} dollars of GB-s, and {dollars['x86_64']:,.2f} on x86_64" in said
    assert "arm64" not in run("--architecture", "x86_64").stdout


def test_the_largest_monthly_sum_is_named_with_the_switches_that_make_it_less():
    text = run("--size", "12MP").stdout

    assert "3.60 MB of original (a typical camera file), 77.11 dollars a month for all of them" in text
    assert "originalsTieringDays and originalsExpireDays make the originals cost less" in text


def test_a_new_account_and_more_prefixes_change_the_hours_and_not_the_dollars():
    usual, new, many, split = (
        json.loads(run("--json", *more).stdout)
        for more in (
            ("--concurrency", "100"),
            ("--concurrency", "100", "--account", "10"),
            ("--concurrency", "1000", "--warm-writes", "40000", "--batch", "10"),
            ("--concurrency", "1000", "--warm-writes", "40000", "--batch", "10", "--prefixes", "4"),
        )
    )

    assert new["hours"] > 8 * usual["hours"]
    assert new["dollars"] == usual["dollars"]
    assert split["hours"] < many["hours"]
    assert split["limits"] == {"account": 1000, "warm": 40_000, "prefixes": 4}


def test_programs_get_the_same_numbers():
    document = json.loads(run("--images", "1000", "--size", "12MP", "--json").stdout)
    million = json.loads(run("--images", "1000000", "--size", "12MP", "--json").stdout)

    assert document["images"] == 1000
    assert sum(million["dollars_by_service"].values()) == pytest.approx(million["dollars"], abs=0.05)
    assert million["dollars"] == pytest.approx(1000 * document["dollars"], rel=0.2)
    assert million["requests"]["S3 PUT of variants"] == 3_000_000


def test_an_overwrite_pays_for_the_puts_that_are_refused():
    requests = json.loads(run("--images", "1000", "--overwrites", "10", "--json").stdout)["requests"]

    assert (requests["S3 PUT of variants"], requests["S3 PUT refused"]) == (3000, 300)
    assert (requests["S3 GET"], requests["S3 HEAD"], requests["DynamoDB write units"]) == (1000, 900 + 700, 2000)


def test_what_is_not_said_is_what_serverless_yml_deploys():
    document = json.loads(run("--json").stdout)
    defaults = parameters()

    assert document["memory"] == defaults["memory"]
    assert document["architecture"] == defaults["architecture"]
    assert document["concurrency"] == defaults["maximumConcurrency"]
    assert document["batch"] == defaults["batchSize"]


def test_a_size_is_given_in_megapixels_or_in_bytes():
    sizes = {
        size: json.loads(run("--size", size, "--json").stdout)["megapixels"] for size in ("12MP", "3.6MB", "200kb")
    }

    assert sizes == {"12MP": 12.0, "3.6MB": 12.0, "200kb": 0.667}


@pytest.mark.parametrize("size", ["12", "big", "0MP", "-1KB"])
def test_what_is_no_size_is_refused_with_examples_of_what_is(size):
    result = run("--size", size)

    assert result.exit_code == 2
    assert "--size 12MP" in result.stderr


def test_every_setting_that_is_given_reaches_the_sum():
    base = json.loads(run("--json").stdout)
    for option, value in (
        *(("--memory", "3008"), ("--architecture", "arm64"), ("--batch", "1"), ("--variants", "5"), ("--size", "48MP")),
        *(("--overwrites", "20"), ("--s3-latency", "500")),
    ):
        assert json.loads(run(option, value, "--json").stdout)["dollars"] != base["dollars"], option
    assert json.loads(run("--concurrency", "100", "--json").stdout)["hours"] < base["hours"] / 5


def test_long_keys_and_many_variants_cost_a_second_write_unit_and_the_estimate_says_from_where_on():
    usual, long, many = (
        json.loads(run("--images", "1000", *more, "--json").stdout)
        for more in ((), ("--key-length", "400"), ("--variants", "9"))
    )

    assert [each["requests"]["DynamoDB write units"] for each in (usual, long, many)] == [2000, 3000, 3000]
    assert long["item_bytes"] - usual["item_bytes"] == 400 - 60
    assert usual["longest_key_of_one_unit"] == 1024 - usual["item_bytes"] + 60
    assert f"one with keys of up to {usual['longest_key_of_one_unit']} bytes" in run().stdout
    assert "takes 2 write units, with keys of any length" in run("--variants", "9").stdout


def test_a_switch_is_priced_below_the_images_with_a_sum_of_its_own_and_in_the_sum_of_all():
    without, document = (json.loads(run("--json", *given).stdout) for given in ((), ("--with", "workflow")))
    lines = [line.split() for line in run("--with", "workflow").stdout.splitlines()]
    sums = {" ".join(line[:-1]): float(line[-1].replace(",", "")) for line in lines if line[:1] in (["sum:"], ["in"])}

    assert document["on"] == ["events", "workflow", "pointInTimeRecovery", "pollQueue"]
    assert list(sums) == ["sum: images", "sum: events", "sum: workflow", "in all"]
    assert sums["sum: workflow"] == document["dollars_by_switch"]["workflow"] > 1000
    assert (
        sums["in all"] == document["dollars"] == pytest.approx(sum(document["dollars_by_service"].values()), abs=0.05)
    )
    assert document["dollars"] == pytest.approx(
        without["dollars"] + sum(document["dollars_by_switch"].values()), abs=0.02
    )
    assert document["requests"] == without["requests"]


def test_what_is_charged_by_the_million_of_something_else_is_no_line_but_a_sentence():
    document = json.loads(run("--with", "cdn", "--with", "erasure", "--json").stdout)
    text = run("--with", "cdn").stdout

    assert document["dollars_by_switch"] == {}
    assert set(document["millions"]) == {"cdn", "erasure"}
    assert f"cdn: {document['millions']['cdn']['dollars']:.2f} dollars for a million views" in text
    assert "Off, and not in the sums: ingest=eventbridge, removals" in text


def test_what_is_kept_is_charged_each_month_and_not_in_the_sum():
    document = json.loads(run("--size", "3.6MB", "--json").stdout)
    kept = {line["what"]: line for line in document["month"]}

    assert document["dollars_a_month"] == pytest.approx(sum(line["dollars"] for line in kept.values()), abs=0.05)
    assert kept["GB of originals"]["dollars"] == pytest.approx(3.6e12 / 2**30 * 0.023, abs=0.01)
    assert kept["GB to recover"]["switch"] == "pointInTimeRecovery"
    assert kept["GB of variants"]["units"] == pytest.approx(variant_bytes(read_recipe(), 12) * 1e6 / 2**30, abs=0.01)
    assert document["dollars"] < 30 < 80 < document["dollars_a_month"]


def test_another_switch_than_those_that_there_are_is_refused_with_their_names():
    result = run("--with", "eventz")

    assert result.exit_code == 2
    assert "eventz: no such switch" in result.stderr
    assert "ingest=eventbridge" in result.stderr


def test_every_line_of_the_tables_fits_80_columns():
    everything = [part for switch in SWITCHES for part in ("--with", switch.name)]
    lines = run("--images", "100000000", *everything).stdout.splitlines()
    tables = lines[: next(index for index, line in enumerate(lines) if "hours with" in line)]

    assert len(tables) > 30
    assert max(len(line) for line in tables) <= 80


def test_the_readme_has_the_sums_of_today():
    document = json.loads(run("--json").stdout)
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())

    assert f"costs about {document['dollars']:.0f} dollars, " in text
    assert f"{document['dollars_by_service']['S3']:.0f} of them for S3 requests" in text
    assert f"takes {document['hours']:.1f} hours" in text
    assert f"A month of storing them costs {document['dollars_a_month']:.0f} dollars" in text


LADDER = '[ladders.photo]\nwidths = [480, 960, 1600]\nformats = ["avif", "webp", "jpeg"]'


def test_nine_variants_of_a_ladder_cost_their_puts_a_second_write_unit_and_the_cpu_of_their_formats(monkeypatch):
    three = json.loads(run("--images", "1000", "--json").stdout)
    monkeypatch.setattr(command, "read_recipe", lambda: load(LADDER))
    nine = json.loads(run("--images", "1000", "--json").stdout)

    assert nine["requests"]["S3 PUT of variants"] == 9000
    assert nine["requests"]["DynamoDB write units"] - three["requests"]["DynamoDB write units"] == 1000
    # 254 and 82 ms were measured for the two
    assert extra_cpu(load(LADDER), 12) == pytest.approx(254 - 82, rel=0.1)
    renders, waits = ([each["image_seconds"][name] for each in (nine, three)] for name in ("rendering", "waiting"))
    assert renders[0] - renders[1] == pytest.approx(0.172, rel=0.1)
    assert waits[0] > waits[1]


def test_an_item_names_each_format_that_is_not_the_originals():
    recipe = load(LADDER)
    plain = replace(recipe, variants=tuple(replace(spec, format="jpeg") for spec in recipe.variants))
    sizes, without = (ItemSizes.of(VariantPlan(each, "images/")).size(60) for each in (recipe, plain))

    named = sum(len("format") + len(kind) + len("extension") + len(f".{kind}") + 2 for kind in ("avif", "webp")) * 3
    assert sizes - without == named
