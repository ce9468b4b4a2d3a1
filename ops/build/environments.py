"""Tools in virtual environments of their own, made when they are first needed: their pins would not fit into ``.venv``.

What is installed comes from a lock: pip refuses a file that has another hash.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from ops.build.locks import ROOT, lines, path_of
from ops.local.packages import made_once, pip_install

CACHE: Final = ROOT / ".cache" / "environments"


def environment(lock: str) -> Path:
    """The Python of the environment with all that a lock pins.

    Raises:
        StackError: pip could not install it.
    """
    wanted = folder_of(lock)
    with made_once(wanted) as folder:
        if folder is not None:
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            pip_install(lines(lock), "--no-compile", python=str(folder / "bin" / "python"))
    return wanted / "bin" / "python"


def folder_of(lock: str) -> Path:
    """Where the environment of a lock is, if it is made: another one for another lock or Python."""
    digest = hashlib.sha256(sys.version.encode() + path_of(lock).read_bytes()).hexdigest()
    return CACHE / f"{lock}-{digest[:16]}"
