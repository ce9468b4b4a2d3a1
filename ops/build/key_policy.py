"""What the policy of a KMS key must say that a stage is given: docs/key-policy.json.

``python -m ops.build.key_policy --write`` writes it from resources/key-policy.cjs, which makes the policy of a new key
as well, with STAGE, REGION and ACCOUNT to be replaced.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from ops.build.generated import print_or_write
from ops.cli.checkout import ROOT

FILE: Final = ROOT / "docs" / "key-policy.json"
REGENERATE: Final = "python -m ops.build.key_policy --write"
STATEMENTS: Final = "JSON.stringify(require('./resources/key-policy.cjs').every('darkroom', 'STAGE'))"
REFERENCES: Final = {
    "${AWS::Partition}": "aws",
    "${AWS::Region}": "REGION",
    "${AWS::AccountId}": "ACCOUNT",
    "${AWS::URLSuffix}": "amazonaws.com",
}


def statements() -> list[dict[str, Any]]:
    """The statements for AWS's services, without CloudFormation's functions."""
    run = subprocess.run(["node", "-p", STATEMENTS], cwd=ROOT, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = written_out(json.loads(run.stdout))
    return found


def written_out(value: Any) -> Any:
    """A value with names in place of references."""
    if isinstance(value, list):
        return [written_out(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": "AWS::AccountId"}:
        return "ACCOUNT"
    if [*value] == ["Fn::Sub"]:
        text: str = value["Fn::Sub"]
        for reference, name in REFERENCES.items():
            text = text.replace(reference, name)
        return text
    return {name: written_out(each) for name, each in value.items()}


def document() -> str:
    """The file as it should be."""
    return json.dumps({"Statement": statements()}, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file, or with no arguments print it."""
    return print_or_write(arguments, usage=REGENERATE, shown=document, files={FILE: document})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
