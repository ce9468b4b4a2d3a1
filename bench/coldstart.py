"""What a cold start costs: CPU and wall milliseconds from a process's first instruction to its first image's end.

Run as ``python -m bench.coldstart [--rounds 15] [--beside COMMIT] [--json FILE] [--write]``, with what
bench/pipeline/requirements.txt names. Every way is a new process on one core with the function's environment, talking
to the doubles of bench.pipeline, which are not slow here; the ways take turns, and children are counted. Nobody times
what Lambda itself does before.
"""

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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.pipeline import originals
from bench.pipeline.beside import export
from bench.pipeline.doubles import Doubles
from bench.pipeline.machine import machine, sentence
from bench.pipeline.measure import MEMORY, PROJECT, environment

BEGIN, END = "<!-- bench.coldstart: begin -->", "<!-- bench.coldstart: end -->"
CORE = 1
TOP = 12
SOURCES = ("handlers", "processing", "recipe.toml")
LIBRARIES = ("PIL", "cykooz_resizer")

IMPORTED = "import handlers.consumer\n"
INVOKED = """
import json, sys
from bench.pipeline.context import Context
answer = handlers.consumer.handler(json.loads(sys.argv[1]), Context("request"))
assert answer == {"batchItemFailures": []}, answer
"""
USUAL = """
import json, sys
from pathlib import Path
from bench.pipeline.context import Context
from bench.pipeline.consumers import usual
answer = usual(Path())(json.loads(sys.argv[1]), Context("request"))
assert answer == {"batchItemFailures": []}, answer
"""
POWERTOOLS = "from aws_lambda_powertools import Logger, Metrics\nLogger()\nMetrics(namespace='Darkroom')\n"
PILLOW = "import processing.imaging.render\n"
FINISHED = """
import time
end = time.monotonic()
import json, os
from bench.pipeline.processes import cpu_seconds
os.write(int(os.environ["ANSWERS"]), json.dumps([end, cpu_seconds()]).encode())
"""

WAYS = {
    "python alone": "",
    "boto3 imported": "import boto3\n",
    "boto3, and a client for S3": "import boto3\nboto3.client('s3')\n",
    "boto3, and clients for S3 and DynamoDB": "import boto3\nboto3.client('s3')\nboto3.client('dynamodb')\n",
    "the consumer imported": IMPORTED,
    "the consumer built: children started, clients made": IMPORTED + "handlers.consumer.consumer()\n",
    "**the consumer, its first image done**": IMPORTED + INVOKED,
    "the same, without compiled byte code": IMPORTED + INVOKED,
    "the same, with Pillow and the engine imported by the consumer too": PILLOW + IMPORTED + INVOKED,
    "the same, with Powertools Logger and Metrics": POWERTOOLS + IMPORTED + INVOKED,
    "the usual consumer, its first image done": USUAL,
}
UNCOMPILED = "the same, without compiled byte code"


def main() -> None:
    """Measure, print, and write the tables to the page if told."""
    asked = _parse()
    if CORE in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {CORE})
    folder = Path(asked.folder)
    pictures = originals.prepare(folder)
    before = machine()
    with (
        Doubles(pictures, folder) as doubles,
        tempfile.TemporaryDirectory() as package,
        tempfile.TemporaryDirectory() as other,
    ):
        _copy_uncompiled(Path(package))
        code, scripts = {UNCOMPILED: package}, dict(WAYS)
        if asked.beside:
            export(asked.beside, Path(other))
            way = f"the same, its code of {asked.beside}"
            code[way], scripts[way] = other, IMPORTED + INVOKED
        env = environment(doubles)
        found = _take_turns(asked.rounds, env, scripts, code, pictures)
        imports = _imports(env)
        lines = _lines(env)
    results = {"before": before, "after": machine(), "starts": found, "imports": imports, "lines": lines}
    text = _text(results)
    print(text)
    if asked.json:
        Path(asked.json).write_text(json.dumps(results))
    if asked.write:
        page = PROJECT / "docs" / "benchmarks.md"
        head, _, rest = page.read_text().partition(BEGIN)
        page.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.coldstart", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="starts of each way (15)")
    parser.add_argument("--beside", help="start our consumer at this commit, too")
    parser.add_argument("--folder", default=str(PROJECT / ".cache" / "bench-pipeline"), help="where originals are kept")
    parser.add_argument("--json", help="write every figure to this file")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md")
    return parser.parse_args()


