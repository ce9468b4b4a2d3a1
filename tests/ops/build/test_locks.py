"""Everything that is installed or packaged is pinned with the hashes of its files, and nothing else is installed."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement

from ops.build.locks import FOLDER, PACKAGE, ROOT, SOURCES, for_this_python, locked, normalized, outdated, path_of, pins
from ops.errors import StackError
from ops.local.packages import pip_install
from tests.ops.build.needs import applies, needed

LISTS = {ROOT / source for source in SOURCES.values()} | {
    *(ROOT / name for name in ("requirements-base.txt", "bench/engine/requirements.txt")),  # other lists name these
}
LIST = "requirements*.txt"
FOLDERS = ("ops", "tests", "bench", "resources")
NODE_LOCKS = ("package-lock.json", "bench/engine/package-lock.json")


def direct(path):
    """The requirements of a list and of those that it names, parsed."""
    for line in path.read_text().splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement.startswith("-r "):
            yield from direct(path.parent / requirement.removeprefix("-r "))
        elif requirement:
            yield Requirement(requirement)


def test_every_list_has_a_lock_and_no_lock_is_left_over():
    found = {*ROOT.glob(LIST), *(path for folder in FOLDERS for path in (ROOT / folder).rglob(LIST))}

    assert found == LISTS
    assert {path.stem for path in (ROOT / FOLDER).glob("*.txt")} == set(SOURCES)


def test_no_list_was_changed_after_it_was_locked():
    assert outdated() == []


@pytest.mark.parametrize("lock", SOURCES)
def test_a_lock_has_what_its_list_names_in_that_version_and_a_hash_of_each(lock):
    found, text = pins(lock), path_of(lock).read_text()
    wanted = {(normalized(each.name), str(each.specifier).removeprefix("==")) for each in direct(ROOT / SOURCES[lock])}

    assert wanted <= {(each.name, each.version) for each in found}
    assert all(each.hashes for each in found)
    assert len(found) == len(re.findall(r"^\w", text, re.MULTILINE))  # nothing that we cannot read, and pip might
    assert text.count("--hash=sha256:") == sum(len(each.hashes) for each in found)


@pytest.mark.parametrize("lock", SOURCES)
def test_a_lock_names_no_index_and_no_address(lock):
    assert not re.search(
        r"://|--?(extra-)?index|--?find-links|--?trusted-host| @ |^-", path_of(lock).read_text(), re.MULTILINE
    )


def test_the_development_lock_is_what_the_lists_need_here_and_it_is_installed():
    here = {
        each.name: each.version for each in locked("development").values() if applies(Requirement(requirement(each)))
    }

    assert needed(direct(ROOT / "requirements-dev.txt")) == here


def requirement(pinned):
    return pinned.line.partition(" --hash")[0]


@pytest.mark.parametrize("lock", [lock for lock in SOURCES if lock.startswith(("package-", "worker-"))])
def test_a_lock_for_lambda_is_all_that_its_list_needs_one_wheel_of_each_that_development_has_too(lock):
    package, known = locked(lock), locked("development")

    assert needed(direct(ROOT / SOURCES[lock])) == {each.name: each.version for each in package.values()}
    assert {len(each.hashes) for each in package.values()} == {1}
    assert all(set(each.hashes) < set(known[name].hashes) for name, each in package.items())


def test_the_architectures_have_wheels_of_their_own():
    amd64, arm64 = (locked(f"package-{architecture}") for architecture in PACKAGE)

    assert not [name for name in arm64 if arm64[name].hashes == amd64[name].hashes]


def test_lines_of_the_package_get_the_hashes_of_every_platform_where_development_has_the_same_version():
    (other,) = for_this_python(["pillow==1.0 --hash=sha256:" + "0" * 64])
    (same,) = for_this_python([locked("package-arm64")["pillow"].line])

    assert other == "pillow==1.0 --hash=sha256:" + "0" * 64
    assert same == locked("development")["pillow"].line


def test_a_changed_list_makes_its_locks_outdated_and_a_comment_does_not(tmp_path):
    for path in [*LISTS, *(path_of(lock) for lock in SOURCES)]:
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    base = tmp_path / "requirements-base.txt"

    base.write_text(f"# another comment\n{base.read_text()}")
    assert outdated(root=tmp_path) == []
    base.write_text(f"{base.read_text()}boto3==1.44.5\n")
    assert outdated(root=tmp_path) == [
        "development",
        *(f"{kind}-{architecture}" for kind in ("package", "worker") for architecture in PACKAGE),
    ]


@pytest.mark.parametrize("name", NODE_LOCKS)
def test_every_node_package_has_a_hash_and_no_address(name):
    packages = json.loads((ROOT / name).read_text())["packages"]
    own = packages.pop("")

    assert own["name"]
    assert [path for path, each in packages.items() if not each.get("integrity", "").startswith("sha512-")] == []
    assert [path for path, each in packages.items() if "resolved" in each] == []


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel in the only place where pip looks."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "tried-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tried.py", "")
        archive.writestr("tried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tried\nVersion: 1.0\n")
        archive.writestr("tried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tried-1.0.dist-info/RECORD", "")
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(folder)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return path


def test_a_file_with_the_locked_hash_is_installed(wheel, tmp_path):
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    pip_install([f"tried==1.0 --hash=sha256:{digest}"], "--target", str(tmp_path / "here"), python=sys.executable)

    assert (tmp_path / "here" / "tried.py").exists()


@pytest.mark.parametrize(
    ("hashes", "said"),
    [
        (
            "".join(f" --hash=sha256:{number:064}" for number in range(100)),
            r"DO NOT MATCH THE HASHES[^\n]*\n *tried==1\.0",
        ),
        ("", "Hashes are required"),
    ],
    ids=["other hashes", "no hash"],
)
@pytest.mark.usefixtures("wheel")
def test_a_file_with_another_hash_or_none_is_refused(tmp_path, hashes, said):
    with pytest.raises(StackError, match=said):
        pip_install([f"tried==1.0{hashes}"], "--target", str(tmp_path / "here"), python=sys.executable)

    assert not (tmp_path / "here").exists()


def test_packaging_refuses_a_list_that_was_changed_and_not_locked(tmp_path):
    for name in ("ops", "processing"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "requirements-base.txt", "recipe.toml"):
        shutil.copy(ROOT / name, tmp_path)
    with (tmp_path / "requirements-base.txt").open("a") as base:
        base.write("boto3==1.44.5\n")

    checked = subprocess.run(
        [sys.executable, "-m", "ops.build.check"],
        cwd=tmp_path,
        input='{"stage": "prod", "region": "eu-west-1", "parameters": {}, "incomplete": []}',
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 2
    assert "- requirements.txt: has changed since it was locked; run npm run lock" in checked.stderr.splitlines()
    assert "- requirements-base.txt: has changed since it was locked; run npm run lock" in checked.stderr.splitlines()
