"""Which properties of which types cannot be updated, so that another value makes another resource.

``python -m ops.build.replacing --write`` writes ops/build/replacing.json from AWS's schemas, which cfn-lint brings
along: `npm run deploy -- --dry-run` reads it, and has no cfn-lint.
"""

import json
import sys
from collections.abc import Sequence
from typing import Final

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ops.build.deployer import RESOURCES, SWITCHED
from ops.build.difference import REPLACING

REGENERATE: Final = "python -m ops.build.replacing --write"


def replacing() -> str:
    """The file as it should be: for each type of the templates the names of such properties, without what is inside."""
    made = {
        kind: sorted(
            path.removeprefix("/properties/")
            for which in ("createOnlyProperties", "conditionalCreateOnlyProperties")
            for path in _schema(kind).get(which, ())
            if path.count("/") == 2
        )
        for kind in sorted({*RESOURCES, *SWITCHED})
    }
    return json.dumps(made, indent=2) + "\n"


def _schema(kind: str) -> dict[str, list[str]]:
    schema: dict[str, list[str]] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return schema


def main(arguments: Sequence[str]) -> int:
    """Write the file, or with no arguments print it."""
    if list(arguments) not in ([], ["--write"]):
        sys.stderr.write(f"usage: {REGENERATE}\n")
        return 2
    if arguments:
        REPLACING.write_text(replacing(), encoding="utf-8")
    else:
        sys.stdout.write(replacing())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
