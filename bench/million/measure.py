"""One command over a generated stage, in this process: seconds, peak memory, requests."""

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from bench.million.doubles import IN_FLIGHT, GeneratedStage, LiveText
from ops.cli import stage as stages
from ops.cli.main import make_app
from ops.cli.recipes import read_recipe


def run(made: GeneratedStage, arguments: Sequence[str]) -> tuple[int, str, str]:
    """The exit code of a command and what it printed; its ``--stage`` is this one, whatever the name."""
    find = stages.find
    stages.find = lambda *_names: made.stage
    try:
        result = CliRunner().invoke(make_app(), list(arguments))
    finally:
        stages.find = find
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def measure(arguments: Sequence[str], count: int, folder: Path) -> dict[str, Any]:
    """Run a command once."""
    made = GeneratedStage(count, read_recipe(), folder, dead=arguments[0] == "dlq")
    before, started, used = megabytes("VmRSS"), time.perf_counter(), time.process_time()
    code, out, err = run(made, arguments)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
        "seen": min(count, IN_FLIGHT) if arguments[0] == "dlq" and arguments[1] != "redrive" else count,
        "peak_mb": megabytes("VmHWM") - before,
        "most": LiveText.most,
        "requests": dict(made.requests),
        "exit_code": code,
        "sent": count - made.sent.counts()[0],
        "twice": sum(n for times, n in made.sent.counts().items() if times > 1),
        "left": made.gone.counts()[0],
        "stdout": out[:2000],
        "stderr": err[:2000],
    }


def megabytes(name: str) -> float:
    """Memory of this process, by the kernel's name for it."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[3:], int(sys.argv[1]), Path(sys.argv[2]))))
