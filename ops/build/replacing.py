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
from ops.build.generated import print_or_write

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
    return print_or_write(arguments, usage=REGENERATE, shown=replacing, files={REPLACING: replacing})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
