"""Runs checkov, in an environment of its own, on packaged templates: ``python -m ops.build.checkov [TEMPLATE ...]``.

Every finding needs a reason in ``checkov.toml``. Without a template it is that of the last ``npm run package``.
``--on SWITCH`` says that a parameter was on: a finding that it should have ended has no reason then. A test checks that
no reason is out of date. Exit codes: 0 clean, 1 something is found, 2 it could not be run.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from ops.build.environments import environment
from ops.build.locks import ROOT
from ops.errors import StackError
from ops.local.user_environment import for_children

SKIPS: Final = Path(__file__).with_name("checkov.toml")
TEMPLATE: Final = ROOT / ".serverless" / "cloudformation-template-update-stack.json"


@dataclass(frozen=True)
class FailedCheck:
    """A check that failed on a resource, by its logical id, of a template."""

    check: str
    resource: str
    what: str
    template: Path


@dataclass(frozen=True)
class Skip:
    """Findings that stay, and why.

    Args:
        resource: a pattern of logical ids.
        switch: the parameter that ends them, or "".
    """

    check: str
    resource: str
    reason: str
    switch: str

    def covers(self, finding: FailedCheck) -> bool:
        return self.check == finding.check and fnmatchcase(finding.resource, self.resource)


def main(arguments: Sequence[str]) -> int:
    """Check the templates together, and print what is not explained."""
    parser = argparse.ArgumentParser(prog="python -m ops.build.checkov", description="Check packaged templates.")
    parser.add_argument("templates", nargs="*", type=Path, default=[TEMPLATE], metavar="TEMPLATE")
    parser.add_argument("--on", action="append", default=[], metavar="SWITCH", help="a parameter that was on")
    given = parser.parse_args(arguments)
    if missing := [str(path) for path in given.templates if not path.is_file()]:
        sys.stderr.write(f"No template at {', '.join(missing)}: run npm run package -- --stage NAME first.\n")
        return 2
    try:
        found = findings(given.templates, environment("checkov"))
    except StackError as error:
        sys.stderr.write(f"checkov was not run: {error}\n")
        return 2
    known = skips(on=given.on)
    faults = unexplained(found, known)
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    sys.stderr.write(f"{len(found) - len(faults)} findings have a reason in {SKIPS.name}, {len(faults)} have none.\n")
    return 1 if faults else 0


def findings(templates: Sequence[Path], python: Path) -> list[FailedCheck]:
    """What checkov, installed for this Python, finds; nothing is asked of a server.

    Raises:
        StackError: checkov failed, or could not read a template.
    """
    options = ["--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--output", "json"]
    command = [str(python), "-m", "checkov.main", *options, "--file", *map(str, templates)]
    run = subprocess.run(command, env=for_children(), capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(run.stdout)
        if report["summary"]["parsing_errors"]:
            raise StackError(f"it could not read {report['results']['parsing_errors']}")
        failed = report["results"]["failed_checks"]
    except (json.JSONDecodeError, KeyError) as error:
        raise StackError("\n".join((run.stdout + run.stderr).strip().splitlines()[-6:])) from error
    return [
        FailedCheck(
            each["check_id"], each["resource"].rpartition(".")[2], each["check_name"], Path(each["file_abs_path"])
        )
        for each in failed
    ]


def skips(*, on: Collection[str] = ()) -> list[Skip]:
    """The explanations, one for each pattern of resources; without those that a parameter ends which is on."""
    listed = tomllib.loads(SKIPS.read_text(encoding="utf-8"))["skip"]
    return [
        Skip(each["check"], resource, each["reason"], each.get("switch", ""))
        for each in listed
        if each.get("switch") not in on
        for resource in each["resources"]
    ]


def unexplained(found: Sequence[FailedCheck], known: Sequence[Skip]) -> list[str]:
    """A line for each finding that no skip covers."""
    left = [each for each in found if not any(skip.covers(each) for skip in known)]
    return sorted(f"{each.check} {each.resource}: {each.what}" for each in left)


def stale(found: Sequence[FailedCheck], known: Sequence[Skip]) -> list[str]:
    """A line for each skip that covers no finding."""
    left = [skip for skip in known if not any(skip.covers(each) for each in found)]
    return [f"{skip.check} {skip.resource}: is in {SKIPS.name}, and matches nothing" for skip in left]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
