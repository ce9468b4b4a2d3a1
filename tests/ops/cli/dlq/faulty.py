"""A bug for the transcript: one line in one step, in the deployed function and in a copy of this checkout."""

import io
import shutil
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
STEPS = "processing/imaging/steps.py"
COPIED = ("api", "handlers", "ops", "processing", "resources", "package.json", "recipe.toml", "serverless.yml")
LISTS = "requirements*.txt"
BEFORE = "def turn_upright(image: Image.Image, job: Job) -> Image.Image:\n"
BUG = "    _tiles = 100 // (10 * image.height // image.width)\n"  # of what is more than ten times as wide as high: 0
CODE_VERSION = "bad0c0de0001"


class FaultyFunction:
    """The consumer, with the bug while the block runs."""

    def __init__(self, client, name):
        self.code_version = CODE_VERSION
        self._client, self._name = client, name
        self._package = self._download()
        self._variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self.fixed_version = self._variables["CODE_VERSION"]

    def __enter__(self):
        self._deploy(_with_bug(self._package), self.code_version)
        return self

    def __exit__(self, *_error):
        self._deploy(self._package, self.fixed_version)

    def _deploy(self, package, code_version):
        self._client.update_function_code(FunctionName=self._name, ZipFile=package)
        variables = self._variables | {"CODE_VERSION": code_version}
        self._client.update_function_configuration(FunctionName=self._name, Environment={"Variables": variables})

    def _download(self):
        location = self._client.get_function(FunctionName=self._name)["Code"]["Location"]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(location) as answer:
            return answer.read()


def faulty_checkout(folder):
    """A copy of what the command needs of this checkout, with the bug."""
    for name in (*COPIED, *(file.name for file in ROOT.glob(LISTS))):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    steps = folder / STEPS
    steps.write_text(_faulty(steps.read_text(encoding="utf-8")), encoding="utf-8")


def _faulty(text):
    assert BEFORE in text, f"{STEPS} has no such step"
    return text.replace(BEFORE, BEFORE + BUG)


def _with_bug(package):
    """The package with another step, and without the byte code of the right one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name == STEPS:
                new.writestr(name, _faulty(old.read(name).decode()))
            elif not (name.startswith("processing/imaging/__pycache__/steps.") and name.endswith(".pyc")):
                new.writestr(name, old.read(name))
    return out.getvalue()
