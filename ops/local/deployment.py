"""``serverless deploy --stage local``: packaged once for each state of the sources, deployed in seconds after that."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ops.local.errors import StackError

STAGE = "local"
TEMPLATE = "cloudformation-template-update-stack.json"

PACKAGED = (
    "serverless.yml",
    "recipe.toml",
    "package-lock.json",
    "requirements*.txt",
    "resources/**/*",
    "handlers/**/*",
    "processing/**/*",
)
"""Whatever decides what `serverless package` makes."""


class Deployment:
    """The service as the framework packages and deploys it.

    Packaging takes 15 s, most of it pip's; it is kept under .cache until one of its inputs changes. Deploying takes 3 s
    after that, once the framework no longer waits 5 s between two looks at its stack (SLS_AWS_MONITORING_FREQUENCY).

    Args:
        project_root: the folder with serverless.yml and node_modules.
        environ: what makes the framework's AWS SDK talk to the emulator.
        log: where the framework's output goes.
    """

    def __init__(self, project_root: Path, *, environ: Mapping[str, str], log: Path) -> None:
        self._root = project_root
        self._environ = environ
        self._log = log
        self._cache = project_root / ".cache" / "local-package"

    def package(self) -> Path:
        """The folder with the packaged service; made only when its inputs have changed.

        Raises:
            StackError: the framework is missing, or failed.
        """
        folder = self._cache / self._fingerprint()
        if not (folder / TEMPLATE).is_file():
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._cache, ignore_cleanup_errors=True) as unfinished:
                made = Path(unfinished) / "package"
                self._serverless("package", "--package", str(made))
                self._keep(made, folder)
        return folder

    def _keep(self, made: Path, folder: Path) -> None:
        for outdated in self._cache.glob("*/" + TEMPLATE):
            shutil.rmtree(outdated.parent, ignore_errors=True)
        with contextlib.suppress(FileExistsError, OSError):  # another run has made the same meanwhile
            made.rename(folder)

    def deploy(self, package: Path) -> None:
        """Deploy what was packaged.

        Raises:
            StackError: the framework is missing, or failed.
        """
        self._serverless("deploy", "--package", str(package))

    def template(self, package: Path) -> dict[str, object]:
        """The CloudFormation template of what was packaged."""
        content: dict[str, object] = json.loads((package / TEMPLATE).read_text(encoding="utf-8"))
        return content

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(sys.version.encode())
        for path in sorted(_files(self._root, PACKAGED)):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(self._root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:16]

    def _serverless(self, *arguments: str) -> None:
        command = [_tool("npx"), "--no-install", "serverless", *arguments, "--stage", STAGE]
        environ = {
            **_of_the_user(arguments[0]),
            **self._environ,
            "SLS_AWS_MONITORING_FREQUENCY": "100",
            "PYTHON_BIN": sys.executable,
        }
        with self._log.open("ab") as log:
            start = log.tell()
            status = _run(command, cwd=self._root, environ=environ, output=log.fileno())
        if status != 0:
            with self._log.open("rb") as log:
                log.seek(start)
                raise StackError(_explain(arguments[0], log.read().decode(errors="replace"), self._log))


def _of_the_user(step: str) -> dict[str, str]:
    """The user's environment without AWS's settings; his proxy is for pip, never for the way to the emulator."""
    unwanted = ("AWS_",) if step == "package" else ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "PROXY")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(unwanted)}


def _files(root: Path, patterns: Iterable[str]) -> Iterable[Path]:
    for pattern in patterns:
        for path in root.glob(pattern):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StackError(f"{name} was not found: install Node.js 20.19 or later, then run 'npm install'")
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
    """One line: the first paragraph after the framework's own ``Error:``, or the last line there is."""
    said = [line.strip() for line in output.rpartition("\nError:\n")[2].splitlines() if line.strip()]
    cause = said[0 if "\nError:\n" in output else -1] if said else "it said nothing"
    return f"'serverless {step}' failed: {cause} (all it said: {log})"
