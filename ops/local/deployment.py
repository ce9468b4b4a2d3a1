"""``serverless deploy --stage local``: packaged once for each state of the sources, deployed in seconds after that."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.build.bytecode import LAMBDA_VERSION, find_python
from ops.errors import StackError
from ops.local.claims import claimed
from ops.local.user_environment import for_children

STAGE = "local"
TEMPLATE = "cloudformation-template-update-stack.json"
FRAMEWORK = Path("node_modules", "serverless", "bin", "serverless.js")
"""What ``npx serverless`` runs, after half a second of npm's own."""

SOURCES = (
    "serverless.yml",
    "package.json",
    "package-lock.json",
    "recipe.toml",
    "requirements*.txt",
    "resources/**/*",
    "handlers/**/*",
    "api/**/*",
    "processing/**/*",
    "web/**/*",
    "logos/**/*",
    "ops/__init__.py",
    "ops/build/__init__.py",
    "ops/build/locks/__init__.py",
    "ops/build/locks/package-*.txt",
    "ops/build/check.py",
    "ops/build/combinations.py",
    "ops/build/places.py",
    "ops/build/rules.py",
    "ops/build/serverless-check.cjs",
    "ops/build/serverless-stage.cjs",
    "ops/build/serverless-statements.cjs",
    "ops/build/serverless-everywhere.cjs",
    "ops/build/serverless-dry-run.cjs",
    "ops/build/difference.py",
    "ops/build/replacing.json",
    "ops/build/bytecode.py",
    "ops/build/bom.py",
    "ops/build/entries.py",
    "ops/build/libraries.toml",
    "ops/build/serverless-zip.cjs",
)
"""Whatever the framework reads; a change to any of them makes a new package."""

KEPT = 2
"""Packages that are kept: this one, and the one before."""


class Deployment:
    """The service as the framework packages and deploys it, in a copy: it has one scratch folder for each project.

    Packaging takes 9 s, half of it pip's; the result is kept under .cache until a source changes. Deploying takes 4 s:
    the framework does not wait 5 s between two looks at its stack (SLS_AWS_MONITORING_FREQUENCY).

    Args:
        project_root: the folder with serverless.yml and node_modules.
        environ: what makes the framework's AWS SDK talk to the emulator.
        log: where the framework's output goes.
    """

    def __init__(self, project_root: Path, *, environ: Mapping[str, str], log: Path) -> None:
        self._root = project_root
        self._environ = environ
        self._log = log
        self._cache = project_root / ".cache" / "local"

    def deploy(self, progress: Callable[[str], None]) -> dict[str, Any]:
        """Package the service if it is not packaged yet, deploy it, and return its CloudFormation template.

        Raises:
            StackError: the framework is missing, or failed.
        """
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix="making-", ignore_cleanup_errors=True) as made:
            project = Path(made) / "project"
            copy_sources(self._root, project)
            kept = self._cache / fingerprint(project)
            with claimed(self._cache, wait=True):  # another run packages the same
                if not kept.is_dir():
                    progress("packaging the service")
                    self._serverless(project, "package")
                    _keep(project / "packaged", kept)
                else:
                    shutil.copytree(kept, project / "packaged")
            template: dict[str, Any] = json.loads((project / "packaged" / TEMPLATE).read_text(encoding="utf-8"))
            progress("deploying the service")
            self._serverless(project, "deploy")
        return template

    def _serverless(self, project: Path, step: str) -> None:
        command = [_node(), self._framework(), step, "--package", "packaged", "--stage", STAGE]
        environ = {
            **for_children(online=step == "package"),  # his proxy is for pip, never for the way to the emulator
            **self._environ,
            "SLS_AWS_MONITORING_FREQUENCY": "100",
            "PYTHON_BIN": sys.executable,
        }
        with self._log.open("ab") as log:
            start = log.tell()
            status = _run(command, cwd=project, environ=environ, output=log.fileno())
        if status != 0:
            with self._log.open("rb") as log:
                log.seek(start)
                raise StackError(_explain(step, log.read().decode(errors="replace"), self._log))

    def _framework(self) -> str:
        if not (self._root / FRAMEWORK).is_file():
            raise StackError("the Serverless Framework is not installed: run 'npm ci'")
        return str(FRAMEWORK)


def copy_sources(root: Path, project: Path) -> None:
    """Make ``project``, with all that the framework reads of ``root``, and a link to its node_modules."""
    project.mkdir(exist_ok=True)
    for pattern in SOURCES:
        for source in root.glob(pattern):
            if source.is_file() and "__pycache__" not in source.parts:
                copy = project / source.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)
    (project / "node_modules").symlink_to(root / "node_modules")


def fingerprint(project: Path) -> str:
    """Of all that decides what is in the package: with the function's Python at hand, it has byte code."""
    digest = hashlib.sha256(f"{sys.version} {find_python(LAMBDA_VERSION)}".encode())
    for path in sorted(_files(project)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _files(project: Path) -> Iterator[Path]:
    for top in project.iterdir():
        if top.is_file():
            yield top
        elif not top.is_symlink():
            yield from (path for path in top.rglob("*") if path.is_file())


def _keep(packaged: Path, kept: Path) -> None:
    shutil.rmtree(packaged / "requirements", ignore_errors=True)  # they are in the zip
    copy = packaged.with_name("kept")
    shutil.copytree(packaged, copy)
    copy.rename(kept)
    made = (folder for folder in kept.parent.iterdir() if (folder / TEMPLATE).is_file())
    for outdated in sorted(made, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(outdated, ignore_errors=True)


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise StackError("node was not found: install Node.js 20.19 or later, then run 'npm ci'")
    return found


def _run(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], output: int) -> int:
    """Run a command in a process group of its own and leave nothing of it behind, whatever happens meanwhile."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _explain(step: str, output: str, log: Path) -> str:
    """What follows the framework's own ``Error:``, each fault in it; without it, the last line there is."""
    _, found, error = output.rpartition("\nError:\n")
    lines = [line.strip() for line in error.splitlines() if line.strip()] or ["it said nothing"]
    cause = "; ".join(lines) if found else lines[-1]
    return f"'serverless {step}' failed (all it said is in {log}): {cause}"
