"""The command: `python -m bench.engine`, which measures everything and writes the table and the plot."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.allocator import malloc_settings
from bench.engine import quality, report
from bench.engine.classes import CLASSES, Class, Job
from bench.engine.originals import prepare

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
ENGINES = ("darkroom", "sharp-cascade", "sharp-per-variant", "pyvips", "naive", "floor")


class Engine:
    """An engine in a process of its own, started when it is first asked."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: Job, save: str | None = None) -> dict[str, Any]:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job) | ({"save": save} if save else {})) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._name} failed on {job.name}: its message is above")
        result: dict[str, Any] = json.loads(answer)
        return result

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()

    def _start(self) -> subprocess.Popen[str]:
        python = [sys.executable, "-m", "bench.engine.worker", self._name]
        node = ["node", str(HERE / "sharp.mjs"), self._name]
        return subprocess.Popen(
            node if self._name.startswith("sharp") else python,
            cwd=PROJECT,
            env=os.environ | malloc_settings() | {"VIPS_CONCURRENCY": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parse(arguments)
    folder = Path(asked.folder)
    folder.mkdir(parents=True, exist_ok=True)
    classes = [each for each in CLASSES if not asked.only or asked.only.lower() in each.name.lower()]
    jobs = {each.name: prepare(each, folder) for each in classes}
    results: dict[str, Any] = {
        "cpu": _measure_cpu([each for each in classes if not each.memory_only], jobs, asked.rounds),
        "likeness": _measure_likeness([each for each in classes if not each.memory_only], jobs),
        "memory": _measure_memory(classes, jobs) if asked.memory else {},
        "throughput": _measure_threads(jobs["JPEG 12 MP"]) if "JPEG 12 MP" in jobs and asked.threads else {},
    }
    text = report.table(results)
    print(text)
    if asked.json:
        Path(asked.json).write_text(json.dumps(results, indent=1))
    if asked.write:
        report.write(text, results, PROJECT / "docs")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each class by each engine (9)")
    parser.add_argument("--only", default="", help="only the classes with this in their names")
    parser.add_argument("--folder", default=str(PROJECT / ".cache" / "bench-engine"), help="where originals are kept")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave out the peaks of memory")
    parser.add_argument("--no-threads", dest="threads", action="store_false", help="leave out two threads against one")
    parser.add_argument("--json", help="write every figure to this file")
    parser.add_argument("--write", action="store_true", help="write the table and the plot to docs/")
    return parser.parse_args(arguments)


def _measure_cpu(classes: Sequence[Class], jobs: dict[str, Job], rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU ms of every run, by class and engine: the engines take turns, each round begins with another one."""
    engines = {name: Engine(name) for name in ENGINES}
    found: dict[str, dict[str, list[float]]] = {}
    for each in classes:
        took: dict[str, list[float]] = defaultdict(list)
        for engine in engines.values():
            engine.run(jobs[each.name])  # warm: code loaded, marks drawn, memory grown
        for turn in range(-(-rounds // 3) if each.slow else rounds):
            for name in (*ENGINES[turn % len(ENGINES) :], *ENGINES[: turn % len(ENGINES)]):
                took[name].append(engines[name].run(jobs[each.name])["cpu_ms"])
        found[each.name] = dict(took)
        medians = {name: round(statistics.median(values)) for name, values in took.items()}
        print(f"{each.name}: {medians}", file=sys.stderr)
    for engine in engines.values():
        engine.close()
    return found


def _measure_likeness(classes: Sequence[Class], jobs: dict[str, Job]) -> dict[str, dict[str, dict[str, Any]]]:
    """SSIM and bytes of every variant, by class and engine."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in classes:
        job = jobs[each.name]
        data = Path(job.file).read_bytes()
        golds = {variant: quality.gold(job, data, variant) for variant in job.sizes}
        found[each.name] = {}
        for name in ENGINES[:-1]:
            with tempfile.TemporaryDirectory() as folder:
                engine = Engine(name)
                sizes = engine.run(job, save=folder)["bytes"]
                engine.close()
                made = {variant: Path(folder, f"{variant}.{job.output}").read_bytes() for variant in job.sizes}
            alike = {variant: quality.ssim(golds[variant], quality.shown(made[variant])) for variant in job.sizes}
            found[each.name][name] = {"ssim": alike, "bytes": sizes}
        print(f"{each.name}: {_short(found[each.name])}", file=sys.stderr)
    return found


def _short(found: dict[str, dict[str, Any]]) -> str:
    return "; ".join(
        f"{name} " + " ".join(f"{value:.4f}" for value in of["ssim"].values()) for name, of in found.items()
    )


def _measure_memory(classes: Sequence[Class], jobs: dict[str, Job]) -> dict[str, dict[str, float]]:
    """The peak in MB of a fresh process that does one job."""
    found: dict[str, dict[str, float]] = {}
    for each in classes:
        found[each.name] = {}
        for name in ENGINES[: 2 if each.memory_only else 5]:
            engine = Engine(name)
            found[each.name][name] = engine.run(jobs[each.name])["peak_mb"]
            engine.close()
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
