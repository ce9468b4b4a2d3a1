"""The values that follow from others, computed for parameters of all kinds."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from handlers.clients import REQUEST_SECONDS
from ops.build.places import ARNS, BUCKETS, PLACED
from tests.service.packaged_service import LOGO, PROJECT, copy_project

DEFAULTS: dict[str, object] = {
    "uploadsBucket": "originals",
    "variantsBucket": "variants",
    "existing": False,
    "timeout": 60,
    "window": 0,
    "architecture": "x86_64",
    "maxReceiveCount": 5,
    "queueRetentionDays": 4,
    "dlqRetentionDays": 14,
    "removals": False,
    "pointInTimeRecovery": True,
    "alarmEmail": "",
}
SCRIPT = """
const given = JSON.parse(process.argv[1]);
const resolveVariable = async (name) => given[name.replace('param:', '')];
require('./resources/derived.cjs')({ resolveVariable }).then((it) => console.log(JSON.stringify(it)));
"""


def derived(project: Path = PROJECT, **changes: object) -> dict[str, Any]:
    command = ["node", "-e", SCRIPT, json.dumps(DEFAULTS | changes)]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    values: dict[str, Any] = json.loads(run.stdout)
    return values


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy_project(tmp_path)
    return tmp_path


def test_what_names_an_account_is_filled_in_by_cloudformation() -> None:
    for written, filled in (("a-${AWS::AccountId}", {"Fn::Sub": "a-${AWS::AccountId}"}), ("a", "a")):
        given: dict[str, Any] = dict.fromkeys(PLACED, written)
        values = derived(**given)

        assert values["arns"] == dict.fromkeys(ARNS, filled)
        assert [values[name] for name in (*BUCKETS, "kmsKey")] == [filled] * 4


@pytest.mark.parametrize(("timeout", "window"), [(10, 0), (60, 5), (900, 3)])
def test_visibility_lease_and_alarm_follow_the_timeout_and_the_window(timeout: int, window: int) -> None:
    values = derived(timeout=timeout, window=window)

    assert values["visibilityTimeout"] == 6 * timeout + window
    assert values["queueAgeAlarm"] > values["visibilityTimeout"]


@pytest.mark.parametrize("timeout", [10, 11, 60, 900])
def test_a_lease_outlives_every_request_and_ends_before_a_killed_invocations_message_comes_back(timeout: int) -> None:
    window = 5
    values = derived(timeout=timeout, window=window)

    assert values["leaseSeconds"] > timeout + REQUEST_SECONDS
    assert window + timeout + values["leaseSeconds"] <= values["visibilityTimeout"]


def test_text_from_the_command_line_means_the_same_as_numbers_and_switches() -> None:
    as_text = {name: str(value).lower() for name, value in DEFAULTS.items()}

    assert derived(PROJECT, **as_text) == derived()


def test_a_plain_bucket_name_is_not_wrapped_for_cloudformation_calls_that_a_fault() -> None:
    assert derived()["uploadsBucket"] == "originals"


def test_a_bucket_name_may_hold_the_accounts_number() -> None:
    name = "pictures-${AWS::AccountId}"

    assert derived(variantsBucket=name)["variantsBucket"] == {"Fn::Sub": name}


@pytest.mark.parametrize(
    "changed",
    [
        "api/routes.py",
        "handlers/new.py",
        "processing/worker.py",
        "recipe.toml",
        LOGO,
        "ops/build/locks/package-x86_64.txt",
        "ops/build/locks/package-arm64.txt",
    ],
)
def test_the_code_version_changes_with_whatever_changes_what_the_function_does(project: Path, changed: str) -> None:
    before = derived(project)["codeVersion"]

    with (project / changed).open("a") as file:
        file.write("\n")

    assert derived(project)["codeVersion"] != before


def test_the_code_version_is_twelve_digits_and_the_same_for_the_same_code(project: Path) -> None:
    version = derived(project)["codeVersion"]

    assert len(version) == 12
    assert set(version) <= set("0123456789abcdef")
    assert version == derived(project)["codeVersion"]


@pytest.mark.parametrize("changed", ["handlers/__pycache__/x.cpython-313.pyc", "README.md", "ops/build/check.py"])
def test_the_code_version_does_not_change_with_anything_else(project: Path, changed: str) -> None:
    before = derived(project)["codeVersion"]

    with (project / changed).open("a") as file:
        file.write("\n")

    assert derived(project)["codeVersion"] == before


def test_a_file_of_another_name_makes_another_code_version(project: Path) -> None:
    before = derived(project)["codeVersion"]

    (project / "processing/errors.py").rename(project / "processing/errors_.py")  # the same place in order

    assert derived(project)["codeVersion"] != before


def test_the_workshops_own_python_is_used_where_there_is_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHON_BIN", raising=False)
    assert derived(project)["pythonBin"] == "python3"

    own = project / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert derived(project)["pythonBin"] == str(own)

    monkeypatch.setenv("PYTHON_BIN", "/opt/python")
    assert derived(project)["pythonBin"] == "/opt/python"
