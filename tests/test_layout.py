"""The house rules that no linter knows: who may import what, and that nothing happens at import."""

import ast
import fnmatch
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ("processing", "api", "handlers", "ops")

PURE = {
    "concurrency",
    "errors",
    "events",
    "fingerprint",
    "geometry",
    "imaging",
    "links",
    "memory",
    "naming",
    "outcome",
    "picture",
    "recipe",
    "settings",
}
"""Parts of processing that know neither AWS nor the parts that do."""

LIBRARIES = {
    "processing.imaging": ("PIL", "cykooz_resizer", "pi_heif"),
    "processing.ledger": ("botocore.exceptions", "boto3.dynamodb.types"),
    "processing.storage.objects": ("botocore.exceptions",),
    "processing.storage.refusals": ("botocore.exceptions", "botocore.parsers"),
    "api.objects": ("botocore.exceptions",),
    "api.owners": ("boto3.dynamodb.types",),
    "handlers": ("boto3", "botocore", "urllib3"),
}
"""What a part may import besides the standard library; every other part of processing and handlers imports nothing."""

INWARDS = {
    "processing": ("processing",),
    "api": (
        "api",
        *(f"processing.{part}" for part in ("errors", "events", "ledger", "links", "naming", "recipe", "settings")),
        "processing.storage.refusals",
    ),
    "handlers": ("handlers", "api", "processing"),
}
"""Whom of the house each may import; ops may import anything."""

ACTIONS = {"open", "print", "getenv", "environ", "client", "resource", "Popen", "run", "read_text", "read_bytes"}
"""Names that a module has no use for while it is being imported: files, processes, clients, the environment."""


def modules(package: str) -> Iterator[tuple[str, str]]:
    """The name and the text of every module of a package."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path.read_text(encoding="utf-8")


def imports(text: str) -> set[str]:
    """Every module that a text names in an import, wherever it stands."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_below(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def import_faults(module: str, text: str) -> list[str]:
    """What a module of processing or handlers imports and must not."""
    house = module.split(".")[0]
    libraries = [library for part, each in LIBRARIES.items() if is_below(module, (part,)) for library in each]
    foreign = [name for name in imports(text) if name.split(".")[0] not in sys.stdlib_module_names]
    faults = [f"{module} imports {name}" for name in foreign if not is_below(name, (*INWARDS[house], *libraries))]
    if house == "processing" and is_below(module, tuple(f"processing.{part}" for part in PURE)):
        inside = [name for name in foreign if name.startswith("processing.")]
        faults += [f"{module} is pure and imports {name}" for name in inside if name.split(".")[1] not in PURE]
    return sorted(faults)


def room_faults(module: str, text: str) -> list[str]:
    """What a module of ops imports of another room: the command uses the local stack, never the other way round."""
    if not is_below(module, ("ops.local", "ops.build.check", "ops.build.rules", "ops.build.bytecode")):
        return []
    return [f"{module} imports {name}" for name in imports(text) if is_below(name, ("ops.cli",))]


def size_faults(module: str, text: str) -> list[str]:
    """A module of more than 250 lines, a function of more than 45."""
    lines = text.count("\n")
    faults = [f"{module} has {lines} lines"] if lines > 250 else []
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    sizes = [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions]
    return faults + [f"{module}.{name} has {size} lines" for name, size in sizes if size > 45]


def class_names(found: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    """The modules that define each public class."""
    names: dict[str, list[str]] = {}
    for module, text in found:
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, []).append(module)
    return names


