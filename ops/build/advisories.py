"""Asks for known vulnerabilities of everything that is locked: ``python -m ops.build.advisories``.

npm asks its registry, pip-audit (in an environment of its own) PyPI or, where that has no answer, OSV. A registry that
refuses, or knows nothing of a package, is no good news: what could not be asked is named.
Exit codes: 0 no advisory is known, 1 there are some, 2 none is known, but not everything could be asked.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.build.environments import environment
from ops.build.locks import ROOT, SOURCES, Locked, pins
from ops.errors import StackError
from ops.local.user_environment import for_children

NODE_LOCKS: Final = (".", "bench/engine")
SERVICES: Final = ("pypi", "osv")


@dataclass(frozen=True)
class AuditAnswer:
    """What is known of the packages of one registry: a line for each advisory, and why something was not asked."""

    advisories: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()


def main() -> int:
    """Ask for all that is locked."""
    return report([of_python(), *(of_node(ROOT / folder) for folder in NODE_LOCKS)])


def report(answers: Sequence[AuditAnswer]) -> int:
    """Print the advisories, and on stderr what could not be asked; return the exit code."""
    advisories = [line for answer in answers for line in answer.advisories]
    unasked = [line for answer in answers for line in answer.unasked]
    sys.stdout.writelines(f"{line}\n" for line in advisories)
    sys.stderr.writelines(f"not asked: {line}\n" for line in unasked)
    if not advisories and not unasked:
        sys.stderr.write("No advisory is known.\n")
    return 1 if advisories else 2 if unasked else 0


def of_python() -> AuditAnswer:
    """Of all locks together, by the first service that knows every package."""
    try:
        python = environment("advisories")
    except StackError as error:
        return AuditAnswer(unasked=(f"Python packages: {error}",))
    answers = []
    for service in SERVICES:
        rounds = [_pip_audit(python, service, each) for each in rounds_of(pins(lock) for lock in SOURCES)]
        answers.append(_joined(rounds))
        if not answers[-1].unasked:
            return answers[-1]
    return _joined(answers)


def rounds_of(locks: Iterable[Iterable[Locked]]) -> list[list[str]]:
    """All that the locks pin, each version once, in lists that have no package twice: pip-audit refuses that."""
    versions: dict[str, list[str]] = {}
    for each in (pinned for lock in locks for pinned in lock):
        known = versions.setdefault(each.name, [])
        if each.version not in known:
            known.append(each.version)
    rounds = max(map(len, versions.values()), default=0)
    return [
        [f"{name}=={known[number]}" for name, known in sorted(versions.items()) if number < len(known)]
        for number in range(rounds)
    ]


def of_node(folder: Path) -> AuditAnswer:
    """Of a folder's package-lock.json."""
    said = _run(["npm", "audit", "--json"], folder)
    return read_npm(said.stdout, said.stderr, name=str(folder.relative_to(ROOT) / "package-lock.json"))


def read_pip_audit(output: str, errors: str, *, service: str) -> AuditAnswer:
    """An answer of ``pip-audit --format json``, which leaves out with a reason what its service does not know."""
    known = _json(output)
    if "dependencies" not in known:
        return AuditAnswer(unasked=(f"Python packages ({service}): {_last_line(errors)}",))
    listed = known["dependencies"]
    left_out = [each for each in listed if "skip_reason" in each]
    lines = [_line(each, vuln["id"], vuln["fix_versions"]) for each in listed for vuln in each.get("vulns", [])]
    why = f"{len(left_out)} of {len(listed)} Python packages ({service}): " + next(
        (each["skip_reason"] for each in left_out), ""
    )
    return AuditAnswer(tuple(sorted(set(lines))), (why,) if left_out else ())


def read_npm(output: str, errors: str, *, name: str) -> AuditAnswer:
    """An answer of ``npm audit --json``: https://docs.npmjs.com/cli/commands/npm-audit"""
    known = _json(output)
    if "auditReportVersion" not in known:
        return AuditAnswer(unasked=(f"{name}: {known.get('message') or _last_line(errors)}",))
    return AuditAnswer(tuple(sorted(_of_npm(known["vulnerabilities"]))))


def _of_npm(vulnerabilities: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A package that only depends on a vulnerable one has names in place of advisories."""
    for name, each in vulnerabilities.items():
        for advisory in each["via"]:
            if isinstance(advisory, dict):
                yield f"{name} {advisory['range']}: {advisory['url']} ({advisory['severity']}: {advisory['title']})"


def _joined(answers: Sequence[AuditAnswer]) -> AuditAnswer:
    advisories = sorted({line for answer in answers for line in answer.advisories})
    return AuditAnswer(tuple(advisories), tuple(dict.fromkeys(line for answer in answers for line in answer.unasked)))


def _pip_audit(python: Path, service: str, wanted: Sequence[str]) -> AuditAnswer:
    options = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json"]
    with tempfile.NamedTemporaryFile("w", prefix="darkroom-", suffix=".txt") as file:
        file.write("\n".join([*wanted, ""]))
        file.flush()
        command = [str(python), "-m", "pip_audit", "--vulnerability-service", service, *options]
        said = _run([*command, "--requirement", file.name], ROOT)
    return read_pip_audit(said.stdout, said.stderr, service=service)


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Exit codes are left aside: both tools have one for advisories and for failures."""
    environ = for_children(online=True)
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def _json(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except json.JSONDecodeError:
        return {}


def _line(package: dict[str, Any], advisory: str, fixed: Sequence[str]) -> str:
    remedy = f"fixed in {', '.join(fixed)}" if fixed else "no version fixes it"
    return f"{package['name']} {package['version']}: {advisory} ({remedy})"


def _last_line(errors: str) -> str:
    return next((line for line in reversed(errors.strip().splitlines()) if line.strip()), "no answer")


if __name__ == "__main__":
    sys.exit(main())
