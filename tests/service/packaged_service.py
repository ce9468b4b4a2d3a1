"""Packages the service as `serverless package` does, in a copy of the project, and remembers the result by content."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ops.local.claims import claimed
from ops.local.deployment import FRAMEWORK, copy_sources, fingerprint

PROJECT = Path(__file__).parents[2]
CACHE = PROJECT / ".cache" / "service"
LOGO = "logos/mark.png"
DECOYS = ("tests/decoy.py", "handlers/__pycache__/decoy.cpython-313.pyc", ".env", "README.md", "decoy.toml")
KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Package:
    """What `serverless package` left behind."""

    folder: Path

    @cached_property
    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(self.template_path.read_text())
        return template

    @property
    def template_path(self) -> Path:
        return self.folder / "cloudformation-template-update-stack.json"

    @property
    def zip_path(self) -> Path:
        return self.folder / "darkroom.zip"

    @cached_property
    def files(self) -> dict[str, int]:
        """The unpacked size of each file in the zip."""
        with zipfile.ZipFile(self.zip_path) as archive:
            return {entry.filename: entry.file_size for entry in archive.infolist()}

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.zip_path) as archive:
            return archive.read(name)

    def properties(self, logical_id: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.template["Resources"][logical_id]["Properties"]
        return properties

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        return {name: each for name, each in self.template["Resources"].items() if each["Type"] == resource_type}

    @property
    def environment(self) -> dict[str, Any]:
        variables: dict[str, Any] = self.properties("ConsumerLambdaFunction")["Environment"]["Variables"]
        return variables


def package(stage: str, parameters: Mapping[str, object] | None = None, *, requirements: bool = True) -> Package:
    """The service packaged for a stage; from the cache when nothing it is made of has changed.

    Args:
        requirements: with them and the byte code, which no parameter but the architecture changes: 9 s instead of 2.
    """
    given = [f"--param={name}={value}" for name, value in (parameters or {}).items() if value != ""]
    empty = {name: value for name, value in (parameters or {}).items() if value == ""}
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as made:
        copy = Path(made) / "project"
        copy_project(copy)
        if empty:  # the framework takes no empty value from the command line
            set_parameters(copy, stage, empty)
        if not requirements:
            leave_out_requirements(copy)
        remembered = CACHE / f"{stage}-{_fingerprint(copy, given)}"
        claim = CACHE / "claims" / remembered.name
        claim.mkdir(parents=True, exist_ok=True)
        with claimed(claim, wait=True):  # another worker makes the same
            if not remembered.exists():
                run = serverless(copy, "package", "--stage", stage, *given, "--package", "../package")
                assert run.returncode == 0, run.stdout + run.stderr
                _forget_old_packages()
                (Path(made) / "package").rename(remembered)
            os.utime(remembered)
    return Package(remembered)


def set_parameters(project: Path, stage: str, parameters: Mapping[str, object]) -> None:
    """Give a copy of the project a section of parameters for a stage that has none."""
    described = project / "serverless.yml"
    text = described.read_text()
    described.write_text(text.replace("\n  local:\n", f"\n  {stage}: {json.dumps(parameters)}\n  local:\n", 1))


def leave_out_requirements(project: Path) -> None:
    """Have a copy of the project packaged without requirements and byte code."""
    described = project / "serverless.yml"
    lines = described.read_text().splitlines(keepends=True)
    left_out = ("  - serverless-python-requirements", "  - ./ops/build/serverless-zip.cjs")
    described.write_text("".join(line for line in lines if not line.startswith(left_out)))


NOWHERE = {
    "AWS_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""A region and no source of credentials."""


def serverless(
    project: Path, *arguments: str, python: str | None = sys.executable, environ: Mapping[str, str] = NOWHERE
) -> subprocess.CompletedProcess[str]:
    """Run the framework on a copy of the project, with pip of the Python that runs the tests if not told otherwise."""
    ours = ("AWS_", "SLS_", "PYTHON_BIN")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {**environ}
    return subprocess.run(
        ["node", str(PROJECT / FRAMEWORK), *arguments],
        cwd=project,
        env=environment | ({"PYTHON_BIN": python} if python else {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def copy_project(target: Path) -> None:
    """Copy what the service is made of, a logo that a recipe could name, and some of what must never be packaged."""
    copy_sources(PROJECT, target)
    for name in (LOGO, *DECOYS):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(name)


def _fingerprint(project: Path, given: list[str]) -> str:
    return hashlib.sha256(f"{given} {fingerprint(project)}".encode()).hexdigest()[:16]


def _forget_old_packages() -> None:
    """A package in use by another run is younger than this."""
    for old in CACHE.iterdir():
        if time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
