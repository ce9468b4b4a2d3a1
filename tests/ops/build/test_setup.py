"""ops/build/setup.mjs on a project of its own, with a python and an npm that only write down how they were called."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ops.local.conftest import is_running, wait_until

ROOT = Path(__file__).parents[3]
CHECKS = ("ruff check", "ruff format", "mypy", "tsc")
FAKE_TOOL = Path(__file__).with_name("fake_tool.py")
LOCK = "ops/build/locks/development.txt"
NODE = shutil.which("node")
BASH = shutil.which("bash") or "bash"


class Clone:
    """A fresh clone, and a PATH on which stands nothing but what a test puts there."""

    def __init__(self, folder):
        self.root = folder / "clone"
        self.bin = folder / "bin"
        self.log = folder / "calls"
        self.environ = {"PATH": str(self.bin), "FAKE_LOG": str(self.log), "HOME": str(folder)}
        (self.root / "ops" / "build").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "ops" / "build" / "setup.mjs", self.root / "ops" / "build")
        (self.root / LOCK).parent.mkdir()
        (self.root / LOCK).write_text(LOCK)
        self.locks("1")

    def locks(self, integrity):
        """Lock the Node packages: what is installed everywhere, and what is for another machine."""
        packages = {
            "": {"name": "darkroom"},
            "node_modules/serverless": {"integrity": integrity},
            "node_modules/elsewhere": {"integrity": integrity, "optional": True},
        }
        (self.root / "package-lock.json").write_text(json.dumps({"packages": packages}))

    def has(self, *tools):
        for tool in tools:
            path = self.bin / tool
            path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(FAKE_TOOL))} "$0" "$@"\n')
            path.chmod(0o755)
        return self

    def start(self, *arguments, **environ):
        command = [NODE, str(self.root / "ops" / "build" / "setup.mjs"), *arguments]
        environ = self.environ | environ
        return subprocess.Popen(
            command, cwd=self.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments, **environ):
        process = self.start(*arguments, **environ)
        out, err = process.communicate(timeout=30)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def calls(self):
        """What was called since the last time."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def titles(self):
        return [call["title"] for call in self.calls()]


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


@pytest.fixture
def ready(clone):
    """A clone that was set up before."""
    clone.has("python3", "npm")
    assert clone.run("start").returncode == 0
    clone.calls()
    return clone


def without_npm(titles):
    """In their order: npm runs beside pip, and may be done or not when pip is ended."""
    return [title for title in titles if title != "npm"]


def only_line(result):
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_fresh_clone_is_set_up_and_then_runs_the_command(clone):
    result = clone.has("python3", "npm").run("start", "photos", "--out", "here")

    venv, *installed, ops = clone.calls()
    npm, pip = sorted(installed, key=lambda call: call["title"])
    assert result.returncode == 0
    assert venv["arguments"][:2] == ["-m", "venv"]
    assert pip["arguments"][-3:] == ["--require-hashes", "-r", str(clone.root / LOCK)]
    assert npm["arguments"][0] == "ci"
    assert ops["arguments"] == ["-P", "-m", "ops", "start", "photos", "--out", "here"]


def test_a_second_run_skips_the_whole_set_up(ready):
    result = ready.run("start")

    assert ready.titles() == ["ops"]
    assert result.stderr == ""


def test_the_command_runs_where_the_caller_stands(ready, tmp_path):
    ready.run("start", INIT_CWD=str(tmp_path))

    (ops,) = ready.calls()
    assert ops["cwd"] == str(tmp_path)
    assert ops["path"] == str(ready.root)


