"""The machine, the code, the versions and the load beside which something was measured."""

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.runner import PROJECT

PACKAGES = ("boto3", "urllib3", "aws-lambda-powertools", "Pillow", "cykooz-resizer")


def machine(more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the date, the commit, the processor, the versions (``more`` by name), and the load of the last minute."""
    about = Path("/proc/cpuinfo").read_text()
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "cores": os.cpu_count(),
        "cpu": processor(about),
        "virtual": re.search(r"^flags\s*:.*\bhypervisor\b", about, re.MULTILINE) is not None,
        "load": round(os.getloadavg()[0], 2),
        "versions": {
            "Python": platform.python_version(),
            **_installed(),
            **(more or {}),
        },
    }


def _installed() -> dict[str, str]:
    """Powertools is there only where the usual consumer is measured."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def processor(about: str) -> str:
    """Return its name from /proc/cpuinfo, with the numbers that tell generations of one name apart."""
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.+)$", about, re.MULTILINE))
    if "model name" not in fields:
        return platform.machine()
    numbers = [
        f"{word} {fields[name]}" for word, name in (("family", "cpu family"), ("model", "model")) if name in fields
    ]
    return " ".join([fields["model name"], *numbers])


def commit(folder: Path = PROJECT) -> str:
    """Return the checkout's commit, with a plus where files have been changed since.

    Raises:
        subprocess.CalledProcessError: the folder is no checkout; git's message is on stderr.
    """
    command = ["git", "describe", "--always", "--exclude=*", "--abbrev=7", "--dirty=+"]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def sentence(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return one sentence for the page."""
    versions = ", ".join(f"{name} {number}" for name, number in before["versions"].items())
    virtual = ", a virtual machine" if before["virtual"] else ""
    return (
        f"Measured {before['date']} at commit {before['commit']} on {before['cores']} cores ({before['cpu']}{virtual}),"
        f" load average {before['load']} before and {after['load']} after, with {versions}."
    )
