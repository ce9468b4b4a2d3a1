"""The command `python -m bench.coldstart`: measure every way, and write the tables."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from bench import page
from bench.coldstart.ways import BUILT, INVOKED, OURS, UNCOMPILED, WAYS, measured
from bench.machine import machine, sentence
from bench.pipeline import originals
from bench.pipeline.beside import export
from bench.pipeline.doubles import Doubles
from bench.pipeline.measure import MEMORY, environment
from bench.processes import pin
from bench.runner import PROJECT, interleave, median

CORE = 1  # of the doubles; the measured processes run on core 0
FOLDER = PROJECT / ".cache" / "bench-pipeline"
TOP_PACKAGES = 12
IMPORT_RUNS = 5
SOURCES = ("handlers", "processing", "recipe.toml")
LIBRARIES = ("PIL", "cykooz_resizer")
API_SETTINGS = {"CONSUMER_MEMORY": str(MEMORY), "UPLOAD_SECONDS": "900", "LINK_SECONDS": "3600"}

PARTS = {"consumer": "bench.coldstart", "api": "bench.coldstart.api"}
"""Of docs/benchmarks.md."""
STARTS_HEAD = ["from the process's start to ...", "CPU ms", "against ours, in the same round", "wall ms"]

Figures = dict[str, float]


def main() -> None:
    """Measure, print, and with ``--write`` write the tables into the page."""
    options = _parse()
    pin(CORE)
    results = _measure(options)
    for group, text in _texts(results).items():
        print(text, end="\n\n")
        if options.write:
            page.write(PARTS[group], text)
    if options.json:
        Path(options.json).write_text(json.dumps(results))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.coldstart", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="starts of each way (15)")
    parser.add_argument("--only", choices=WAYS, help="measure the consumer or the upload API alone")
    parser.add_argument("--beside", metavar="COMMIT", help="start our consumer at this commit, too")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    pictures, before = originals.prepare(FOLDER), machine()
    groups = [options.only] if options.only else list(WAYS)
    with (
        Doubles(pictures, FOLDER) as doubles,
        tempfile.TemporaryDirectory() as package,
        tempfile.TemporaryDirectory() as other,
    ):
        env = environment(doubles) | API_SETTINGS
        events = _events(pictures)
        starts: dict[str, list[dict[str, Figures]]] = {}
        for group in groups:
            ways = {way: partial(_start, script, events, env) for way, script in WAYS[group].items()}
            if group == "consumer":
                _copy_uncompiled(Path(package))
                ways[UNCOMPILED] = partial(_start, INVOKED, events, env, package)
                if options.beside:
                    export(options.beside, Path(other))
                    ways[f"the same, its code of {options.beside}"] = partial(_start, INVOKED, events, env, other)
            starts[group] = []
            for each in interleave(ways, options.rounds):
                starts[group].append(each)
                print(f"{group}: round {len(starts[group])} of {options.rounds}", file=sys.stderr)
        consumer = {"imports": _imports(env), "lines": _lines(env)} if "consumer" in groups else {}
    return {"before": before, "after": machine(), "starts": starts, **consumer}


def _events(pictures: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    """Yield events of one new upload each."""
    for number in count():
        yield originals.event({originals.key_of("small/0", number): len(pictures["small/0"])})


def _copy_uncompiled(package: Path) -> None:
    """Copy the code as it is packaged, without byte code, to where none can be written, as on Lambda."""
    import PIL

    site = Path(PIL.__file__).parents[1]
    skip = shutil.ignore_patterns("__pycache__")
    for source in (*(PROJECT / name for name in SOURCES), *(site / name for name in LIBRARIES)):
        if source.is_dir():
            shutil.copytree(source, package / source.name, ignore=skip)
        else:
            shutil.copy(source, package)
    for libraries in site.glob("[pP]illow.libs"):
        (package / libraries.name).symlink_to(libraries)
    for folder in [each for each in package.rglob("*") if each.is_dir() and not each.is_symlink()]:
        (folder / "__pycache__").touch()  # a file, so that no byte code can be written


def _start(script: str, events: Iterator[dict[str, Any]], env: Mapping[str, str], code: str = "") -> Figures:
    """Return CPU and wall milliseconds of one process; ``code`` is the folder of our code if not the project."""
    receiving, sending = os.pipe()
    begin = time.monotonic()
    subprocess.run(
        ["taskset", "-c", "0", sys.executable, "-P", "-c", measured(script), json.dumps(next(events))],
        cwd=code or PROJECT,  # where the children of an earlier commit search for their code
        env={**env, "PYTHONPATH": os.pathsep.join([code, str(PROJECT)] if code else [str(PROJECT)])}
        | {"ANSWERS": str(sending)},
        pass_fds=[sending],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    os.close(sending)
    with os.fdopen(receiving) as answers:
        end, cpu = json.loads(answers.read())
    return {"cpu": cpu * 1000, "wall": (end - begin) * 1000}


def _imports(env: Mapping[str, str]) -> Figures:
    """Return the milliseconds of each top-level package's own code while the consumer is built: medians."""
    command = [sys.executable, "-P", "-X", "importtime", "-c", BUILT]
    runs = [_stderr(command, {**env, "PYTHONPATH": str(PROJECT)}) for _ in range(IMPORT_RUNS)]
    totals = [_by_package(run) for run in runs]
    medians = {name: statistics.median(total[name] for total in totals) for name in set().union(*totals)}
    return dict(sorted(medians.items(), key=lambda each: -each[1])[:TOP_PACKAGES])


def _by_package(output: str) -> defaultdict[str, float]:
    """Add up the lines of ``-X importtime``."""
    total: defaultdict[str, float] = defaultdict(float)
    for line in output.splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            package = name.strip().split(".")[0]
            total["the standard library" if package in sys.stdlib_module_names else package] += int(own) / 1000
    return total


def _lines(env: Mapping[str, str]) -> Figures:
    """Return the microseconds of CPU for ten images' log lines and one batch's metrics: our own, and Powertools'."""
    answer: Figures = json.loads(_stderr([sys.executable, "-m", "bench.coldstart.lines"], env))
    return answer


def _stderr(command: Sequence[str], env: Mapping[str, str]) -> str:
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.run(command, cwd=PROJECT, env=dict(env), stdout=null, stderr=pipe, text=True, check=True).stderr


def _texts(results: dict[str, Any]) -> dict[str, str]:
    """Return the tables of each group."""
    found = {}
    for group, rounds in results["starts"].items():
        about = f"{sentence(results['before'], results['after'])} Medians of {len(rounds)}, {MEMORY:,} MB."
        rows = [
            [
                way,
                f"{median(rounds, way, 'cpu'):.0f}",
                f"{median(rounds, way, 'cpu', against=OURS[group]):+.0f}",
                f"{median(rounds, way, 'wall'):.0f}",
            ]
            for way in rounds[0]
        ]
        found[group] = "\n\n".join([about, page.table(STARTS_HEAD, rows)])
    if "consumer" in found:
        imports = [[name, f"{each:.1f}"] for name, each in results["imports"].items()]
        lines = [[name, f"{each:.0f}"] for name, each in results["lines"].items()]
        found["consumer"] += "\n\n" + page.table(["what is imported, own code", "ms"], imports)
        found["consumer"] += "\n\n" + page.table(["ten images' log lines, one batch's metrics", "CPU us"], lines)
    return found


if __name__ == "__main__":
    main()
