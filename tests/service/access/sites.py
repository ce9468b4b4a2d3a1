"""Where the functions' code calls a client of boto3, found in its source: what `recorder` should see in the plays."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

from tests.service.access.recorder import CODE, ROOT

SERVICES = ("s3", "dynamodb", "sqs", "events")
CLIENTS = ("s3", "_s3", "sqs", "_sqs", "dynamodb", "_dynamodb", "events", "_events", "client", "_client")
"""The names under which the code keeps a client."""

SIGNED = {"generate_presigned_url": "GetObject", "generate_presigned_post": "CreateBucket"}
"""Without a request of its own: the operation that is signed; a presigned POST is made as if for CreateBucket."""

ANY = "*"
Site = tuple[str, str, str]  # module, function, operation


WITHOUT_CLIENTS = "processing/imaging"
"""Imports no library of AWS (tests/test_layout.py), and scans images."""


def sites() -> set[Site]:
    """Each operation that the code calls by name; `ANY` where it is named elsewhere."""
    return {site for path in _modules() for site in _sites(path)}


def _modules() -> list[Path]:
    paths = (path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in paths if not path.is_relative_to(ROOT / WITHOUT_CLIENTS)]


def _sites(path: Path) -> Iterator[Site]:
    module = path.relative_to(ROOT).as_posix()
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (operation := _operation(node)):
                    yield module, function.name, operation


def _operation(call: ast.Call) -> str:
    """The operation of a call of a client; empty for any other call."""
    match call.func:
        case ast.Name("getattr") if call.args and _name(call.args[0]) in CLIENTS:
            return ANY
        case ast.Attribute(receiver, "get_paginator") if _name(receiver) in CLIENTS:
            return ANY
        case ast.Attribute(receiver, method) if _name(receiver) in CLIENTS:
            return SIGNED.get(method) or operations().get(method, "")
    return ""


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def unknown_receivers() -> set[str]:
    """Calls of an operation's name on what is not known as a client, such as ``self._store.get_object``."""
    found = set()
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Attribute(receiver, method)) if method in operations() or method in SIGNED:
                    if _name(receiver) not in CLIENTS:
                        found.add(ast.unparse(node.func))
    return found


@cache
def operations() -> dict[str, str]:
    """Every operation of the services by the name of its method."""
    loader = botocore.session.get_session()
    models = [loader.get_service_model(service) for service in SERVICES]
    return {xform_name(name): name for model in models for name in model.operation_names}
