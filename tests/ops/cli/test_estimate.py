"""``darkroom estimate``: a table and its formula for people, the same numbers for programs."""

import json

import pytest
from typer.testing import CliRunner

from ops.cli.main import make_app
from ops.cli.settings import parameters


def run(*arguments):
    return CliRunner().invoke(make_app(), ["estimate", *arguments])


def test_the_table_ends_with_the_sum_and_the_formula_is_below_it():
    result = run("--images", "1000000", "--size", "12MP")
    lines = result.stdout.splitlines()
    total = next(index for index, line in enumerate(lines) if "in all" in line)

    assert result.exit_code == 0
    rows = [float(line.split()[-1]) for line in lines[1:total]]
    assert float(lines[total].split()[-1]) == pytest.approx(sum(rows), abs=0.05)
    assert (
        "billed seconds of a batch = 10 images x 0.113 s CPU / 1.00 vCPU + 1 x 0.25 s waiting = 1.38" in result.stdout
    )
    assert "hours with 5 at once" in result.stdout


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
        ("--overwrites", "20"),
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
