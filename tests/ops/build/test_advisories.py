"""A registry that does not answer is no good news, and what it answers is printed."""

import json

import pytest

from ops.build.advisories import AuditAnswer, read_npm, read_pip_audit, report, rounds_of
from ops.build.locks import Locked

FIXED = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"], "aliases": []}]}
OPEN = {"name": "six", "version": "1.0", "vulns": [{"id": "CVE-2", "fix_versions": [], "aliases": []}]}
CLEAN = {"name": "rich", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "typer", "skip_reason": "Dependency not found"}


def pip_audit(*dependencies):
    return json.dumps({"dependencies": dependencies, "fixes": []})


def npm(**vulnerabilities):
    return json.dumps({"auditReportVersion": 2, "vulnerabilities": vulnerabilities})


@pytest.mark.parametrize(
    ("answers", "code", "out", "err"),
    [
        ([AuditAnswer()], 0, "", "No advisory is known.\n"),
        ([AuditAnswer(), AuditAnswer(("a: bad",))], 1, "a: bad\n", ""),
        ([AuditAnswer(), AuditAnswer(unasked=("npm: 405",))], 2, "", "not asked: npm: 405\n"),
        ([AuditAnswer(("a: bad",)), AuditAnswer(unasked=("npm: 405",))], 1, "a: bad\n", "not asked: npm: 405\n"),
    ],
    ids=["clean", "advisory", "not asked", "both"],
)
def test_the_exit_code_says_whether_something_is_known_and_whether_all_was_asked(capsys, answers, code, out, err):
    assert report(answers) == code
    assert capsys.readouterr() == (out, err)


def test_advisories_of_python_packages_name_the_version_that_fixes_them():
    answer = read_pip_audit(pip_audit(FIXED, OPEN, CLEAN), "", service="pypi")

    assert answer == AuditAnswer(("pillow 1.0: CVE-1 (fixed in 1.1)", "six 1.0: CVE-2 (no version fixes it)"))


def test_python_packages_that_the_service_does_not_know_were_not_asked():
    answer = read_pip_audit(pip_audit(CLEAN, UNKNOWN), "", service="pypi")

    assert answer == AuditAnswer(unasked=("1 of 2 Python packages (pypi): Dependency not found",))


def test_a_service_that_cannot_be_reached_was_not_asked():
    answer = read_pip_audit("", "Traceback\nConnectionError: no route\n", service="osv")

    assert answer == AuditAnswer(unasked=("Python packages (osv): ConnectionError: no route",))


def test_advisories_of_node_packages_are_those_of_the_vulnerable_one_and_not_of_its_users():
    advisory = {"range": "<2", "url": "https://example.com/1", "severity": "high", "title": "It leaks"}

    answer = read_npm(npm(leaky={"via": [advisory]}, user={"via": ["leaky"]}), "", name="package-lock.json")

    assert answer == AuditAnswer(("leaky <2: https://example.com/1 (high: It leaks)",))
    assert read_npm(npm(), "", name="package-lock.json") == AuditAnswer()


@pytest.mark.parametrize(
    ("output", "errors", "why"),
    [
        ('{"message": "405 Method Not Allowed"}', "", "405 Method Not Allowed"),
        ("", "npm error offline\n", "npm error offline"),
    ],
    ids=["refused", "offline"],
)
def test_a_registry_of_node_packages_that_refuses_was_not_asked(output, errors, why):
    assert read_npm(output, errors, name="package-lock.json") == AuditAnswer(unasked=(f"package-lock.json: {why}",))


def pinned(name, version):
    return Locked(f"{name}=={version}", name, version, ())


def test_every_version_of_every_lock_is_asked_for_and_none_twice_in_a_round():
    locks = [[pinned("a", "1"), pinned("b", "1")], [pinned("a", "2")], [pinned("a", "1"), pinned("c", "3")]]

    assert rounds_of(locks) == [["a==1", "b==1", "c==3"], ["a==2"]]
