"""A configuration that cannot work is refused before anything is packaged, all its faults at once, each by its name."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from ops.build.check import faults
from ops.build.rules import RULES
from tests.service.packaged_service import NOWHERE, PROJECT, copy_project, serverless

DEFAULTS = yaml.safe_load((PROJECT / "serverless.yml").read_text())["params"]["default"] | {
    "uploadsBucket": "originals",
    "variantsBucket": "variants",
}
RECIPE = (PROJECT / "recipe.toml").read_text()
HERE = {"stage": "prod", "region": "eu-west-1", "incomplete": []}


SMALL = re.sub(r"= [0-9_]{9,}", "= 1_000_000", RECIPE)  # limits that every function reaches


def found(**changes: object) -> list[str]:
    return found_in(RECIPE, changes)


def found_in(recipe_text: str, changes: Mapping[str, object]) -> list[str]:
    return faults(DEFAULTS | changes, stage="prod", region="eu-west-1", recipe_text=recipe_text)


def test_the_service_as_it_is_has_no_fault() -> None:
    assert found() == []


def test_text_from_the_command_line_is_as_good_as_numbers_and_switches() -> None:
    as_text = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in DEFAULTS.items()}

    assert found(**as_text) == []


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("memory", 512, 10240),
        ("timeout", 10, 900),
        ("trySeconds", 5, 400),
        ("batchSize", 1, 100),
        ("window", 0, 300),
        ("maximumConcurrency", 2, 1000),
        ("maxReceiveCount", 5, 1000),
        ("linkMinutes", 5, 60),
        ("publicRate", 1, 10000),
        ("apiDailyQuota", 1, 1_000_000_000),
        ("publicBurst", 33, 5000),
    ],
)
def test_a_number_is_accepted_within_its_limits_only(name: str, low: int, high: int) -> None:
    for within in (low, high):
        assert not any(fault.startswith(f"{name}: is '") for fault in found(**{name: within}))
    for outside in (low - 1, high + 1):
        (fault,) = found(**{name: outside})
        assert fault.startswith(f"{name}: is '{outside}'; give a whole number from {low} to {high}")


def test_the_reason_of_a_limit_is_given_to_what_exceeds_that_limit() -> None:
    wanted = "give a whole number from 512 to 10240"

    assert found(memory=1) == [f"memory: is '1'; {wanted}: with less, a large image does not fit"]
    assert found(memory=99999) == [f"memory: is '99999'; {wanted}"]
    assert found(memory="much") == [f"memory: is 'much'; {wanted}"]


@pytest.mark.parametrize("value", ["", "many", "1.5", 2.5, None, True, [10], "1e2", "\uff19"])
def test_what_is_no_whole_number_is_no_number(value: object) -> None:
    (fault,) = found(batchSize=value)

    assert fault.startswith("batchSize: is ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("architecture", "arm"),
        ("logRetentionDays", 31),
        ("logLevel", "info"),
        ("removals", "yes"),
        ("pointInTimeRecovery", 1),
        ("pollQueue", ""),
        ("rendering", "process"),
        ("existing", "true"),
        ("ingest", "sqs"),
        ("apiAccessLog", 1),
    ],
)
def test_a_choice_has_to_be_one_of_those_named(name: str, value: object) -> None:
    (fault,) = found(**{name: value})

    assert fault.startswith(f"{name}: is {str(value)!r}; give one of ")


@pytest.mark.parametrize(
    "name", ["Originals", "ab", "a" * 64, "a.b.c", "-abc", "abc-", "a b c", "${AWS::StackName}", ""]
)
@pytest.mark.parametrize("parameter", ["uploadsBucket", "variantsBucket"])
def test_a_bucket_needs_a_name_that_s3_takes(parameter: str, name: str) -> None:
    (fault,) = found(**{parameter: name})

    assert fault.startswith(f"{parameter}: is {name!r}; give 3 to 63 lowercase letters")


def test_a_bucket_name_is_judged_at_its_full_length() -> None:
    name = "a" * 50 + "-${AWS::AccountId}"

    assert found(uploadsBucket=name) == []  # 63 letters; as written 68
    assert len(found(uploadsBucket="a" + name)) == 1
    assert found(uploadsBucket="a" * 53 + "-${AWS::Region}") == []
    assert len(found(uploadsBucket="a" * 54 + "-${AWS::Region}")) == 1


@pytest.mark.parametrize(
    "prefix", ["/", "images", "/images/", "images//", "im*ges/", "im ages/", "im?/", "${x}/", "../"]
)
def test_a_prefix_is_a_folder_with_nothing_in_it_that_policies_read_as_a_wildcard(prefix: str) -> None:
    (fault,) = found(uploadsPrefix=prefix)

    assert fault.startswith(f"uploadsPrefix: is {prefix!r}; give ")


def test_a_fault_shows_a_value_as_it_is_written() -> None:
    (fault,) = found(uploadsBucket="A-${AWS::AccountId}")

    assert fault.startswith("uploadsBucket: is 'A-${AWS::AccountId}'; give ")


@pytest.mark.parametrize("prefix", ["", "images/", "a/b/c/", "2026.summer/raw_files-1/"])
def test_a_prefix_may_be_several_folders_deep_or_the_whole_bucket(prefix: str) -> None:
    assert found(uploadsPrefix=prefix) == []


@pytest.mark.parametrize("names", ["", "Uploads", "a-b", "2go", "a,,b", "a b", "a" * 31])
def test_an_api_key_has_a_name_that_a_resource_can_have(names: str) -> None:
    (fault,) = found(apiKeys=names)

    assert fault.startswith(f"apiKeys: is {names!r}; give comma-separated names of lowercase letters and digits")


def test_several_api_keys_have_different_names() -> None:
    assert found(apiKeys="uploads, kiosk,press2") == []
    assert found(apiKeys="kiosk, uploads, kiosk") == ["apiKeys: has 'kiosk' more than once; name each key once"]


def test_operators_are_what_the_authorizer_knows() -> None:
    pool = {"userPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Example"}

    assert found(operators="uploads") == found(operators="") == []
    assert found(authorizer="iam", operators="AROAIOSFODNN7EXAMPLE, AIDAIOSFODNN7EXAMPLE") == []
    assert found(authorizer="jwt", operators="curators,Staff-2", **pool) == []
    assert found(apiKeys="uploads, kiosk", operators="kiosk, nobody") == [
        "operators: has 'nobody'; name keys of apiKeys (uploads, kiosk), for authorizer is api-key"
    ]
    (fault,) = found(authorizer="iam", operators="Admin")
    assert fault.startswith("operators: has 'Admin'; give ids of roles")
    assert len(found(operators="a b")) == 2


def test_an_alarm_goes_to_an_address_or_to_nobody() -> None:
    assert found(alarmEmail="on-call@example.com") == found(alarmEmail="") == []
    for address in ("on-call", "on-call@example", "a b@example.com"):
        assert found(alarmEmail=address) == [f"alarmEmail: is {address!r}; give an e-mail address, or '' for none"]


def test_a_workflow_begins_with_an_event() -> None:
    assert found(workflow="true", events=True) == found(workflow=False) == []
    assert found(workflow="true") == ["workflow: is true; give true for events too, whose event starts it, or false"]


def test_a_workflow_is_refused_where_there_is_no_rekognition() -> None:
    given = DEFAULTS | {"workflow": True, "events": True}

    assert faults(given, stage="prod", region="cn-north-1", recipe_text=RECIPE) == [
        "workflow: is true; give false in cn-north-1: Rekognition is not there"
    ]


def test_the_smallest_burst_lets_the_whole_page_through() -> None:
    page = [path for path in (PROJECT / "web").rglob("*") if path.is_file()]

    documents = ("openapi.json", "settings.json")
    assert RULES["publicBurst"](len(page) + len(documents) - 1), "a smaller burst than this is refused"


def test_a_dead_letter_must_outlive_the_queue_it_comes_from() -> None:
    assert found(queueRetentionDays=13, dlqRetentionDays=14) == []
    for queue, dlq in ((4, 4), (5, 4)):
        (fault,) = found(queueRetentionDays=queue, dlqRetentionDays=dlq)
        assert fault.startswith(f"dlqRetentionDays: is {dlq}; give more than queueRetentionDays ({queue})")


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({}, 805),
        ({"batchSize": 1}, 70),
        ({"batchSize": 10}, 205),
        ({"batchSize": 100, "trySeconds": 8}, 848),
        ({"batchSize": 4, "trySeconds": 30}, 190),
        ({"memory": 3 * 1769}, 325),
        ({"memory": 3 * 1769, "batchSize": 7}, 115),
        ({"memory": 512, "batchSize": 10, "trySeconds": 70}, 810),
        ({"memory": 3 * 1769, "rendering": "in-process"}, 805),
        ({"memory": 3 * 1769, "rendering": "sandbox-only"}, 325),
    ],
    ids=str,
)
def test_a_timeout_in_which_not_every_message_can_have_its_try_is_refused(
    changes: dict[str, object], least: int
) -> None:
    assert found_in(SMALL, {**changes, "timeout": least}) == []
    (fault,) = found_in(SMALL, {**changes, "timeout": least - 1})
    assert fault.startswith(f"timeout: is {least - 1}; give at least {least}, or a smaller batchSize (")


def test_a_batch_that_lambda_does_not_collect_at_once_needs_a_window() -> None:
    assert found(batchSize=10, window=0) == found(batchSize=11, window=1) == []
    (fault,) = found(batchSize=11, window=0)

    assert fault.startswith("window: is 0; give at least 1 for a batchSize of 11, or at most 10 batchSize, for ")


def test_no_stage_can_have_more_messages_in_flight_than_its_queue_allows() -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""
    most = {name: max(n for n in range(2000) if RULES[name](n) is None) for name in ("maximumConcurrency", "batchSize")}

    assert most["maximumConcurrency"] * most["batchSize"] <= 120_000


def test_where_no_timeout_would_do_the_fault_says_what_else_to_change() -> None:
    (fault,) = found(trySeconds=17)

    assert fault.startswith("timeout: is 805; 907 would be needed; give a smaller batchSize (50) or ")


def test_an_animation_that_takes_longer_than_a_try_is_refused_by_its_limit() -> None:
    assert found(trySeconds=11) == []
    (fault,) = found(trySeconds=10)

    assert fault.startswith(
        "recipe.toml: limits.pixels.animation: is 55000000; give at most 50000000, or 11 trySeconds"
    )


def test_the_size_that_the_first_run_adds_fits_into_the_default_memory() -> None:
    page = (PROJECT / "docs" / "start.md").read_text(encoding="utf-8")
    (added,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)

    assert faults(DEFAULTS, stage="prod", region="eu-west-1", recipe_text=RECIPE + added) == []


def test_each_limit_that_the_memory_cannot_reach_is_named_with_what_it_could_be() -> None:
    answer = found(memory=1024, trySeconds=40, batchSize=10, window=0)

    pattern = (
        r"recipe\.toml: (limits\.[a-z.]+): is (\d+); give at most (\d+), or at least (\d+) memory, "
        r"for a picture at this limit does not fit into a memory of 1024$"
    )
    named = [re.match(pattern, fault) for fault in answer]
    assert all(named), answer
    settings = {match[1] for match in named if match}
    assert settings == {"limits.bytes"} | {
        f"limits.pixels.{kind}"
        for kind in ("progressive", "png", "gif", "webp", "tiff", "bmp", "avif", "heic", "animation")
    }
    lower = RECIPE
    for match in named:
        assert match
        name = match[1].split(".")[-1]
        lower = re.sub(rf"(?m)^{name} = [0-9_]+", f"{name} = {match[3]}", lower)
    assert found_in(lower, {"memory": 1024, "trySeconds": 40, "batchSize": 10}) == []
    assert found(memory=max(int(match[4]) for match in named if match)) == []


def test_what_follows_from_a_value_that_cannot_be_is_not_judged() -> None:
    assert len(found(batchSize=0, timeout=10)) == len(found(memory="much", timeout=10)) == 1


def test_the_variants_need_a_bucket_of_their_own() -> None:
    (fault,) = found(variantsBucket="originals")

    assert fault.startswith("variantsBucket: is the uploads bucket; give the variants a bucket of their own")
    assert "without end" not in fault


def test_variants_that_would_be_uploads_again_are_named() -> None:
    (fault,) = found(variantsBucket="originals", uploadsPrefix="phone/")

    assert "(phone would even be processed again without end, as phone/)" in fault


def test_the_whole_bucket_can_be_uploads_and_then_every_variant_in_it_would_be_one() -> None:
    (fault,) = found(variantsBucket="originals", uploadsPrefix="")

    assert "(desktop, tablet, phone would even be processed again without end, as uploads)" in fault


def test_several_buckets_are_refused_with_what_would_come_of_them() -> None:
    (fault,) = found(uploadsBucket="shop-a, shop-b")

    assert fault.startswith(
        "uploadsBucket: is 'shop-a, shop-b'; give one bucket, and each of the others a stage of its"
    )
    assert "the variants of two objects of one key would overwrite each other, and both would be done" in fault


def test_an_unknown_parameter_is_refused_with_the_name_that_was_probably_meant() -> None:
    assert found(memroy=1024) == ["memroy: is not a parameter of this service; did you mean memory?"]
    assert found(zzz=1) == ["zzz: is not a parameter of this service"]


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_parameter_without_a_value_is_named(name: str) -> None:
    rest = {key: value for key, value in DEFAULTS.items() if key != name}

    (fault,) = faults(rest, stage="prod", region="eu-west-1", recipe_text=RECIPE)

    assert fault == f"{name}: is not set; give it a value under params.default in serverless.yml"


def test_a_recipe_that_cannot_be_read_is_a_fault_of_recipe_toml() -> None:
    (fault,) = faults(DEFAULTS, stage="prod", region="eu-west-1", recipe_text="[[variants")

    assert fault.startswith("recipe.toml: ")


def test_the_faults_of_parameters_and_recipe_come_together() -> None:
    recipe = RECIPE.replace("quality = 82", "quality = 300")
    assert recipe != RECIPE

    answer = faults(
        DEFAULTS | {"memory": 1, "windw": 2, "timeout": 1}, stage="prod", region="eu-west-1", recipe_text=recipe
    )

    names = [fault.split(":")[0] for fault in answer]
    assert names[:3] == ["windw", "memory", "timeout"]
    assert set(names[3:]) == {"recipe.toml"}
    assert "300" in answer[3]


def run_check(given: object) -> subprocess.CompletedProcess[str]:
    """As the framework's plugin runs it: on a bare interpreter, without this environment's packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys, runpy; sys.path.insert(0, {str(PROJECT)!r}); "
         "runpy.run_module('ops.build.check', run_name='__main__')"],
        input=json.dumps(given), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_check_needs_nothing_but_python() -> None:
    done = run_check({**HERE, "parameters": DEFAULTS})

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_check_answers_with_a_line_for_each_fault_and_exit_code_2() -> None:
    done = run_check({**HERE, "parameters": DEFAULTS | {"memory": 1, "timeout": 1}})

    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["- memory", "- timeout"]


