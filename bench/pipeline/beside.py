"""The code of another commit, in a folder of its own, for the same interpreter."""

import io
import subprocess
import zipfile
from pathlib import Path

from bench.runner import PROJECT

PACKAGED = ("handlers", "processing", "recipe.toml")


def export(commit: str, folder: Path) -> None:
    """Write the packaged files of a commit into a folder.

    Raises:
        subprocess.CalledProcessError: the commit does not exist; git's message is on stderr.
    """
    command = ["git", "archive", "--format=zip", commit, "--", *PACKAGED]
    archive = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(folder)
