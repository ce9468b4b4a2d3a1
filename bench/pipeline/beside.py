"""Our consumer as it was at another commit: its code in a folder of its own, run by the same interpreter."""

import io
import subprocess
import tarfile
from pathlib import Path

from bench.pipeline.measure import PROJECT

PACKAGED = ("handlers", "processing", "recipe.toml")


def export(commit: str, folder: Path) -> None:
    """Write what is packaged of a commit into a folder.

    Raises:
        subprocess.CalledProcessError: there is no such commit; git's message is on stderr.
    """
    command = ["git", "archive", commit, "--", *PACKAGED]
    archive = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
