"""A command to paste, as every hint of every command gives it: by the name that works here, and with its stage.

The stage comes last, and after it the --region and --profile that were given: without them a pasted command would work
on the stage dev, or in another account.
"""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ops.cli.checkout import ROOT
from ops.cli.terminal import quoted

OF_CHECKOUT: Final = ROOT / "ops" / "__main__.py"
"""What bin/darkroom and npm run; an installed command is a script of its own."""
IN_TEXT: Final = re.compile(r"`darkroom ([^`]+)`")


def program() -> str:
    """The name of this command: ``bin/darkroom`` where it runs in a checkout that is not on the PATH."""
    if Path(sys.argv[0]) != OF_CHECKOUT:
        return "darkroom"
    found = shutil.which("darkroom")
    return "darkroom" if found and Path(found).resolve().is_relative_to(ROOT) else "bin/darkroom"


def command(*words: str, stage: str, given: Sequence[str] = ()) -> str:
    """A subcommand with its arguments, to paste into a shell.

    Args:
        given: what `ops.cli.stage.given_options` returns.
    """
    return " ".join([program(), *map(quoted, [*words, "--stage", stage, *given])])


def filled_in(text: str, values: Mapping[str, str], *, stage: str, given: Sequence[str] = ()) -> str:
    """A text whose commands, in backquotes, get their stage; and each word of theirs that stands for a value, that."""
    return IN_TEXT.sub(
        lambda found: f"`{command(*(values.get(word, word) for word in found[1].split()), stage=stage, given=given)}`",
        text,
    )
