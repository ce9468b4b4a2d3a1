"""What is in the zip that Lambda gets, and what is not."""

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ops.build.bytecode import LAMBDA_VERSION, byte_code, find_python, main
from ops.build.entries import rewrite
from tests.service.packaged_service import LOGO, PROJECT, Package

AMD64, AARCH64 = 62, 183  # e_machine in an ELF header
OURS = ("api/", "handlers/", "processing/", "web/")


def top_levels(package: Package) -> set[str]:
    return {name.split("/")[0] for name in package.files}


def machines(package: Package) -> set[int]:
    """For which processors the shared libraries in the zip are."""
    with zipfile.ZipFile(package.zip_path) as archive:
        libraries = [name for name in archive.namelist() if ".so" in name.rsplit("/", 1)[-1]]
        return {struct.unpack_from("<H", archive.read(name), 18)[0] for name in libraries}


def test_the_zip_has_the_code_the_recipe_and_what_they_import_and_nothing_else(default: Package) -> None:
    assert top_levels(default) == {
        *("api", "handlers", "processing", "web", "recipe.toml", "logos"),
        *("PIL", "pillow.libs", "pillow-13.0.0.dist-info"),
        *("pi_heif", "pi_heif.libs", "pi_heif-1.4.0.dist-info", "_pi_heif.cpython-313-x86_64-linux-gnu.so"),
        *("cykooz_resizer", "cykooz_resizer-4.0.1.dist-info"),
        "requirements.txt",  # the plugin's own list of what it put in
        "bom.cdx.json",
    }


def test_every_file_of_the_code_is_in_the_zip(default: Package) -> None:
    written = {
        str(path.relative_to(PROJECT))
        for folder in OURS
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name for name in default.files if name.startswith(OURS) and "__pycache__" not in name} == written


def test_the_logos_that_a_recipe_may_name_are_in_the_zip(default: Package) -> None:
    assert [name for name in default.files if name.startswith("logos/")] == [LOGO]


def test_compiled_files_are_for_the_functions_python_or_there_are_none(default: Package) -> None:
    """What people have compiled for themselves stays out; byte code is added where that Python is at hand."""
    sources = {name for name in default.files if name.endswith(".py")}
    compiled = {name for name in default.files if name.endswith(".pyc")}

    modules = {name.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for name in compiled}
    assert modules == (sources if find_python(LAMBDA_VERSION) else set())


def test_every_file_may_be_read_by_everybody(default: Package) -> None:
    with zipfile.ZipFile(default.zip_path) as archive:
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}

    assert modes == {0o100644, 0o100755}


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def test_byte_code_is_used_although_nothing_can_be_written_and_is_the_same_each_time(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/mod.py": "NAMES = {'a', 'b', 'c'}\ndef where():\n    1 / 0\n",
        "recipe.toml": "x",
    }
    one, two = (zipped(tmp_path / name, files) for name in ("one.zip", "two.zip"))
    for package in (one, two):
        rewrite(package, byte_code(package, sys.executable))

    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert set(files) < set(archive.namelist())
        archive.extractall(tmp_path / "task")
    (tmp_path / "task/pkg/mod.py").write_text("NAMES = 'compiled anew'")
    asked = "import pkg.mod; print(sorted(pkg.mod.NAMES))"
    said = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path / "task", capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "['a', 'b', 'c']"


def test_without_the_functions_python_nothing_is_added_and_a_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = zipped(tmp_path / "one.zip", {"mod.py": "x" * 1000})

    main([str(package), "2.1"])

    with zipfile.ZipFile(package) as archive:
        (entry,) = archive.infolist()
    assert (entry.filename, entry.compress_type) == ("mod.py", zipfile.ZIP_DEFLATED)
    assert len(said := capsys.readouterr().err.splitlines()) == 1
    assert "no byte code" in said[0]
    assert "Install Python 2.1" in said[0]


def test_everybody_may_read_what_a_narrow_umask_left_to_its_owner(tmp_path: Path) -> None:
    """Lambda runs the function as another user than the one that owns its files."""
    package = tmp_path / "one.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for name, mode in {"module.py": 0o600, "library.so": 0o711, "program": 0o700}.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, b"")

    rewrite(package, {"added": b""})

    with zipfile.ZipFile(package) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {"module.py": 0o100644, "library.so": 0o100755, "program": 0o100755, "added": 0o100644}


DEFLATE = """
const plugin = require.resolve('serverless-python-requirements', { paths: [process.cwd()] });
const { writeZip } = require(require.resolve('./lib/zipTree', { paths: [require('path').dirname(plugin)] }));
const Zip = require('./ops/build/serverless-zip.cjs');
if (process.argv[1] === 'with ours') new Zip({ serviceDir: process.cwd() });
const JSZip = require(require.resolve('jszip', { paths: [plugin] }));
writeZip(new JSZip().file('library.so', 'x'.repeat(1000)), process.argv[2]);
"""


@pytest.mark.parametrize(("plugins", "kind"), [("with ours", zipfile.ZIP_STORED), ("alone", zipfile.ZIP_DEFLATED)])
def test_the_requirements_are_deflated_once_and_not_in_javascript(tmp_path: Path, plugins: str, kind: int) -> None:
    package = tmp_path / "one.zip"

    subprocess.run(["node", "-e", DEFLATE, plugins, str(package)], cwd=PROJECT, check=True)

    with zipfile.ZipFile(package) as archive:
        assert [entry.compress_type for entry in archive.infolist()] == [kind]


def test_every_file_of_the_package_is_deflated(default: Package) -> None:
    with zipfile.ZipFile(default.zip_path) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_the_version_of_python_that_is_looked_for_is_the_functions(default: Package) -> None:
    assert default.properties("ConsumerLambdaFunction")["Runtime"] == f"python{LAMBDA_VERSION}"


def python_of(folder: Path, version: str) -> Path:
    """A stand-in for an interpreter of this version."""
    folder.mkdir(parents=True)
    python = folder / f"python{version}"
    python.write_text(f"#!/bin/sh\necho {version} $0\n")
    python.chmod(0o755)
    return python


def test_a_python_that_only_pyenv_knows_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = python_of(tmp_path / "versions" / "2.1.7" / "bin", "2.1")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.delenv("LAMBDA_PYTHON", raising=False)

    assert find_python("2.1") == str(python)
    assert find_python("2.2") is None


def test_lambda_python_goes_before_the_path_and_the_path_before_pyenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_of(tmp_path / "versions" / "2.1.7" / "bin", "2.1")
    on_the_path, chosen = python_of(tmp_path / "path", "2.1"), python_of(tmp_path / "chosen", "2.1")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "path"), prepend=":")

    monkeypatch.setenv("LAMBDA_PYTHON", str(chosen))
    assert find_python("2.1") == str(chosen)
    monkeypatch.setenv("LAMBDA_PYTHON", sys.executable)  # of another version
    assert find_python("2.1") == str(on_the_path)


def test_boto3_is_left_to_lambdas_runtime(default: Package, changed: Package) -> None:
    for package in (default, changed):
        assert not top_levels(package) & {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"}


def test_each_architecture_gets_libraries_of_its_own_kind(default: Package, changed: Package) -> None:
    assert machines(default) == {AMD64}
    assert machines(changed) == {AARCH64}


def test_the_libraries_are_for_the_functions_python(default: Package, changed: Package) -> None:
    for package in (default, changed):
        tags = {name.split(".")[-2] for name in package.files if ".cpython-" in name and name.endswith(".so")}

        assert tags
        assert all(tag.startswith("cpython-313-") for tag in tags)


def test_arm64_goes_without_the_resizer_which_has_no_wheel_for_it(changed: Package) -> None:
    assert "PIL" in top_levels(changed)
    assert not [name for name in top_levels(changed) if name.startswith("cykooz_resizer")]


def test_the_package_is_small_enough_for_a_direct_upload_and_a_quick_start(default: Package) -> None:
    assert default.zip_path.stat().st_size < 12 * 2**20
    assert sum(default.files.values()) < 37 * 2**20


def test_the_template_has_nothing_for_cfn_lint_to_say(default: Package, changed: Package) -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    templates = [package.template_path for package in (default, changed)]
    lint = subprocess.run([cfn_lint, *templates], capture_output=True, text=True, check=False)

    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-base.txt"])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = [line.strip() for line in (PROJECT / name).read_text().splitlines()]
    requirements = [line for line in lines if line and not line.startswith(("#", "-r"))]

    assert requirements
    assert not [line for line in requirements if "==" not in line]
    assert not [line for line in requirements if ";" in line]  # pip would judge a marker by this machine
