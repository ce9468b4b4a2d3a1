"""The command `python -m bench.pipeline`: measure everything, and write the tables and the plots."""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import page
from bench.machine import machine
from bench.pipeline import originals, plots, report
from bench.pipeline.beside import export
from bench.pipeline.doubles import Doubles
from bench.pipeline.figures import Round, named
from bench.pipeline.growth import grow
from bench.pipeline.measure import BATCH, BESIDE, CONSUMERS, ENGINE, Batches, Consumer
from bench.pipeline.peaks import peak
from bench.pipeline.settings import deployed_batch
from bench.processes import pin
from bench.runner import PROJECT

CORE = 1  # of the doubles; the consumers run on another
LATENCIES = (0, 30, 50, 80)
PEAK_LATENCY = 0.05  # seconds
KINDS = ("small", "12 MP", "12 MP, soft", "mixed")
FOLDER = PROJECT / ".cache" / "bench-pipeline"


def main() -> None:
    options = _parse()
    results = json.loads(Path(options.report).read_text()) if options.report else _measure(options)
    text = report.text(results)
    print(text)
    if options.json:
        Path(options.json).write_text(json.dumps(results))
    if options.write:
        page.write("bench.pipeline", text)
        plots.write(results)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    sizes = sorted({BATCH, deployed_batch()})
    parser.add_argument("--rounds", type=int, default=9, help="batches of each class, latency and consumer (9)")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, help="only these classes")
    parser.add_argument(
        "--batch", type=int, nargs="+", default=sizes, help=f"messages of a batch, of all consumers {sizes}"
    )
    parser.add_argument("--latency", type=int, nargs="*", default=LATENCIES, help="S3's latency in ms (0 30 50 80)")
    parser.add_argument("--no-peaks", dest="peaks", action="store_false", help="skip the peaks of memory")
    parser.add_argument("--growth", type=int, default=10_000, help="messages for the growth; 0 skips it (10,000)")
    parser.add_argument("--beside", metavar="COMMIT", help="measure our consumer at this commit, too")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    parser.add_argument("--report", metavar="FILE", help="measure nothing: read the figures that --json wrote")
    parser.add_argument("--write", action="store_true", help="write the tables and the plots to docs/")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    pin(CORE)
    pictures = originals.prepare(FOLDER)
    results = {"before": machine(), "batches": options.batch, "deployed": deployed_batch(), "beside": options.beside}
    with Doubles(pictures, FOLDER) as doubles:
        results["cells"] = _side_by_side(options, doubles, pictures)
        results["peaks"] = _peaks(options, doubles, pictures) if options.peaks else {}
        results["growth"] = grow(doubles, pictures, FOLDER, options.growth) if options.growth else {}
    return {**results, "after": machine()}


def _side_by_side(
    options: argparse.Namespace, doubles: Doubles, pictures: Mapping[str, bytes]
) -> dict[str, dict[str, list[Round]]]:
    """Return the rounds of every class and latency."""
    cells: dict[str, dict[str, list[Round]]] = {}
    with ExitStack() as stack:
        consumers = _start(options, doubles, stack)
        batches = Batches(consumers, doubles, pictures)
        for kind in options.only:
            cells[kind] = {}
            for latency in options.latency:
                runs = batches.rounds(kind, latency=latency / 1000, count=options.rounds)
                rounds = [{name: asdict(run) for name, run in each.items()} for each in runs]
                cells[kind][str(latency)] = rounds
                print(report.brief(kind, latency, rounds), file=sys.stderr)
    return cells


def _start(options: argparse.Namespace, doubles: Doubles, stack: ExitStack) -> dict[str, Consumer]:
    """Start every consumer for every batch size, and the engine once."""
    code = dict.fromkeys(CONSUMERS, PROJECT)
    if options.beside:
        code[BESIDE] = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        export(options.beside, code[BESIDE])
    started = [(way, batch, at) for batch in options.batch for way, at in code.items()]
    started.append((ENGINE, options.batch[0], PROJECT))
    return {
        named(way, batch): stack.enter_context(Consumer(way, doubles, FOLDER, at, batch=batch))
        for way, batch, at in started
    }


def _peaks(options: argparse.Namespace, doubles: Doubles, pictures: Mapping[str, bytes]) -> dict[str, dict[str, float]]:
    """Return the peak of every consumer, by class, name and batch size."""
    found: dict[str, dict[str, float]] = {}
    for kind in options.only:
        found[kind] = {
            named(way, batch): peak(way, batch, kind, doubles, pictures, FOLDER, latency=PEAK_LATENCY)
            for batch in options.batch
            for way in CONSUMERS
        }
        print(f"{kind}: { {name: round(each) for name, each in found[kind].items()} } MB", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
