"""Builds the site, or serves it while the documents change: ``python -m ops.build.site``, ``--serve``.

MkDocs is in an environment of its own, made once. Exit codes: 0 built, 1 a link or a page is at fault, 2 not run.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ops.build.environments import environment
from ops.build.locks import ROOT
from ops.errors import StackError
from ops.local.user_environment import for_children

CONFIGURATION: Final = Path(__file__).with_name("mkdocs.yml")
OUT: Final = ROOT / "dist" / "site"
QUIET: Final = {"NO_MKDOCS_2_WARNING": "1"}
"""The theme's maintenance ends in May 2027; its successor, Zensical, reads the same configuration."""


def main(arguments: Sequence[str]) -> int:
    """Build the site into a folder, whose former content is gone then."""
    parser = argparse.ArgumentParser(prog="python -m ops.build.site", description="Build the documents as a site.")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="where it goes (dist/site)")
    parser.add_argument("--serve", action="store_true", help="serve it on this machine instead, until Ctrl-C")
    given = parser.parse_args(arguments)
    try:
        python = environment("docs")
    except StackError as error:
        sys.stderr.write(f"The site was not built: {error}\n")
        return 2
    if given.serve:
        return mkdocs(python, "serve")
    code = mkdocs(python, "build", "--site-dir", str(given.out.absolute()))
    if code == 0:
        sys.stdout.write(f"{given.out / 'index.html'}\n")
    return code


def mkdocs(python: Path, *arguments: str) -> int:
    """Run MkDocs, which talks on standard error; its exit code, 1 where it warns of anything."""
    command = [str(python), "-m", "mkdocs", *arguments, "--strict", "--config-file", str(CONFIGURATION)]
    environ = {**for_children(), **QUIET}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
