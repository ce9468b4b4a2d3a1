"""What the forge reads: workflows run commands that exist, with few permissions, and updates reach every list."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from packaging.specifiers import SpecifierSet

from ops.build.locks import PACKAGE, SOURCES
from ops.cli.main import make_app

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
NPM_OWN = {"ci": ("--ignore-scripts",)}
"""npm's own commands that may be run, with the options without which they may not."""
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
PIP = "pip"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def named(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


def scripts() -> dict[str, str]:
    found: dict[str, str] = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return name == PIP or (path / "__main__.py").exists() or path.with_suffix(".py").exists()


def command_faults(command: str) -> Iterator[str]:
    """Why a command of a workflow or a hook is none that this project documents."""
    words = EXPRESSION.sub("X", command).split()
    match words:
        case ["npm", "run", name, *_]:
            known = name in scripts()
        case ["npm", "test", *rest]:
            known = all((ROOT / each).exists() for each in rest if each.startswith("tests/"))
        case ["npm", name, *rest]:
            known = name in NPM_OWN and set(NPM_OWN[name]) <= set(rest)
        case ["python", "-m", name, *_]:
            known = is_module(name)
        case ["darkroom", name, *_]:
            group = typer.main.get_command(make_app())
            known = name == "--version" or name in group.commands  # type: ignore[attr-defined]
        case _:
            known = False
    if not known:
        yield command


def steps(workflow: Any) -> Iterator[Any]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=named(WORKFLOWS))
def test_every_command_of_a_workflow_is_a_script_or_a_module_that_exists(path: Path) -> None:
    lines = [line for step in steps(read(path)) for line in step.get("run", "").splitlines()]

    assert lines
    assert [fault for line in lines for fault in command_faults(line)] == []


@pytest.mark.parametrize(
    "command",
    [
        "npm run gone",
        "npm test -- tests/gone.py",
        "npm ci",
        "npm publish",
        "python -m ops.gone",
        "darkroom gone",
        "curl x",
    ],
)
def test_a_command_that_is_not_there_is_found(command: str) -> None:
    assert list(command_faults(command)) == [command]


@pytest.mark.parametrize("path", WORKFLOWS, ids=named(WORKFLOWS))
def test_a_workflow_may_only_read_and_keeps_no_credentials(path: Path) -> None:
    workflow = read(path)
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]

    assert workflow["permissions"] == {"contents": "read"}
    assert [
        name for name, job in workflow["jobs"].items() if "permissions" in job or "timeout-minutes" not in job
    ] == []
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []
    assert "secrets." not in path.read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=named(WORKFLOWS))
def test_every_action_is_pinned_by_a_commit_with_the_name_of_its_release(path: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]

    assert used
    assert [line for line in used if not PINNED.match(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=named(WORKFLOWS))
def test_no_command_contains_what_somebody_else_may_write(path: Path) -> None:
    """Titles and branch names would be run by the shell."""
    used = {name for step in steps(read(path)) for name in re.findall(r"\$\{\{\s*([\w.]+)", step.get("run", ""))}

    assert {name for name in used if not name.startswith("matrix.")} == set()


def test_tests_and_command_run_on_every_python_and_the_package_is_made_for_every_architecture() -> None:
    jobs = read(GITHUB / "workflows" / "ci.yml")["jobs"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pythons = jobs["tests"]["strategy"]["matrix"]["python"]

    assert pythons == jobs["command"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert all(version in SpecifierSet(project["requires-python"]) for version in pythons)
    assert "3.10" not in SpecifierSet(project["requires-python"])
    assert sorted(jobs["package"]["strategy"]["matrix"]["architecture"]) == sorted(PACKAGE)


def test_updates_are_proposed_for_every_list_of_dependencies() -> None:
    updates = read(GITHUB / "dependabot.yml")["updates"]
    found = {each["package-ecosystem"]: set(each.get("directories", [each.get("directory")])) for each in updates}
    lists = {*SOURCES.values(), "bench/engine/requirements.txt", "requirements-base.txt"}
    locks = [
        ROOT / "package-lock.json",
        *(each for name in ("bench", "tests") for each in (ROOT / name).rglob("package-lock.json")),
    ]
    node = {path.parent for path in locks if "node_modules" not in path.parts}

    assert found["pip"] == {f"/{Path(each).parent.as_posix()}".rstrip(".") for each in lists}
    assert found["npm"] == {f"/{path.relative_to(ROOT).as_posix()}".rstrip(".") for path in node}
    assert all((ROOT / place.lstrip("/") / "Dockerfile").exists() for place in found["docker"])
    assert found["github-actions"] == {"/"}


def test_hooks_run_the_tools_of_the_lock_by_documented_commands() -> None:
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    tools = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")

    assert local["repo"] == "local"
    for hook in local["hooks"]:
        tool = re.match(r"\.venv/bin/(\w+)", hook["entry"])
        assert f"\n{tool[1]}==" in tools if tool else list(command_faults(hook["entry"])) == []


@pytest.mark.parametrize("path", FORMS, ids=named(FORMS))
def test_an_issue_form_has_what_the_forge_requires(path: Path) -> None:
    """https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests"""
    form = read(path)
    ids = [each["id"] for each in form["body"] if each["type"] != "markdown"]

    assert {"name", "description", "body"} <= form.keys()
    assert len(ids) == len(set(ids))
    assert all(each["attributes"].get("label") for each in form["body"] if each["type"] != "markdown")
