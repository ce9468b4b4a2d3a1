"""The page's modules are what browsers and Node take for modules, and those that need no page do what they say."""

import subprocess

import pytest

from tests.conftest import ROOT

MODULES = sorted((ROOT / "web" / "js").glob("*.js"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_can_be_read(module):
    checked = subprocess.run(
        ["node", "--check", "--input-type=module"], input=module.read_bytes(), capture_output=True, check=False
    )

    assert checked.returncode == 0, checked.stderr.decode()


def test_the_modules_do_what_they_say_without_a_page():
    tests = sorted((ROOT / "tests" / "web").glob("*.test.mjs"))
    command = ["node", "--test", "--no-warnings", "--test-reporter=tap", *map(str, tests)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout
