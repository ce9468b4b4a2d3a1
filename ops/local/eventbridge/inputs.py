"""What a target gets of an event: the event, a part of it, a text of the target's own, or a template that is filled in.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

FIELDS: Final = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
_STEP: Final = re.compile(r"\.([\w/-]+)|\[(\d+)\]")
_STRING_OR_PLACEHOLDER: Final = re.compile(r'"(?:[^"\\]|\\.)*"|<([\w.-]+)>')
_PLACEHOLDER: Final = re.compile(r"<([\w.-]+)>")


class InvalidInputError(Exception):
    """A path or a template makes no JSON of this event."""


def as_sent(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of moto's as AWS writes it: all fields of AWS and no other, with its time in text."""
    sent = {name: event[name] for name in FIELDS}
    if not isinstance(sent["time"], str):
        sent["time"] = datetime.fromtimestamp(float(sent["time"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return sent


def input_of(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """The JSON that the target of a rule gets of an event ``as_sent``.

    Raises:
        InvalidInputError: there is none.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event))
    if "InputTransformer" in target:
        return _filled_in(target["InputTransformer"], event, rule_arn)
    return json.dumps(event)


def _at(path: str, event: Mapping[str, Any]) -> Any:
    """What stands there; a wildcard is not known here."""
    steps = list(_STEP.finditer(path, 1))
    if not path.startswith("$") or "".join(step[0] for step in steps) != path[1:]:
        raise InvalidInputError(f"the emulator cannot read the path {path}")
    found: Any = event
    for step in steps:
        try:
            found = found[step[1]] if step[1] else found[int(step[2])]
        except (KeyError, IndexError, TypeError):
            raise InvalidInputError(f"the event has no {path}") from None
    return found


def _filled_in(transformer: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    values = {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.json": event,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
    }

    def value_of(name: str) -> Any:
        if name not in values:
            raise InvalidInputError(f"the template has <{name}>, which is no variable")
        return values[name]

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return json.dumps(value_of(found[1]))
        return _PLACEHOLDER.sub(lambda inner: _within_a_string(value_of(inner[1])), found[0])

    text = _STRING_OR_PLACEHOLDER.sub(fill, transformer["InputTemplate"])
    try:
        json.loads(text)
    except ValueError:
        raise InvalidInputError(f"the template makes no JSON: {text}") from None
    return text


def _within_a_string(value: Any) -> str:
    """A value in the quotes of a template: EventBridge escapes none, and takes the quotes out of objects and lists."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")
