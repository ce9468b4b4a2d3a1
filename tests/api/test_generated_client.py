"""A client that is generated from the description calls every operation of the API, as ``darkroom local`` serves it."""

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.local.packages import installed
from ops.local.stack import LocalStack
from tests.api.fuzz import served
from tests.api.test_on_the_stack import png
from tests.conftest import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements-client.txt")
CALLS = Path(__file__).with_name("client_calls.py")
OPERATIONS = 9


@pytest.fixture(scope="module")
def packages() -> Path:
    """The generator, in a folder of its own."""
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    return installed(lines, python=sys.executable, version=platform.python_version(), cache=ROOT / ".cache")


def run(command: Sequence[str], *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with these folders before its own packages."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run([sys.executable, *command], env=environ, capture_output=True, text=True, check=False)


def generate(document: dict[str, Any], packages: Path, folder: Path) -> str:
    """A package ``darkroom_client`` in the folder; what the generator says."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "config.json").write_text('{"post_hooks": []}')
    made = run(
        [
            *("-m", "openapi_python_client", "generate", "--path", str(folder / "openapi.json"), "--meta", "none"),
            *("--config", str(folder / "config.json"), "--output-path", str(folder / "darkroom_client")),
        ],
        packages,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout + made.stderr


def test_a_generated_client_calls_every_operation(stack: LocalStack, packages: Path, tmp_path: Path) -> None:
    (tmp_path / "sea.png").write_bytes(png())
    with served(stack, Counter()) as server:
        document = requests.get(f"{server.url}/openapi.json", timeout=10).json()
        said = generate(document, packages, tmp_path)
        arguments = [server.url, server.gateway.api_key, str(tmp_path / "sea.png")]
        called = run([str(CALLS), *arguments], tmp_path, packages)

    assert "Endpoint will not be generated" not in said
    assert "response will be omitted" not in said
    operations = [path for path in (tmp_path / "darkroom_client" / "api").rglob("*.py") if path.stem != "__init__"]
    assert len(operations) == OPERATIONS == sum(len(each) for each in document["paths"].values())
    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout) == {
        "fields": sorted(json.loads(called.stdout)["fields"]),
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
    assert {"key", "policy", "Content-Type"} <= set(json.loads(called.stdout)["fields"])
