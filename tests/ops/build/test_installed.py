"""The command, installed alone: without a checkout, without Node, with what pyproject.toml names and nothing else."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ops.build.locks import locked, normalized
from tests.ops.build.needs import needed
from tests.ops.cli.embedded import jpeg

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [Requirement(each) for each in PROJECT["dependencies"]]
VERSION = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"]
ANOTHER_RECIPE = '[variants.poster]\nwidth = 300\nheight = 300\nformat = "keep"\n'

IMPORT_ALL = """
import importlib, pkgutil, sys, darkroom
sys.path.insert(0, darkroom.__path__[0])
for package in ("api", "handlers", "ops", "processing"):
    for each in pkgutil.walk_packages([f"{darkroom.__path__[0]}/{package}"], f"{package}."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"moto", "flask", "werkzeug", "jinja2", "pytest"}))
"""


class Installed:
    """A virtual environment with the command, and a PATH and a home with nothing in them."""

    def __init__(self, folder, wheel):
        self.home, self.prefix = folder / "home", folder / "venv"
        self.home.mkdir()
        venv.create(self.prefix)
        (self.packages,) = (self.prefix / "lib").glob("python*/site-packages")
        for name in needed(REQUIREMENTS):
            self._link(importlib.metadata.distribution(name))
        options = ["--no-index", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
        pip = [sys.executable, "-m", "pip", "--python", self.prefix / "bin" / "python"]
        subprocess.run([*pip, "install", *options, wheel], check=True)  # and refuses what does not satisfy a range

    def _link(self, distribution):
        """In place of a download."""
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (self.packages / top).exists():
                (self.packages / top).symlink_to(distribution.locate_file(top))

    def execute(self, program, *arguments, environ=None):
        """Run one of its programs in the empty home."""
        return subprocess.run(
            [self.prefix / "bin" / program, *arguments],
            cwd=self.home,
            env={"PATH": str(self.home), "HOME": str(self.home), "LANG": "C.UTF-8"} | (environ or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def darkroom(self, *arguments, environ=None):
        return self.execute("darkroom", *arguments, environ=environ)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The source distribution of this checkout, and the wheel that pip builds from it."""
    folder = tmp_path_factory.mktemp("dist")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (source,) = folder.glob("*.tar.gz")
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--quiet", "--wheel-dir", folder, source],
        check=True,
        env=environ,
    )
    (wheel,) = folder.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def installed(archives, tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"), archives[1])


def test_the_wheel_has_what_the_command_needs_below_one_name_and_nothing_of_the_workshop(archives):
    with zipfile.ZipFile(archives[1]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()

    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"darkroom"}
    assert {name.split("/")[1] for name in names if name.startswith("darkroom/")} == {
        *("__init__.py", "api", "handlers", "ops", "processing"),
        *("recipe.toml", "requirements-base.txt", "requirements.txt", "serverless.yml"),
    }
    assert [
        name for name in names if re.search(r"tests?/|bench|moto|node|\.[cm]?js$|\.pyc$|/start/|emulator/", name)
    ] == []
    assert {"darkroom/ops/cli/doctor/portrait.heic", "darkroom/processing/imaging/fonts/DejaVuSans-Bold.ttf"} < set(
        names
    )
    assert f"\nVersion: {VERSION}\n" in metadata


def test_every_requirement_admits_the_version_that_is_tested():
    tested = {name: each.version for name, each in locked("development").items()}

    assert [each.name for each in REQUIREMENTS if tested[normalized(each.name)] not in each.specifier] == []
    assert {"moto", "flask", "jinja2", "pytest"}.isdisjoint(needed(REQUIREMENTS))


def test_what_decodes_is_pinned_as_in_the_package():
    direct = (ROOT / "requirements-base.txt").read_text() + (ROOT / "requirements.txt").read_text()
    packaged = {Requirement(line).name: line for line in direct.splitlines() if re.match(r"\w", line)}
    here = {each.name: f"{each.name}{each.specifier}" for each in REQUIREMENTS if each.name in packaged}

    assert here == packaged


def test_every_module_of_the_wheel_is_imported_without_the_local_stack(installed):
    run = installed.execute("python", "-c", IMPORT_ALL)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")


def test_the_version_and_the_help_need_nothing_else(installed):
    version, shown = installed.darkroom("--version"), installed.darkroom("--help")

    assert version.stdout.strip() == VERSION, version.stderr
    assert {"start", "local", "dlq", "status", "audit", "upload"} <= set(shown.stdout.split()), shown.stderr


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [
        (["start", "--out", "x", "photos"], "darkroom start"),
        (["local", "--port", "0"], "darkroom local"),
        (["status", "--stage", "local"], "the stage local"),
    ],
    ids=["start", "local", "the local stage"],
)
def test_what_needs_a_checkout_says_so_in_one_line(installed, arguments, subject):
    run = installed.darkroom(*arguments)

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"darkroom: {subject} needs a checkout of Darkroom with Node: run it there, as bin/darkroom\n"


def test_a_check_before_a_deployment_needs_a_checkout(installed, stack):
    run = installed.darkroom("doctor", "--before", "--stage", "local", environ=stack.environ())

    assert (run.returncode, run.stdout) == (2, "")
    assert "darkroom: doctor --before needs a checkout" in run.stderr


def test_an_estimate_without_a_stage_is_of_the_release(installed):
    run = installed.darkroom("estimate", "--images", "1000")

    assert run.returncode == 0, run.stderr
    assert f"serverless.yml of Darkroom {VERSION}" in run.stderr


@pytest.fixture
def photo(installed):
    """A new picture; and the recipe that is installed is not that of any stage."""
    (installed.packages / "darkroom" / "recipe.toml").write_text(ANOTHER_RECIPE)
    file = installed.home / f"{uuid.uuid4().hex}.jpg"
    file.write_bytes(jpeg())
    return file


def test_the_commands_operate_a_stage_from_an_empty_folder_by_the_recipe_that_it_was_deployed_with(
    installed, stack, photo
):
    folder, environ = uuid.uuid4().hex, stack.environ()
    key = f"images/{folder}/{photo.name}"

    def run(*arguments):
        made = installed.darkroom(*arguments, "--stage", "local", environ=environ)
        assert made.returncode == 0, (arguments, made.stdout, made.stderr)
        return made.stdout

    run("upload", str(photo), "--prefix", folder, "--wait")
    shown = json.loads(run("show", key, "--json"))
    audited = json.loads(run("audit", "--prefix", f"images/{folder}/", "--render", "1", "--json"))
    replayed = json.loads(run("replay", key, "--sandbox", "--json"))
    given = json.loads(run("status", "--parameters", "--json"))["given"]

    deployed = ["desktop", "phone", "tablet"]
    assert (shown["status"], sorted(each["name"] for each in shown["variants"])) == ("DONE", deployed)
    assert {each["now"] for each in shown["variants"]} == {"there"}
    assert sorted(each["name"] for each in replayed["variants"]) == deployed
    assert json.loads(run("status", "--json"))["mapping"]["state"] == "Enabled"
    assert "groups" in json.loads(run("dlq", "groups", "--json"))
    assert (audited["objects"], given["events"]) == (1, "true")
    assert key in run("logs", key)