def _copy_uncompiled(package: Path) -> None:
    """The code as it is packaged, without byte code, and where none can be written, as on Lambda."""
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
        (folder / "__pycache__").touch()  # a file: whoever would write byte code there cannot


def _take_turns(
    rounds: int,
    env: Mapping[str, str],
    scripts: Mapping[str, str],
    code: Mapping[str, str],
    pictures: Mapping[str, bytes],
) -> dict[str, list[list[float]]]:
    """CPU and wall milliseconds of every start, by way; ``code`` has the folder of each that is not the project's."""
    found: dict[str, list[list[float]]] = {way: [] for way in scripts}
    number = 0
    for turn in range(rounds + 1):
        for way, script in scripts.items():
            event = originals.event({originals.key_of("small/0", number): len(pictures["small/0"])})
            path = [code[way], str(PROJECT)] if way in code else [str(PROJECT)]
            started = _start(script, event, {**env, "PYTHONPATH": os.pathsep.join(path)})
            number += 1
            if turn:  # the first has filled caches and compiled
                found[way].append(started)
        print(f"round {turn} of {rounds}", file=sys.stderr)
    return found


def _start(script: str, event: dict[str, Any], env: Mapping[str, str]) -> list[float]:
    receiving, sending = os.pipe()
    begin = time.monotonic()
    subprocess.run(
        ["taskset", "-c", "0", sys.executable, "-P", "-c", script + FINISHED, json.dumps(event)],
        cwd=env["PYTHONPATH"].split(os.pathsep)[0],  # where an earlier commit's children look for their code
        env={**env, "ANSWERS": str(sending)},
        pass_fds=[sending],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    os.close(sending)
    with os.fdopen(receiving) as answers:
        end, cpu = json.loads(answers.read())
    return [cpu * 1000, (end - begin) * 1000]


def _imports(env: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds of each top-level package's own code while the consumer is imported and built: medians of five."""
    runs = []
    for _ in range(5):
        script = IMPORTED + "handlers.consumer.consumer()\n"
        told = subprocess.run(
            [sys.executable, "-P", "-X", "importtime", "-c", script],
            env={**env, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        ).stderr
        total: defaultdict[str, float] = defaultdict(float)
        for line in told.splitlines():
            if line.startswith("import time:") and "self [us]" not in line:
                own, _, name = line.removeprefix("import time:").split("|")
                package = name.strip().split(".")[0]
                total["the standard library" if package in sys.stdlib_module_names else package] += int(own) / 1000
        runs.append(total)
    names = set().union(*runs)
    medians = {name: statistics.median(run[name] for run in runs) for name in names}
    return dict(sorted(medians.items(), key=lambda each: -each[1])[:TOP])


def _lines(env: Mapping[str, str]) -> dict[str, float]:
    """Microseconds of CPU for ten images' log lines and one batch's metrics: our own, and Powertools'."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.pipeline.lines"],
        cwd=PROJECT,
        env=dict(env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    ).stderr
    answer: dict[str, float] = json.loads(told)
    return answer


def _text(results: dict[str, Any]) -> str:
    medians = {
        way: [statistics.median(each) for each in zip(*runs, strict=True)] for way, runs in results["starts"].items()
    }
    starts = ["| from nothing to ... | CPU ms | wall ms |", "| --- | ---: | ---: |"]
    starts += [f"| {way} | {cpu:.0f} | {wall:.0f} |" for way, (cpu, wall) in medians.items()]
    imports = ["| what is imported, own code | ms |", "| --- | ---: |"]
    imports += [f"| {name} | {each:.1f} |" for name, each in results["imports"].items()]
    lines = ["| ten images' log lines, one batch's metrics | CPU us |", "| --- | ---: |"]
    lines += [f"| {name} | {each:.0f} |" for name, each in results["lines"].items()]
    rounds = len(next(iter(results["starts"].values())))
    head = f"{sentence(results['before'], results['after'])} Medians of {rounds}, {MEMORY:,} MB."
    return "\n\n".join([head, "\n".join(starts), "\n".join(imports), "\n".join(lines)])


if __name__ == "__main__":
    main()
