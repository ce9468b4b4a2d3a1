"""Prints every screen: ``python -m tests.ops.cli.screens``; with ``--write``, writes the files that are compared."""

import sys

from ops.build.generated import print_or_write
from tests.ops.cli.screens.drawing import REGENERATE, file_of, screens_of
from tests.ops.cli.screens.scenes import SCENES


def main() -> int:
    """Look at each of them before you keep it."""
    files = {file_of(name): lambda scene=scene: screens_of(scene) for name, scene in SCENES.items()}
    return print_or_write(
        sys.argv[1:], usage=REGENERATE, shown=lambda: "".join(make() for make in files.values()), files=files
    )


if __name__ == "__main__":
    sys.exit(main())