def run_at_import(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node that is evaluated while a module is being imported: not what stands in functions."""
    waiting: list[ast.AST] = [node for node in nodes if not is_guarded(node)]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def is_guarded(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("__name__ == '__main__'", "TYPE_CHECKING")


def action_faults(module: str, text: str) -> list[str]:
    """What a module does while it is being imported."""
    body = ast.parse(text).body
    faults = [
        f"{module}:{node.lineno} {ast.unparse(node)}"
        for node in body
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ]
    for node in run_at_import(body):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            continue  # a field may be called as it likes
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in ACTIONS:
            faults.append(f"{module}:{node.lineno} {name}")
    return faults


def test_processing_and_handlers_import_only_what_their_place_allows():
    faults = [fault for house in INWARDS for module, text in modules(house) for fault in import_faults(module, text)]

    assert faults == []


def test_the_local_stack_and_packaging_know_nothing_of_the_command():
    assert room_faults("ops.local.stack", "from ops.cli.stage import Stage") == [
        "ops.local.stack imports ops.cli.stage.Stage"
    ]
    assert [fault for module, text in modules("ops") for fault in room_faults(module, text)] == []


def test_no_module_and_no_function_is_too_long():
    assert size_faults("m", "x = 1\n" * 251) == ["m has 251 lines"]
    assert size_faults("m", "def f():\n" + "    x = 1\n" * 45) == ["m.f has 46 lines"]
    assert [fault for house in HOUSE for module, text in modules(house) for fault in size_faults(module, text)] == []


def test_no_two_public_classes_have_one_name():
    assert class_names(iter([("a", "class C: ..."), ("b", "class C: ...")])) == {"C": ["a", "b"]}
    names = class_names(each for house in HOUSE for each in modules(house))
    assert {name: where for name, where in names.items() if len(where) > 1} == {}


@pytest.mark.parametrize("handler", ["consumer", "api", "announcer"])
def test_no_handler_loads_what_only_the_consumers_children_need(handler):
    loaded = f"import sys, handlers.{handler}; print(*(n for n in ('PIL', 'cykooz_resizer') if n in sys.modules))"
    said = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)

    assert said.stdout.split() == []


def test_nothing_happens_at_import():
    faults = [fault for house in HOUSE for module, text in modules(house) for fault in action_faults(module, text)]

    assert faults == []


def test_the_whole_house_was_looked_at():
    found = {module for house in HOUSE for module, _ in modules(house)}

    assert {"processing.worker", "processing.events", "handlers.consumer", "handlers.api", "ops.cli.main"} <= found
    assert {module.split(".")[1] for module in found if module.startswith("processing.")} >= PURE


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("processing.worker", "import boto3"),
        ("processing.worker", "from PIL import Image"),
        ("processing.worker", "import ops.cli.main"),
        ("processing.worker", "from handlers import consumer"),
        ("processing.worker", "def f():\n    import requests"),
        ("processing.storage.objects", "import boto3"),
        ("processing.storage.objects", "from botocore import session"),
        ("processing.ledger.dynamo", "from boto3 import client"),
        ("processing.events", "from botocore.exceptions import ClientError"),
        ("processing.events", "from processing.storage.objects import Store"),
        ("api.images", "from botocore.exceptions import ClientError"),
        ("api.routes", "import boto3"),
        ("processing.recipe.reading", "from processing import aws"),
        ("processing.imaging.steps", "from processing.ledger.dynamo import DynamoLedger"),
        ("handlers.consumer", "from ops import cli"),
        ("handlers.consumer", "from PIL import Image"),
    ],
)
def test_an_import_that_points_outwards_is_found(module, text):
    assert len(import_faults(module, text)) >= 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("processing.imaging.steps", "from PIL import Image, ImageOps"),
        ("processing.imaging", "from cykooz_resizer import Resizer"),
        ("api.objects", "from botocore.exceptions import ClientError"),
        ("processing.storage.objects", "from botocore.exceptions import ClientError"),
        ("processing.worker", "from processing.storage.objects import Store"),
        ("handlers.bootstrap", "import boto3\nfrom processing import worker"),
    ],
)
def test_an_import_that_points_inwards_is_not_held_against_a_module(module, text):
    assert import_faults(module, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nSTAGE = os.environ['STAGE']",
        "from os import getenv\nSTAGE = getenv('STAGE')",
        "import boto3\nS3 = boto3.client('s3')",
        "import logging\nlogging.basicConfig()",
        "class Settings:\n    stage = __import__('os').environ",
        "def f(text=open('recipe.toml').read()): ...",
        "from pathlib import Path\nRECIPE = Path('recipe.toml').read_text()",
        "if True:\n    print('loaded')",
    ],
)
def test_an_action_at_import_is_found(text):
    assert len(action_faults("module", text)) >= 1


@pytest.mark.parametrize(
    "text",
    [
        '"""Docstring."""\nimport os\ndef f():\n    return os.environ["STAGE"]',
        "import boto3\nmake = lambda: boto3.client('s3')",
        "if __name__ == '__main__':\n    print('run')",
    ],
)
def test_what_happens_later_is_not_held_against_a_module(text):
    assert action_faults("module", text) == []


def test_no_folder_of_tests_is_passed_over(pytestconfig):
    patterns = pytestconfig.getini("norecursedirs")
    folders = {part for path in (ROOT / "tests").rglob("test_*.py") for part in path.relative_to(ROOT).parts[:-1]}

    assert [folder for folder in folders if any(fnmatch.fnmatch(folder, pattern) for pattern in patterns)] == []
