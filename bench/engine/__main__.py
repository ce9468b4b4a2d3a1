"""The command `python -m bench.engine`: measure everything, and write the tables and the plot."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyvips

from bench import page
from bench.engine import equal, quality, report
from bench.engine.classes import CLASSES, HEADLINE, Class, Job
from bench.engine.originals import prepare
from bench.engine.report import ENGINES
from bench.machine import machine
from bench.runner import PROJECT, Child, interleave, malloc_settings, median

FOLDER = PROJECT / ".cache" / "bench-engine"


def engine(name: str) -> Child:
    """Start an engine in a child process; its questions are jobs."""
    python = [sys.executable, "-m", "bench.engine.worker", name]
    node = ["node", str(PROJECT / "bench" / "engine" / "sharp.mjs"), name]
    env = os.environ | malloc_settings() | {"VIPS_CONCURRENCY": "1"}
    return Child(name, node if name.startswith("sharp") else python, env=env)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    before = machine(libraries())
    results = _measure_quality(options) if options.equal_ssim else _measure(options)
    results |= {"before": before, "after": machine()}
    part, write_text = ("bench.engine.equal", equal.text) if options.equal_ssim else ("bench.engine", report.text)
    text = write_text(results)
    print(text)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    if options.write:
        page.write(part, text)
    if options.write and not options.equal_ssim:
        report.plot(results["cpu"], report.PLOT)


def libraries() -> dict[str, str]:
    """Return the versions of what is measured beside this engine."""
    packages = json.loads((PROJECT / "bench" / "engine" / "package.json").read_text())
    node = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    vips = ".".join(str(pyvips.version(place)) for place in range(3))
    return {"pyvips": version("pyvips"), "libvips": vips, "Node": node, "sharp": packages["dependencies"]["sharp"]}


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    classes = [each for each in CLASSES if options.only.lower() in each.name.lower()]
    compared = [each for each in classes if not each.memory_only]
    jobs = {each.name: prepare(each, FOLDER) for each in classes}
    return {
        "cpu": _measure_cpu(compared, jobs, options.rounds),
        "similarity": _measure_similarity(compared, jobs),
        "memory": _measure_memory(classes, jobs) if options.memory else {},
        "throughput": _measure_threads(jobs[HEADLINE]) if HEADLINE in jobs and options.threads else {},
    }


def _measure_quality(options: argparse.Namespace) -> dict[str, Any]:
    files = {each.name: Path(prepare(each, FOLDER).file) for each in CLASSES if each.name in equal.SCENES}
    files |= {name: PROJECT / "samples" / f"{name}.jpg" for name in equal.SAMPLES}
    found = {}
    for name in (name for name in files if options.only.lower() in name.lower()):
        found[name] = equal.measure(name, files[name])
        print(" | ".join(equal.row(name, found[name])), file=sys.stderr)
    return {"pictures": found}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each class by each engine (9)")
    parser.add_argument("--only", default="", help="only the classes with this in their names")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="skip the peaks of memory")
    parser.add_argument("--no-threads", dest="threads", action="store_false", help="skip two threads against one")
    parser.add_argument("--equal-ssim", action="store_true", help="only JPEG, WebP and AVIF at equal SSIM")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    parser.add_argument("--write", action="store_true", help="write the tables and the plot to docs/")
    return parser.parse_args(arguments)


def _measure_cpu(classes: Sequence[Class], jobs: dict[str, Job], count: int) -> dict[str, list[dict[str, Any]]]:
    """Return the rounds of every class."""
    found = {}
    with ExitStack() as stack:
        engines = {name: stack.enter_context(engine(name)) for name in ENGINES}
        for each in classes:
            job = asdict(jobs[each.name])
            ways = {name: partial(child.request, job) for name, child in engines.items()}
            rounds = list(interleave(ways, -(-count // 3) if each.slow else count))
            found[each.name] = rounds
            print(f"{each.name}: { {way: round(median(rounds, way, 'cpu_ms')) for way in ways} }", file=sys.stderr)
    return found


def _measure_similarity(classes: Sequence[Class], jobs: dict[str, Job]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return SSIM and bytes of every variant, by class and engine."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in classes:
        job = jobs[each.name]
        data = Path(job.file).read_bytes()
        references = {variant: quality.reference(job, data, variant) for variant in job.sizes}
        found[each.name] = {}
        for name in ENGINES[:-1]:
            with tempfile.TemporaryDirectory() as folder, engine(name) as child:
                sizes = child.request(asdict(job) | {"save": folder})["bytes"]
                made = {variant: Path(folder, f"{variant}.{job.output}").read_bytes() for variant in job.sizes}
            ssim = {variant: quality.ssim(references[variant], quality.on_white(made[variant])) for variant in made}
            found[each.name][name] = {"ssim": ssim, "bytes": sizes}
            print(f"{each.name}: {name} " + " ".join(f"{value:.4f}" for value in ssim.values()), file=sys.stderr)
    return found


def _measure_memory(classes: Sequence[Class], jobs: dict[str, Job]) -> dict[str, dict[str, float]]:
    """Return the peak in MB of a new process that does one job."""
    found: dict[str, dict[str, float]] = {}
    for each in classes:
        found[each.name] = {}
        for name in ENGINES[: 2 if each.memory_only else 5]:
            with engine(name) as child:
                found[each.name][name] = child.request(asdict(jobs[each.name]))["peak_mb"]
        print(f"{each.name}: { {name: round(mb) for name, mb in found[each.name].items()} } MB", file=sys.stderr)
    return found


def _measure_threads(job: Job) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.engine.threads", job.file]
    answer = subprocess.run(
        command, cwd=PROJECT, env=os.environ | malloc_settings(), stdout=subprocess.PIPE, text=True, check=True
    )
    print(f"images a second: {answer.stdout.strip()}", file=sys.stderr)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


if __name__ == "__main__":
    main()
