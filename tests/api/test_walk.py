"""docs/api.md: every command on the page is run against the API as ``darkroom local`` serves it."""

import io
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image

from ops.local.serve.server import Server
from ops.local.stack import LocalStack
from tests.api.fuzz import served
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python|javascript)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| `((?:GET|POST) /\S+)` \| (.+?) \| `(.+)` \|$", re.MULTILINE)
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "python": (sys.executable, "-c"),
    "javascript": ("node", "--input-type=module", "-e"),
}


@pytest.fixture(scope="module")
def server(stack: LocalStack) -> Iterator[Server]:
    missing = [name for name in ("bash", "curl", "jq", "node") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"THE COMMANDS OF docs/api.md ARE NOT RUN: {', '.join(missing)} is missing")
    with served(stack, Counter()) as server:
        yield server


@pytest.fixture
def folder(server: Server, stack: LocalStack, tmp_path: Path) -> Path:
    """A folder with a photo, which is in the uploads bucket as well, as the page's `aws s3 cp` puts it there."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((1200, 900)).convert("RGB").save(out, "JPEG")
    (tmp_path / "cat.jpg").write_bytes(out.getvalue())
    bucket = stack.outputs["UploadsBucket"]
    stack.client("s3").put_object(Bucket=bucket, Key="images/2026/cat.jpg", Body=out.getvalue())
    return tmp_path


def run(server: Server, folder: Path, *command: str) -> str:
    """What a command prints, in a folder and with the variables that the page names."""
    environ = os.environ | {"API": f"{server.url}/", "KEY": server.gateway.api_key}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def bash(server: Server, folder: Path, script: str) -> str:
    return run(server, folder, "bash", "-euo", "pipefail", "-c", script)


def test_the_commands_lead_from_a_file_to_its_picture_and_from_a_key_to_its_image(server: Server, folder: Path) -> None:
    printed = bash(server, folder, "\n".join(text for kind, text in BLOCKS if kind == "bash"))

    assert "done\ndesktop 1200x900 http" in printed
    assert '"name": "cat.jpg"' in printed
    assert '"image/jpeg": "http' in printed
    assert "<picture><img " in printed
    assert 'sizes="50vw"' in printed
    assert size_of(folder / "phone.jpg") == (480, 360)


@pytest.mark.parametrize(("language", "text"), [block for block in BLOCKS if block[0] in PROGRAMS])
def test_the_programs_print_what_became_of_the_photo(server: Server, folder: Path, language: str, text: str) -> None:
    printed = run(server, folder, *PROGRAMS[language], text)

    assert printed.startswith("done ")
    if language == "python":
        assert size_of(folder / "desktop.jpg") == (1200, 900)


def test_each_route_of_the_tutorials_has_a_command_that_does_the_same(server: Server, folder: Path) -> None:
    rows = ROW.findall(PAGE)
    first = "\n".join(text for kind, text in BLOCKS if kind == "bash").partition("jq -r '.status")[0]

    bash(server, folder, "\n".join([first, *(command.replace("\\|", "|") for _, _, command in rows)]))

    assert [route for route, _, _ in rows] == [
        *("POST /upload", "GET /image/{filename}"),
        *("GET /get-image-metadata/{file-name}", "GET /get-processed-image/{file-name}"),
    ]
    assert (folder / "original.jpg").read_bytes() == (folder / "cat.jpg").read_bytes()
    assert size_of(folder / "processed.jpg") == (480, 360)


def test_the_page_has_a_walk_in_each_of_three_languages() -> None:
    assert {kind for kind, _ in BLOCKS} == {"bash", *PROGRAMS}
