"""One Python engine as a child process: jobs as JSON lines on stdin, their figures on stdout."""

import json
import re
import sys
import time
from pathlib import Path

from bench.engine.classes import Job
from bench.engine.engines import ENGINES


def main(engine: str) -> None:
    run = ENGINES[engine]
    for line in sys.stdin:
        question = json.loads(line)
        save = question.pop("save", None)
        job = Job.of(question)
        data = Path(job.file).read_bytes()
        started = time.process_time()
        made = run(job, data)
        cpu = (time.process_time() - started) * 1000
        if save:
            for name, content in made.items():
                Path(save, f"{name}.{job.output}").write_bytes(content)
        answer = {
            "cpu_ms": cpu,
            "bytes": {name: len(content) for name, content in made.items()},
            "peak_mb": _peak_mb(),
        }
        print(json.dumps(answer), flush=True)


def _peak_mb() -> float:
    """Of this process alone; getrusage would start at its parent's peak."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1])
