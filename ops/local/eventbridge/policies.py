"""Whether policies allow a request: the part of IAM's language that receivers of events use.

What is not known here is refused aloud rather than guessed.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

KNOWN: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
EXACT: Final = {"StringEquals", "Bool"}
WITH_WILDCARDS: Final = {"StringLike", "ArnLike", "ArnEquals"}  # the last two are the same


class UnreadablePolicyError(Exception):
    """A policy uses what is not known here."""


@dataclass(frozen=True)
class AccessRequest:
    """What somebody wants to do.

    Args:
        action: such as ``sqs:SendMessage``.
        resource: its ARN; empty for a trust policy, which names none.
        context: the condition keys that the request has, in lower case.
        service: the service that asks; empty where a role asks, whose policies name no principal.
    """

    action: str
    resource: str
    context: Mapping[str, str]
    service: str = ""


def allows(policies: Iterable[str], request: AccessRequest) -> bool:
    """Whether a statement allows the request, and none denies it.

    Args:
        policies: as JSON.

    Raises:
        UnreadablePolicyError: a statement has an element or an operator that is not known here.
    """
    statements = [each for policy in policies for each in _listed(json.loads(policy).get("Statement"))]
    effects = {statement["Effect"] for statement in statements if _concerns(statement, request)}
    return effects == {"Allow"}


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


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    if operator not in EXACT | WITH_WILDCARDS:
        raise UnreadablePolicyError(f"the emulator cannot read the condition {operator} in a policy")
    if key not in context:
        return False
    if operator == "Bool":
        return context[key] in [value.lower() for value in values]
    if operator in EXACT:
        return context[key] in values
    return any(_matches(value, context[key]) for value in values)


def _matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: ``*`` for any characters, ``?`` for one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
