"""What a deployment would change: the packaged template beside the deployed one, resource by resource.

``python -m ops.build.difference`` reads ``{"stack": ..., "deployed": {"template", "tags", "status"} or null,
"packaged": {"template", "tags"}}`` on stdin and prints the difference. It runs on a bare Python 3.11. It compares two
texts: what somebody changed past CloudFormation it does not see, nor what a reference refers to.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

REPLACING: Final = Path(__file__).with_name("replacing.json")
"""For each type of resource the properties that cannot be updated; ``ops.build.replacing`` makes it."""

DEPLOYMENT: Final = "AWS::ApiGateway::Deployment"
NAMES: Final = ("Sid", "Id", "Name", "PolicyName", "Key")
"""By which of these the members of a list are told apart, where all have one."""

LONGEST: Final = 160
ABSENT: Final = object()


def difference(deployed: Mapping[str, Any] | None, packaged: Mapping[str, Any]) -> Iterator[str]:
    """One line for each resource, output and tag that is not the same, and below it one for each property.

    Args:
        deployed: ``template`` and ``tags`` of the stack; None where there is none.
        packaged: the same of the package.
    """
    there = deployed or {"template": {}, "tags": {}}
    before, after = _template(there["template"]), _template(packaged["template"])
    yield from _resources(before.get("Resources", {}), after["Resources"])
    for change in _changes("", before.get("Outputs", {}), after.get("Outputs", {})):
        yield f"{_line(*change)} (output)"
    for change in _changes("", there["tags"], packaged["tags"]):
        yield f"{_line(*change)} (tag)"


def _resources(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    replacing = json.loads(REPLACING.read_text(encoding="utf-8"))
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"+ {_title(name, after[name])}"
        elif name not in after:
            yield f"- {_title(name, before[name])}: {_fate(before[name], 'DeletionPolicy')}"
        else:
            yield from _changed(name, before[name], after[name], {"Type", *replacing.get(before[name]["Type"], ())})


def _changed(name: str, old: Mapping[str, Any], new: Mapping[str, Any], replacing: set[str]) -> Iterator[str]:
    changes = list(_changes("", old, new))
    replaced = sorted({path.removeprefix("Properties.").split(".")[0] for path, *_ in changes} & replacing)
    if replaced:
        fate = _fate(old, "UpdateReplacePolicy")
        yield f"! {_title(name, new)} is made anew if {', '.join(replaced)} gets another value; of the old one, {fate}"
    elif changes:
        yield f"~ {_title(name, new)}"
    yield from (f"    {_line(*change)}" for change in changes)


def _title(name: str, resource: Mapping[str, Any]) -> str:
    return f"{name} ({resource['Type']})"


def _fate(resource: Mapping[str, Any], policy: str) -> str:
    """What becomes of a resource that is taken from the stack."""
    kept = str(resource.get(policy, "")).startswith("Retain")
    return "what is there stays, without the stack" if kept else "what is there is deleted"


def _changes(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each path at which the two differ, with both values."""
    old, new = _by_name(old), _by_name(new)
    if not isinstance(old, dict) or not isinstance(new, dict) or _is_function(old) or _is_function(new):
        if old != new:
            yield path, old, new
        return
    for name in [*old, *(each for each in new if each not in old)]:
        below = f"{path}.{name}" if path else name
        yield from _changes(below, old.get(name, ABSENT), new.get(name, ABSENT))


def _by_name(value: Any) -> Any:
    """A list as a mapping, where its members have names that differ."""
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        return value
    for name in NAMES:
        names = [each.get(name) for each in value]
        if all(isinstance(each, str) for each in names) and len({*names}) == len(names):
            return dict(zip(names, value, strict=True))
    return value


def _is_function(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _line(path: str, old: Any, new: Any) -> str:
    if old is ABSENT:
        return f"+ {path}: {_text(new)}"
    return f"- {path}: {_text(old)}" if new is ABSENT else f"~ {path}: {_text(old)} -> {_text(new)}"


def _text(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _template(template: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is another one in each package: the deployment's name, and the package's place.

    The code itself is in CODE_VERSION, a variable of the consumer.
    """
    text = json.dumps(template)
    for name, resource in template.get("Resources", {}).items():
        if resource["Type"] == DEPLOYMENT:
            text = text.replace(name, "ApiGatewayDeployment")
    made: dict[str, Any] = json.loads(re.sub(r'"S3Key": "[^"]*"', '"S3Key": "THE PACKAGE"', text))
    return made


def report(stack: str, deployed: Mapping[str, Any] | None, packaged: Mapping[str, Any]) -> Sequence[str]:
    """The lines for people."""
    lines = list(difference(deployed, packaged))
    count = sum(not line.startswith(" ") for line in lines)
    state = f"is {deployed['status']}" if deployed else "does not exist: everything is new"
    return [
        f"The stack {stack} {state}.",
        *lines,
        f"{count} changes. Nothing was deployed." if count else "No changes. Nothing was deployed.",
    ]


def main() -> int:
    given = json.load(sys.stdin)
    print("\n".join(report(given["stack"], given["deployed"], given["packaged"])))  # noqa: T201 - this is the answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
