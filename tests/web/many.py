"""Hundreds of photos at once, and what they leave in the tab's memory: ``python -m tests.web.many [COUNT]``.

Prints the tab's JavaScript heap after a collection, its DOM nodes, and the requests it made, as the photos come to
their ends; exit code 1 when one did not.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession

from ops.local.stack import LocalStack
from tests.conftest import ROOT
from tests.web.browsing import Desk, chromium, files, served, started

PATIENCE = 900  # seconds
BETWEEN = 5_000  # milliseconds between two looks


def main(count: int) -> int:
    """Run it, and say how it went."""
    executable = chromium()
    if executable is None:
        sys.exit("no Chromium was found, nor could be installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with (
            LocalStack(ROOT, work_dir=work, progress=print) as stack,
            started(executable) as browser,
            served(stack) as url,
        ):
            desk = Desk(browser.new_page(reduced_motion="reduce"), url).open()
            return run(desk, files(work, count))


def run(desk: Desk, paths: list[Path]) -> int:
    """Drop the photos, look every few seconds, and print what was seen."""
    devtools = desk.page.context.new_cdp_session(desk.page)
    say(desk, devtools, 0.0)
    begun = time.monotonic()
    desk.drag(paths)
    while desk.page.locator(".summary.ended").count() == 0 and time.monotonic() - begun < PATIENCE:
        desk.page.wait_for_timeout(BETWEEN)
        say(desk, devtools, time.monotonic() - begun)
    done = desk.cards("done").count()
    print(json.dumps({"photos": len(paths), "done": done, "seconds": round(time.monotonic() - begun, 1)}))
    return 0 if done == len(paths) and not desk.complaints else 1


def say(desk: Desk, devtools: CDPSession, seconds: float) -> None:
    """One line: how far it is, and what the tab holds."""
    devtools.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = devtools.send("Runtime.getHeapUsage")
    counted: dict[str, Any] = devtools.send("Memory.getDOMCounters")
    states = {state: desk.cards(state).count() for state in ("queued", "uploading", "working", "done")}
    asked = {"list": len(desk.asked("images?")), "single": len(desk.asked(f"{desk.url}/images/"))}
    heap = round(used["usedSize"] / 1e6, 2)
    print(json.dumps({"s": round(seconds, 1), "heap_MB": heap, "nodes": counted["nodes"], **states, "asked": asked}))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
