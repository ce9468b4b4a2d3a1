"""Whether policies allow a request: the part of IAM's language that the templates use.

What is not known here is refused aloud rather than guessed.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

KNOWN: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
EXACT: Final = {"StringEquals", "Bool"}
WITH_WILDCARDS: Final = {"StringLike", "ArnLike", "ArnEquals"}  # the last two are the same
OF_EACH_VALUE: Final = "ForAllValues:"


class UnreadablePolicyError(Exception):
    """A policy uses what is not known here."""


@dataclass(frozen=True)
class AccessRequest:
    """What somebody wants to do.

    Args:
        action: such as ``sqs:SendMessage``.
        resource: its ARN; empty for a trust policy, which names none.
        context: the condition keys that the request has, in lower case; a list for a key of several values.
        service: the service that asks; empty where a role asks, whose policies name no principal.
    """

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]]
    service: str = ""


def allows(policies: Iterable[str], request: AccessRequest) -> bool:
    """Whether a statement allows the request, and none denies it.

    Args:
        policies: as JSON.

    Raises:
        UnreadablePolicyError: a statement has an element or an operator that is not known here.
    """
    return allowed_by([each for policy in policies for each in _listed(json.loads(policy).get("Statement"))], request)


def allowed_by(statements: Iterable[Mapping[str, Any]], request: AccessRequest) -> bool:
    """As `allows`, of the statements of all policies."""
    return {statement["Effect"] for statement in statements if _concerns(statement, request)} == {"Allow"}


def _concerns(statement: Mapping[str, Any], request: AccessRequest) -> bool:
    if unknown := statement.keys() - KNOWN:
        raise UnreadablePolicyError(f"the emulator cannot read {', '.join(sorted(unknown))} in a policy")
    return (
        (not request.service or _names(statement.get("Principal"), request.service))
        and any(_matches(each.lower(), request.action.lower()) for each in _listed(statement.get("Action")))
        and (not request.resource or any(_matches(each, request.resource) for each in _listed(statement["Resource"])))
        and all(_holds(*each, request.context) for each in _conditions(statement.get("Condition", {})))
    )


def _names(principal: Any, service: str) -> bool:
    if principal == "*":
        return True
    principals = principal or {}
    return service in _listed(principals.get("Service")) or "*" in _listed(principals.get("AWS"))


def _conditions(block: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in block.items():
        for key, values in keys.items():
            yield operator, key.lower(), [str(value) for value in _listed(values)]


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str | Sequence[str]]) -> bool:
    if operator == "Null":
        return str(key not in context).lower() in [value.lower() for value in values]
    test = operator.removeprefix(OF_EACH_VALUE)
    if test not in EXACT | WITH_WILDCARDS:
        raise UnreadablePolicyError(f"the emulator cannot read the condition {operator} in a policy")
    found = context.get(key, ())
    given = [found] if isinstance(found, str) else found
    if test != operator:  # also where there is none: a request without the key passes
        return all(_is_one_of(test, each, values) for each in given)
    if len(given) > 1:
        raise UnreadablePolicyError(f"the emulator cannot read {operator} of several values in a policy")
    return any(_is_one_of(test, each, values) for each in given)


def _is_one_of(test: str, given: str, values: list[str]) -> bool:
    if test == "Bool":
        return given in [value.lower() for value in values]
    if test in EXACT:
        return given in values
    return any(_matches(value, given) for value in values)


def _matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: ``*`` for any characters, ``?`` for one."""
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(1000)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
