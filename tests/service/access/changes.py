"""A policy with one grant less, or with one more: each has to be noticed."""

import re
from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Any

from processing.ledger.erasures import FINISHED
from tests.service.access.rights import Statement, listed

Change = tuple[str, list[Statement]]


def with_less(statements: list[Statement]) -> Iterator[Change]:
    """Without one action on one resource or without one value of a condition, or with a narrower one."""
    for at, each in _allowed(statements):
        for action in listed(each["Action"]):
            for resource in listed(each["Resource"]):
                others = [other for other in listed(each["Action"]) if other != action]
                elsewhere = [other for other in listed(each["Resource"]) if other != resource]
                left = [{**each, "Action": others}, {**each, "Action": [action], "Resource": elsewhere}]
                yield f"without {action} on {resource}", [*statements[:at], *left, *statements[at + 1 :]]
        for resource in listed(each["Resource"]):
            for narrower in _narrower(resource):
                narrowed = [narrower if other == resource else other for other in listed(each["Resource"])]
                changed = [*statements[:at], {**each, "Resource": narrowed}, *statements[at + 1 :]]
                yield f"{each.get('Sid')}: on {narrower} alone", changed
        for operator, keys in each.get("Condition", {}).items():
            for key, values in keys.items():
                for value in listed(values) if operator != "Null" else ():
                    kept = [other for other in listed(values) if other != value]
                    yield f"without {value} of {key}", _with(statements, at, operator, key, kept)
                    for narrower in _narrower(value):
                        yield f"{key}: {narrower} alone", _with(statements, at, operator, key, [*kept, narrower])


def with_more(statements: list[Statement], actions: Collection[str]) -> Iterator[Change]:
    """With one action more, a wider resource, one value more of a condition, or without a condition."""
    for at, each in _allowed(statements):
        services = {action.split(":")[0] for action in listed(each["Action"])}
        for action in sorted({*actions, *(f"{service}:*" for service in services)} - {*listed(each["Action"])}):
            if action.split(":")[0] in services:
                yield f"{each.get('Sid')}: {action}", _with_statement(statements, at, "Action", [action])
        for resource in listed(each["Resource"]):
            if resource != "*" and not resource.endswith("*/*"):
                wider = re.sub(r"[^/:]*(/\*|:\*)?$", "*", resource)
                yield f"{each.get('Sid')}: on {wider}", _with_statement(statements, at, "Resource", [wider])
        yield from _less_strict(statements, at)
    for at, each in enumerate(statements):
        if each["Effect"] == "Deny":
            yield f"without the denial {each.get('Sid')}", [*statements[:at], *statements[at + 1 :]]


def _less_strict(statements: list[Statement], at: int) -> Iterator[Change]:
    each = statements[at]
    for operator, keys in each.get("Condition", {}).items():
        left = {name: value for name, value in each["Condition"].items() if name != operator}
        changed = [*statements[:at], {**each, "Condition": left}, *statements[at + 1 :]]
        yield f"{each.get('Sid')}: without {operator}", changed
        for key, values in keys.items() if operator != "Null" else ():
            for more in _wider(listed(values)) if operator.endswith("Like") else [FINISHED]:
                if more not in listed(values):
                    yield (
                        f"{each.get('Sid')}: {key} {more}",
                        _with(statements, at, operator, key, [*listed(values), more]),
                    )


def _narrower(pattern: str) -> list[str]:
    """Patterns that are one folder, one extension or one name of what a pattern is for."""
    if not pattern.endswith("/*"):
        return []
    return [f"{pattern[:-1]}{part}" for part in ("phone/*", "*.jpg", "cat.jpg")]


def _wider(patterns: list[str]) -> list[str]:
    """Patterns for all, and for what is beside that for which these are."""
    folders = [pattern.removesuffix("/*") for pattern in patterns if pattern.endswith("/*")]
    return ["*", *(f"{folder}*" for folder in folders), *(f"{folder.rpartition('/')[0]}/*" for folder in folders)]


def _allowed(statements: list[Statement]) -> Iterator[tuple[int, Statement]]:
    return ((at, each) for at, each in enumerate(statements) if each["Effect"] == "Allow")


def _with(statements: list[Statement], at: int, operator: str, key: str, values: list[Any]) -> list[Statement]:
    changed = deepcopy(statements)
    changed[at]["Condition"][operator][key] = values
    return changed


def _with_statement(statements: list[Statement], at: int, part: str, more: list[str]) -> list[Statement]:
    """With one more statement: as this one, of other actions or resources alone."""
    return [*statements, {**statements[at], part: more}]
