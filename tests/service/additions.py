"""What each switch adds to a template with the defaults, as a table in docs/parameters.md.

::

    python -m tests.service.additions            # compare with the page; exit code 1 when it says something else
    python -m tests.service.additions --write    # write it

Each switch is packaged without requirements: 3 s on a quiet machine, once for each state of the sources.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence

from ops.build.difference import difference
from tests.service.packaged_service import PROJECT, Package, package
from tests.service.pairs import CDN_WEB_ACL, POOL, SUBNETS, VERSIONS, WEB_ACL

PAGE = PROJECT / "docs" / "parameters.md"
BEGIN = "<!-- what each switch adds: begin -->"
END = "<!-- what each switch adds: end -->"
HEAD = "| switch | resources | settings of others | in place of |\n|---|---|---|---|"

SWITCHES: Mapping[str, Mapping[str, object]] = {
    "removals: true": {"removals": "true"},
    "ingest: eventbridge": {"ingest": "eventbridge"},
    "events: true": {"events": "true"},
    "workflow: true": {"workflow": "true", "events": "true"},
    "erasure: true": {"erasure": "true"},
    "erasure: true, events: true": {"erasure": "true", "events": "true"},
    "cdn: true": {"cdn": "true"},
    "authorizer: jwt": {"authorizer": "jwt", **POOL},
    "alarmEmail": {"alarmEmail": "on-call@example.com"},
    "apiAccessLog: true": {"apiAccessLog": "true"},
    "dashboard: true": {"dashboard": "true"},
    "tracing: true": {"tracing": "true"},
    "kmsKey: new": {"kmsKey": "new"},
    "originalsTieringDays": {"originalsTieringDays": 30},
    "originalsExpireDays": {"originalsExpireDays": 365},
    "uploadsVersioning: true": VERSIONS,
    "accessLogs: new": {"accessLogs": "new"},
    "webAclArn": {"webAclArn": WEB_ACL},
    "cdnWebAclArn": {"cdn": "true", "cdnWebAclArn": CDN_WEB_ACL},
    "permissionsBoundary": {"permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary"},
    "vpcSubnets": SUBNETS,
    "vpcRouteTables": SUBNETS | {"vpcId": "vpc-0123456789abcdef0", "vpcRouteTables": "rtb-0123456789abcdef0"},
}
"""Each with what it needs."""

UPON = {
    "workflow: true": "events: true",
    "erasure: true, events: true": "erasure: true",
    "cdnWebAclArn": "cdn: true",
    "vpcRouteTables": "vpcSubnets",
}
"""What some are compared with, in place of the defaults."""

RESOURCE = re.compile(r"([+~!-]) (\w+) \(AWS::(\S+)\)")
PROPERTY = re.compile(r" +([+~-]) (?:Properties\.)?([\w.-]+)")


def differences(before: Package, after: Package) -> list[str]:
    packages = [{"template": each.template, "tags": {}} for each in (before, after)]
    return list(difference(*packages))


def row(switch: str, lines: Sequence[str]) -> str:
    """A line of the table."""
    resources: list[str] = []
    added: dict[str, set[str]] = {}
    replaced: dict[str, set[str]] = {}
    kind = ""
    for line in lines:
        if found := RESOURCE.match(line):
            sign, name, kind = found.groups()
            if sign == "+":
                resources.append(f"`{name}`")
            elif sign == "-":
                replaced.setdefault(f"`{name}`", set())
        elif found := PROPERTY.match(line):
            place = added if found[1] == "+" else replaced
            if not found[2].startswith("DependsOn"):
                place.setdefault(kind, set()).add(f"`{_short(found[2])}`")
    return f"| `{switch}` | {', '.join(resources)} | {_in_words(added)} | {_in_words(replaced)} |"


def _short(path: str) -> str:
    """The statement or the variable that a path leads to, or the property."""
    words = path.split(".")
    for container in ("Statement", "Variables", "Rules"):
        if container in words[:-1]:
            return words[words.index(container) + 1]
    return words[0]


def _in_words(changes: Mapping[str, set[str]]) -> str:
    return "; ".join(f"{kind} {', '.join(sorted(each))}".strip() for kind, each in sorted(changes.items()))


def rows(packages: Mapping[str, Package]) -> Iterator[str]:
    """The table's lines, from the package of each switch and the one of the defaults, by the name ''."""
    for switch in SWITCHES:
        yield row(switch, differences(packages[UPON.get(switch, "")], packages[switch]))


def section(page: str) -> str:
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def main(arguments: Sequence[str]) -> int:
    given: dict[str, Mapping[str, object]] = {"": {}, **SWITCHES}
    packages = {name: package("prod", each, requirements=False) for name, each in given.items()}
    table = "\n".join([HEAD, *rows(packages)])
    page = PAGE.read_text(encoding="utf-8")
    if "--write" in arguments:
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
        return 0
    print(table)
    return 0 if section(page) == table else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