@pytest.mark.parametrize(
    ("text", "name"), [("tags=", "tags"), ("kmsKey", "kmsKey"), ("tags= ", "tags"), ("=1", "--param")]
)
def test_a_parameter_without_name_or_value_is_named_with_the_other_faults(text: str, name: str) -> None:
    done = run_check({**HERE, "parameters": DEFAULTS | {"memory": 1}, "incomplete": [text]})

    assert done.returncode == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"- {name}", "- memory"]


@pytest.mark.parametrize("command", ["package", "deploy"])
def test_the_framework_packages_nothing_when_anything_is_at_fault(tmp_path: Path, command: str) -> None:
    copy_project(tmp_path)
    text = (tmp_path / "serverless.yml").read_text()
    (tmp_path / "serverless.yml").write_text(text.replace("  local:\n", "  local:\n    memory: much\n"))

    given = ("--stage", "local", "--param=batchSize=100000", "--param=windw=3", "--param=tags=", "--param=kmsKey")
    run = serverless(tmp_path, command, *given, environ=NOWHERE | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})

    said = run.stdout + run.stderr
    assert run.returncode == 2
    assert "This configuration is refused; nothing was packaged." in said
    assert "- windw: is not a parameter of this service; did you mean window?" in said
    assert "- memory: is 'much'; give a whole number from 512 to 10240" in said
    assert "- batchSize: is '100000'; give a whole number from 1 to 100" in said
    assert (
        "- tags: is given as --param 'tags='; give a name and a value, as in --param memory=3008, and an empty" in said
    )
    assert "- kmsKey: is given as --param 'kmsKey'; give a name and a value" in said
    assert "Cannot resolve" not in said
    assert not (tmp_path / ".serverless").exists()


