"""Clients that are generated from the description call every operation of the API, as ``darkroom local`` serves it."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.build.locks import lines
from ops.local.packages import installed, made_once
from ops.local.serve.server import Server
from ops.local.stack import LocalStack
from tests.api.fuzz import served
from tests.api.test_on_the_stack import png
from tests.conftest import ROOT

CALLS = Path(__file__).with_name("client_calls.py")
TYPESCRIPT = Path(__file__).with_name("typescript")
TSC = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
RUN = """
import { readFile } from 'node:fs/promises';
import { callAll } from './client_calls.js';
const [url, key] = process.argv.slice(1);
console.log(JSON.stringify(await callAll(url, key, 'sea.png', new Uint8Array(await readFile('sea.png')))));
"""

RESULTS = {
    "status": "done",
    "variants": ["desktop", "tablet", "phone"],
    "srcset": ["image/png"],
    "listed": True,
    "redirect": [302, True],
    "bytes": "89504e47",
    "settings": 100,
    "description": "3.1.0",
    "page": "<!doctype html>",
    "erased": True,
}
"""What each client gets, besides the fields of a presigned POST."""


@pytest.fixture(scope="module")
def server(stack: LocalStack) -> Iterator[Server]:
    with served(stack, Counter()) as server:
        yield server


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    """A folder with the description and a picture."""
    (tmp_path / "openapi.json").write_text(json.dumps(requests.get(f"{server.url}/openapi.json", timeout=10).json()))
    (tmp_path / "sea.png").write_bytes(png())
    return tmp_path


@pytest.fixture(scope="module")
def python_packages() -> Path:
    """The generator for Python, in a folder of its own."""
    return installed(
        lines("generated-client"), python=sys.executable, version=platform.python_version(), cache=ROOT / ".cache"
    )


@pytest.fixture(scope="module")
def node_packages() -> Path:
    """The generator for TypeScript, in a folder of its own: it needs another TypeScript than the page."""
    lock = (TYPESCRIPT / "package-lock.json").read_bytes()
    wanted = ROOT / ".cache" / "packages" / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    with made_once(wanted) as made:
        if made is not None:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(TYPESCRIPT / name, made)
            run(["npm", "ci", *NPM_OPTIONS], made)
    return wanted / "node_modules"


def run(command: Sequence[str | Path], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{command[0]}\n{done.stdout}\n{done.stderr}"
    return done


def operations(folder: Path) -> dict[str, str]:
    """The name of each operation of the description, by method and path."""
    document: dict[str, Any] = json.loads((folder / "openapi.json").read_text())
    return {
        f"{method} {path}": operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def python_module(operation: str) -> str:
    """As openapi-python-client names an operation."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)


def assert_results(results: dict[str, Any]) -> None:
    assert {"key", "policy", "Content-Type"} <= set(results.pop("fields"))
    assert results == RESULTS


def test_a_client_in_python_calls_every_operation(server: Server, folder: Path, python_packages: Path) -> None:
    (folder / "config.json").write_text('{"post_hooks": []}')
    environ = {"PYTHONPATH": os.pathsep.join([str(folder), str(python_packages)]), "NO_COLOR": "1", "COLUMNS": "200"}
    generate = ("-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none")
    options = ("--config", "config.json", "--output-path", "darkroom_client")

    made = run([sys.executable, *generate, *options], folder, **environ)
    called = run([sys.executable, CALLS, server.url, server.gateway.api_key, "sea.png"], folder, **environ)

    assert "Endpoint will not be generated" not in made.stdout + made.stderr
    assert "response will be omitted" not in made.stdout + made.stderr
    results = json.loads(called.stdout)
    assert set(results.pop("called")) == set(map(python_module, operations(folder).values()))
    assert_results(results)


def test_a_client_in_typescript_calls_every_operation(server: Server, folder: Path, node_packages: Path) -> None:
    config = {"extends": str(ROOT / "tsconfig.json"), "compilerOptions": {"noEmit": False}, "include": ["*.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(node_packages)
    shutil.copy(TYPESCRIPT / "client_calls.ts", folder)
    generator = node_packages / "openapi-typescript" / "bin" / "cli.js"

    run(["node", generator, "openapi.json", "-o", "darkroom.d.ts"], folder)
    run(["node", TSC], folder)
    called = run(["node", "--input-type=module", "-e", RUN, server.url, server.gateway.api_key], folder)

    results = json.loads(called.stdout)
    assert set(results.pop("called")) == operations(folder).keys()
    assert_results(results["results"])