def test_the_command_runs_by_a_link_from_another_folder_without_a_word_of_npm(ready, tmp_path):
    (ready.root / "bin").mkdir()
    shutil.copy(ROOT / "bin" / "darkroom", ready.root / "bin")
    link, path = tmp_path / "darkroom", f"{Path(NODE or '').parent}:{ready.environ['PATH']}:/bin:/usr/bin"
    link.symlink_to(ready.root / "bin" / "darkroom")
    environ = ready.environ | {"PATH": path, "INIT_CWD": "/"}

    done = subprocess.run([link, "dlq", "a b"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)

    (call,) = ready.calls()
    assert (call["cwd"], done.stdout) == (str(tmp_path), "")
    assert call["arguments"][-2:] == ["dlq", "a b"]


def test_byte_code_is_kept_whatever_the_shell_says(ready):
    """Or the emulator compiles half of moto each time it starts."""
    ready.run("start", PYTHONDONTWRITEBYTECODE="1")

    (ops,) = ready.calls()
    assert ops["keeps_byte_code"]


def test_the_command_stands_in_the_venv_under_its_own_name(ready, tmp_path):
    command = ready.root / ".venv" / "bin" / "darkroom"

    subprocess.run([command, "dlq", "a b"], cwd=tmp_path, env=ready.environ | {"PATH": "/bin:/usr/bin"}, check=True)

    (call,) = ready.calls()
    assert call["arguments"] == ["-P", "-m", "ops", "dlq", "a b"]


OF_OTHERS = {
    "CONDA_PREFIX": "/opt/conda",
    "NODE_ENV": "production",
    "NODE_OPTIONS": "--throw-deprecation",
    "NPM_CONFIG_PREFIX": "/opt/npm",
    "PIP_CONSTRAINT": "/etc/constraints.txt",
    "PIP_NO_DEPS": "1",
    "PIP_PREFIX": "/opt/pip",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/opt/pip",
    "PIP_USER": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": "/opt/ros/lib/python3.10/site-packages",
    "PYTHONSTARTUP": "/etc/startup.py",
    "PYTHONWARNINGS": "ignore",
    "VIRTUAL_ENV": "/opt/other",
    "npm_config_omit": "dev",
    "npm_config_production": "true",
}
OF_MIRRORS = {
    "HTTPS_PROXY": "http://proxy.example:3128",
    "NODE_EXTRA_CA_CERTS": "/dev/null",
    "NO_PROXY": "localhost",
    "PIP_CERT": "/etc/ca.pem",
    "PIP_INDEX_URL": "https://pypi.example/simple",
    "npm_config_cache": "/var/cache/npm",
    "npm_config_registry": "https://npm.example",
}
OVER_FILES = {"PIP_NO_DEPS": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}


def test_what_the_shell_says_of_other_projects_reaches_no_tool(clone):
    clone.has("python3", "npm").run("start", **OF_OTHERS, **OF_MIRRORS)

    seen = {call["title"]: call["environ"] for call in clone.calls()}
    assert list(seen) == ["venv", "pip", "npm", "ops"]
    for title, environ in seen.items():
        own = OVER_FILES if title == "pip" else {"PYTHONPATH": str(clone.root)} if title == "ops" else {}
        assert {name: environ[name] for name in OF_OTHERS if name in environ} == own
        assert {name: environ[name] for name in OF_MIRRORS} == OF_MIRRORS


def test_npm_is_told_to_install_what_is_for_development(clone):
    clone.has("python3", "npm").run("start")

    (npm,) = (call for call in clone.calls() if call["title"] == "npm")
    assert {"--include=dev", "--bin-links"} <= set(npm["arguments"])


def test_the_shells_python_settings_do_not_reach_the_command_in_the_venv(ready, tmp_path):
    command = ready.root / ".venv" / "bin" / "darkroom"
    environ = ready.environ | {"PATH": "/bin:/usr/bin", "PYTHONPATH": "/mine", "PYTHONWARNINGS": "error"}

    subprocess.run([command, "status"], cwd=tmp_path, env=environ, check=True)

    (call,) = ready.calls()
    assert call["path"] == str(ready.root)
    assert "PYTHONWARNINGS" not in call["environ"]


def test_aws_settings_reach_the_command(ready):
    ready.run("status", AWS_PROFILE="work")

    assert ready.calls()[0]["environ"]["AWS_PROFILE"] == "work"


@pytest.mark.parametrize(("tool", "missing"), [("pip", "boto3"), ("npm", "node_modules/.bin/serverless")])
def test_no_stamp_says_so_when_a_tool_installed_elsewhere(clone, tool, missing):
    result = clone.has("python3", "npm").run("start", FAKE_ELSEWHERE=tool)

    assert result.returncode == 2
    assert f"{tool} succeeded, but" in result.stderr
    assert missing in result.stderr
    assert "ops" not in clone.titles()
    clone.run("start")
    assert tool in clone.titles()


def test_node_modules_that_somebody_pruned_are_installed_again(ready):
    (ready.root / "node_modules" / ".bin" / "serverless").unlink()

    ready.run("start")

    assert ready.titles() == ["npm", "ops"]


def test_of_two_set_ups_in_one_clone_the_second_waits_and_finds_all_done(clone):
    first = clone.has("python3", "npm").start("start", FAKE_HANGS="pip")
    while not (clone.log.exists() and '"title": "pip"' in clone.log.read_text()):
        assert first.poll() is None
        time.sleep(0.02)
    second = clone.start("start")
    assert "another set-up is at work" in second.stderr.readline()
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=20)
    second.communicate(timeout=20)

    assert (first.returncode, second.returncode) == (130, 0)
    assert without_npm(clone.titles()) == ["venv", "pip", "clean-up", "venv", "pip", "ops"]
    assert not (clone.root / ".cache" / "setup.lock").exists()


