"""Take a bucket in that somebody has, and show what came of it: ``python -m tests.existing --originals 1000``."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.existing.run import Existing


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when every original has its variants, 1 when not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.existing", description=__doc__)
    parser.add_argument("--originals", type=int, default=1000)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="darkroom-existing-") as folder:
        run = Existing(
            originals=options.originals, work_dir=Path(folder), progress=lambda line: print(line, file=sys.stderr)
        )
        result = run.run()
    json.dump(asdict(result), sys.stdout, indent=2)
    print()
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
