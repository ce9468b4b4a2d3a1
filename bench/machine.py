"""The machine, the versions and the load beside which something was measured."""

import datetime
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("boto3", "urllib3", "aws-lambda-powertools", "Pillow", "cykooz-resizer")


def machine() -> dict[str, Any]:
    """Return the date, the processor, the versions, and the load of the last minute."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(),
        "cpu": found[1] if found else platform.machine(),
        "load": round(os.getloadavg()[0], 2),
        "versions": {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def sentence(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return one sentence for the page."""
    versions = ", ".join(f"{name} {number}" for name, number in before["versions"].items())
    return (
        f"Measured {before['date']} on {before['cores']} cores ({before['cpu']}, a virtual machine), load average"
        f" {before['load']} before and {after['load']} after, with {versions}."
    )
