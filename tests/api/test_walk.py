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
TUTORIALS = PAGE.partition("## Coming from a tutorial\n")[2].partition("\n## ")[0]
ROW = re.compile(r"\| `([A-Z]+ /\S+)` \| (.+?) \| `(.+)` \|")
LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "bash": ("bash", "-euo", "pipefail", "-c"),
    "python": (sys.executable, "-c"),
    "javascript": ("node", "--input-type=module", "-e"),
}


def program(language: str) -> str:
    """All that the page has in a language, in its order."""
    return "\n".join(text for kind, text in BLOCKS if kind == language)


def rows() -> list[tuple[str, str]]:
    """Each row of the table for those who come from a tutorial: a route there, and the command here."""
    _titles, _line, *lines = [line for line in TUTORIALS.splitlines() if line.startswith("|")]
    found = [(ROW.fullmatch(line), line) for line in lines]
    return [(row[1], row[3].replace("\\|", "|")) if row else ("a row without a command", line) for row, line in found]


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
    environ = os.environ | {"API": server.url, "KEY": server.gateway.api_key}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def test_the_commands_lead_from_a_file_to_its_picture_and_from_a_key_to_its_image(server: Server, folder: Path) -> None:
    printed = run(server, folder, *LANGUAGES["bash"], program("bash"))

    assert "done\ndesktop 1200x900 http" in printed
    assert '"name": "cat.jpg"' in printed
    assert re.search("^[a-z]+ kMjAyNi9jYXQuanBn cat.jpg$", printed, re.MULTILINE)
    assert '"image/jpeg": "http' in printed
    assert "<picture><img " in printed
    assert 'sizes="50vw"' in printed
    assert size_of(folder / "phone.jpg") == (480, 360)


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_programs_do_the_same_and_what_each_route_of_the_tutorials_does(
    server: Server, folder: Path, language: str
) -> None:
    printed = run(server, folder, *LANGUAGES[language], program(language))

    assert printed.startswith("done ")
    assert re.search(r"'kMjAyNi9jYXQuanBn', *'cat.jpg'", printed)
    assert re.search(r"""["']?width["']?: 1200""", printed)
    assert_original_and_processed(folder)
    if language == "python":
        assert size_of(folder / "desktop.jpg") == (1200, 900)


def test_each_route_of_the_tutorials_has_a_command_that_does_the_same(server: Server, folder: Path) -> None:
    first = program("bash").partition("jq -r '.status")[0]

    printed = run(server, folder, *LANGUAGES["bash"], "\n".join([first, *(command for _, command in rows())]))

    assert '"width": 1200' in printed
    assert_original_and_processed(folder)


def test_each_route_of_the_tutorials_is_shown_in_each_of_three_languages() -> None:
    routes = [route for route, _ in rows()]

    assert routes == [
        *("POST /upload", "GET /image/{filename}"),
        *("GET /get-image-metadata/{file-name}", "GET /get-processed-image/{file-name}"),
    ]
    for language in ("python", "javascript"):
        assert re.findall(r"(?:#|//) ([A-Z]+ /\S+)", program(language)) == routes
    assert {kind for kind, _ in BLOCKS} == LANGUAGES.keys()


def assert_original_and_processed(folder: Path) -> None:
    assert (folder / "original.jpg").read_bytes() == (folder / "cat.jpg").read_bytes()
    assert size_of(folder / "processed.jpg") == (480, 360)