def test_the_lock_of_a_set_up_that_was_killed_holds_nobody_up(clone):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (clone.root / ".cache").mkdir()
    (clone.root / ".cache" / "setup.lock").write_text(str(gone.pid))

    assert clone.has("python3", "npm").run("start").returncode == 0


def test_the_commands_exit_code_is_passed_on(ready):
    assert ready.run("start", FAKE_FAILS="ops", FAKE_EXIT="1").returncode == 1


def test_a_changed_lock_of_pythons_is_installed_and_nothing_else(ready):
    (ready.root / LOCK).write_text("changed")

    ready.run("start")

    assert ready.titles() == ["pip", "ops"]


def test_a_changed_lock_of_nodes_is_installed_and_nothing_else(ready):
    ready.locks("2")

    ready.run("start")

    assert ready.titles() == ["npm", "ops"]


def test_what_a_person_has_installed_by_npm_is_not_installed_again(clone):
    clone.has("python3", "npm")
    subprocess.run([clone.bin / "npm", "ci"], cwd=clone.root, env=clone.environ, check=True)
    clone.calls()

    clone.run("start")

    assert "npm" not in clone.titles()


def test_missing_node_modules_are_installed_again(ready):
    shutil.rmtree(ready.root / "node_modules")

    ready.run("start")

    assert ready.titles() == ["npm", "ops"]


def test_a_venv_whose_python_is_gone_is_made_again(ready):
    (ready.root / ".venv" / "bin" / "python").unlink()

    ready.run("start")

    assert ready.titles() == ["venv", "pip", "ops"]


