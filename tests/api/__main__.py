"""Ask the local API for 2,000 answers and more: ``python -m tests.api [examples]``, some minutes."""

import sys
import tempfile
from pathlib import Path

from ops.local.stack import LocalStack
from tests.api.fuzz import fuzz

ROOT = Path(__file__).parents[2]


def main() -> int:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 130
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(ROOT, work_dir=Path(folder), progress=lambda sentence: print(sentence, "...")) as stack,
    ):
        run = fuzz(stack, examples=examples, folder=Path(folder))
    print(run.report)
    print(f"{run.requests} requests:", dict(sorted(run.answers.items())))
    return 0 if run.passed else 1


if __name__ == "__main__":
    sys.exit(main())