def test_a_parameter_may_be_made_of_others_and_one_that_is_null_is_the_default(tmp_path: Path) -> None:
    copy_project(tmp_path)
    text = (tmp_path / "serverless.yml").read_text()
    made = "    variantsBucket: ${param:uploadsBucket}-small\n    timeout: null\n    memory: 1\n"
    (tmp_path / "serverless.yml").write_text(text.replace("    variantsBucket: darkroom-local-variants\n", made))

    run = serverless(tmp_path, "package", "--stage", "local")

    assert made in (tmp_path / "serverless.yml").read_text()
    assert [line for line in run.stdout.splitlines() if line.startswith("- ")] == [
        "- memory: is '1'; give a whole number from 512 to 10240: with less, a large image does not fit"
    ]


def test_the_framework_says_which_python_it_could_not_use(tmp_path: Path) -> None:
    copy_project(tmp_path)

    run = serverless(tmp_path, "package", python="no-such-python")

    assert run.returncode == 2
    assert "install it, or name it in PYTHON_BIN. no-such-python said:" in run.stdout + run.stderr


def test_the_framework_finds_the_workshops_python_by_itself(tmp_path: Path) -> None:
    copy_project(tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)

    run = serverless(tmp_path, "package", "--param=memory=1", python=None)

    assert "- memory: is '1'" in run.stdout + run.stderr


def test_another_command_says_in_one_line_which_parameters_have_no_value(tmp_path: Path) -> None:
    copy_project(tmp_path)

    run = serverless(tmp_path, "print", "--param=tags=", "--param=kmsKey", "--param", "=1")

    assert run.returncode == 2
    assert "\nWithout a name or a value: --param tags=, --param kmsKey, --param =1. Give both, as in" in run.stdout
    assert "Cannot resolve" not in run.stdout + run.stderr


def test_other_commands_are_left_alone(tmp_path: Path) -> None:
    copy_project(tmp_path)

    run = serverless(tmp_path, "print", "--param=memory=256")

    assert run.returncode == 0, run.stdout