def test_a_venv_made_by_hand_is_used(clone):
    clone.has("python3", "npm")
    (clone.root / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(clone.bin / "python3", clone.root / ".venv" / "bin" / "python")

    clone.run("start")

    assert without_npm(clone.titles()) == ["pip", "ops"]


@pytest.mark.skipif(not Path("/proc/sys").is_dir(), reason="there is no folder that even root cannot write to")
def test_a_home_that_cannot_be_written_to_is_named_before_anything_is_installed(clone):
    result = clone.has("python3", "npm").run("start", HOME="/proc/sys")

    assert result.returncode == 2
    assert "the home folder /proc/sys cannot be written to" in only_line(result)
    assert clone.calls() == []


def test_a_set_up_that_failed_half_way_is_begun_again(clone):
    clone.has("python3", "npm").run("start", FAKE_FAILS="pip")
    clone.calls()

    clone.run("start")

    assert without_npm(clone.titles()) == ["venv", "pip", "ops"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_set_up_says_so_and_is_begun_again(clone, number):
    process = clone.has("python3", "npm").start("start", FAKE_HANGS="pip")
    while not (clone.log.exists() and '"title": "pip"' in clone.log.read_text()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    ended = without_npm(clone.titles())[-1]

    clone.run("start")

    assert process.returncode == 130
    assert ended == "clean-up"
    assert "interrupted" in err.splitlines()[-1]
    assert without_npm(clone.titles()) == ["venv", "pip", "ops"]


@pytest.mark.parametrize(("hangs", "fails"), [("pip", "npm"), ("npm", "pip")])
def test_pip_and_npm_run_side_by_side_and_end_with_the_first_that_fails(clone, hangs, fails):
    """Neither has ended when the other begins."""
    result = clone.has("python3", "npm").run("start", FAKE_HANGS=hangs, FAKE_FAILS=fails, FAKE_AFTER=hangs)

    assert result.returncode == 2
    assert f"{fails} says 20" in result.stderr.splitlines()[-1]
    assert f"{hangs} says" not in result.stderr
    assert clone.titles()[-1] == "clean-up"


def test_npm_s_end_is_the_command_s_end(tmp_path):
    """npm passes a signal to its shell alone: what the shell runs must be in its place."""
    shutil.copy(ROOT / "package.json", tmp_path)
    (tmp_path / "ops" / "build").mkdir(parents=True)
    waiting = "console.log(process.pid); setInterval(() => {}, 1000);"
    (tmp_path / "ops" / "build" / "setup.mjs").write_text(waiting)
    npm = subprocess.Popen(["npm", "run", "--silent", "local"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    with npm:
        assert npm.stdout is not None
        child = int(npm.stdout.readline())
        npm.terminate()

    try:
        wait_until(lambda: not is_running(child))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_the_child_ends_first(ready, number):
    process = ready.start("start", FAKE_HANGS="ops")
    assert process.stdout.readline() == "ops hangs\n"
    process.send_signal(number)
    process.communicate(timeout=20)

    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)


def test_an_old_node_is_told_what_to_install(clone, tmp_path):
    preload = tmp_path / "old.cjs"
    preload.write_text("Object.defineProperty(process.versions, 'node', {value: '20.18.1'});")

    result = clone.has("python3", "npm").run("start", NODE_OPTIONS=f"--require {preload}")

    assert result.returncode == 2
    assert only_line(result).startswith("darkroom: Node 20.18.1 is too old: install Node 20.19 or later")
    assert clone.calls() == []


def test_without_python_the_line_says_what_to_install(clone):
    result = clone.has("npm").run("start")

    assert result.returncode == 2
    assert "no Python was found" in only_line(result)
    assert "install Python 3.11 or later" in only_line(result)


def test_an_old_python_is_named_with_its_version(clone):
    result = clone.has("python3", "npm").run("start", FAKE_VERSION_python3="3.10.14")

    assert result.returncode == 2
    assert "python3 is 3.10.14" in only_line(result)
    assert "install Python 3.11 or later" in only_line(result)


def test_the_newest_supported_python_is_taken(clone):
    clone.has("python3", "python3.11", "python3.13", "npm").run("start")

    assert clone.calls()[0]["tool"] == "python3.13"


def test_the_variable_python_is_the_only_one_looked_at(clone):
    result = clone.has("python3", "mine", "npm").run("start", PYTHON="mine", FAKE_VERSION_mine="3.9.1")

    assert result.returncode == 2
    assert "mine is 3.9.1" in only_line(result)


@pytest.mark.parametrize(("version", "called"), [("3.12.9", ["ops"]), ("3.13.1", ["venv", "pip", "ops"])])
def test_a_venv_of_another_version_than_the_variable_python_is_made_again(ready, version, called):
    ready.has("mine").run("start", PYTHON="mine", FAKE_VERSION_mine=version)

    assert ready.titles() == called


def test_without_the_venv_module_the_line_names_the_package(clone):
    result = clone.has("python3", "npm").run("start", FAKE_NO_VENV="1", FAKE_VERSION_python3="3.11.2")

    assert result.returncode == 2
    assert "sudo apt install python3.11-venv" in only_line(result)
    assert not (clone.root / ".venv").exists()


@pytest.mark.parametrize("tool", ["venv", "pip", "npm"])
def test_a_tool_that_fails_is_quoted_with_its_last_lines(clone, tool):
    result = clone.has("python3", "npm").run("start", FAKE_FAILS=tool)

    assert result.returncode == 2
    assert f"failed (3); fix this and run it again:\n{tool} says 15\n" in result.stderr
    assert result.stderr.endswith(f"{tool} says 20\n")
    assert "ops" not in clone.titles()


def test_without_npm_the_line_says_so(clone):
    result = clone.has("python3").run("start")

    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "darkroom: npm cannot be run (ENOENT): install it and try again."


def test_all_checks_run_beside_the_tests(ready):
    result = ready.run("test", "tests/recipe", "-k", "x")

    calls = ready.calls()
    assert result.returncode == 0
    assert sorted(call["title"] for call in calls) == ["mypy", "pytest", "ruff", "ruff", "tsc"]
    assert {f"darkroom: {title} passed" for title in CHECKS} < set(result.stderr.splitlines())
    (tests,) = (call for call in calls if call["title"] == "pytest")
    assert tests["arguments"] == [
        "-m",
        "pytest",
        "-n",
        "4",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "tests/recipe",
        "-k",
        "x",
    ]
    assert {call["cwd"] for call in calls} == {str(ready.root)}


def test_a_check_that_fails_stops_no_other_and_fails_the_run(ready):
    result = ready.run("test", FAKE_FAILS="ruff")

    assert result.returncode == 1
    assert sorted(ready.titles()) == ["mypy", "pytest", "ruff", "ruff", "tsc"]
    assert result.stderr.count("ruff says 20") == 2
    assert result.stderr.splitlines()[-1] == "darkroom: failed: ruff check, ruff format"


def test_failing_tests_fail_the_run(ready):
    assert ready.run("test", FAKE_FAILS="pytest", FAKE_EXIT="5").returncode == 5


def test_a_file_with_another_hash_is_named_however_many_would_have_been_right(clone):
    said = [
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES",
        "    regex==1.0 from somewhere:",
        "        Expected sha256 0",
    ]
    said += [*(f"        Expected     or {number:064}" for number in range(200)), "             Got        f"]

    result = clone.has("python3", "npm").run("start", FAKE_FAILS="pip", FAKE_SAYS="\n".join(said))

    assert result.returncode == 2
    assert result.stderr.splitlines()[-4:] == [*said[:3], said[-1]]


MODULES = {"lock": "locks", "advisories": "advisories", "checkov": "checkov", "docs": "site", "release": "release"}


@pytest.mark.parametrize(("command", "module"), MODULES.items(), ids=MODULES)
def test_a_command_of_the_workshop_runs_in_the_project(ready, command, module):
    result = ready.run(command, "--help", FAKE_FAILS=f"ops.build.{module}")

    (called,) = ready.calls()
    assert called["arguments"] == ["-m", f"ops.build.{module}", "--help"]
    assert called["cwd"] == str(ready.root)
    assert result.returncode == 3


@pytest.mark.parametrize("fails", ["", "mypy", "tsc"])
def test_lint_runs_the_checks_without_the_tests(ready, fails):
    result = ready.run("lint", FAKE_FAILS=fails)

    assert result.returncode == (1 if fails else 0)
    assert sorted(ready.titles()) == ["mypy", "ruff", "ruff", "tsc"]
    assert f"{fails} says 20" in result.stderr or not fails


def test_ci_says_what_to_install_where_there_is_no_npm(tmp_path):
    (tmp_path / "dirname").symlink_to(shutil.which("dirname"))

    result = subprocess.run([BASH, ROOT / ".ci" / "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)

    assert result.returncode == 2
    assert "install Node 20.19 or later" in only_line(result)


def test_everything_in_the_workshop_is_pinned():
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    packages = [line.split("#")[0].strip() for line in lines if line and not line.startswith(("#", "-r"))]

    loose = [package for package in packages if not re.fullmatch(r"[\w.\[\]-]+==[\w.]+( ; .+)?", package)]

    assert loose == []
    assert "-r requirements-base.txt" in lines


def test_the_workshop_has_the_resizer_that_lambda_has():
    pin = re.compile(r"^cykooz-resizer==\S+", re.MULTILINE)

    found = {pin.findall((ROOT / name).read_text())[0] for name in ("requirements.txt", "requirements-dev.txt")}

    assert len(found) == 1
