"""Stands in for python, pip, npm, tsc and the checks: writes down how it was called, and does as the environment says.

The first argument is the name under which it was called.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

ME = Path(sys.argv[1])
SCRIPT = "process.exit(require('child_process').spawnSync({command}, {arguments}, {{ stdio: 'inherit' }}).status);"
VERSION = os.environ.get(f"FAKE_VERSION_{ME.name}", "3.12.9")


def clean_up(*_):
    """As pip does on no other signal."""
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        log.write(json.dumps({"title": "clean-up"}) + "\n")
    sys.exit(130)


def main(arguments):
    match arguments:
        case ["-c", code] if "version_info" in code:
            print(VERSION)
            return
        case ["-c", _]:  # can it make virtual environments?
            sys.exit(int(os.environ.get("FAKE_NO_VENV", "0")))
        case ["-m", "pip", "--version"]:
            return
        case ["-I", "-c", _, *modules]:  # is it installed?
            sys.exit(" ".join(modules[:1]) if "pip" in os.environ.get("FAKE_ELSEWHERE", "") else 0)
    title = ME.name if ME.name in ("npm", "tsc") else "ops" if "ops" in arguments else arguments[1]
    hangs = os.environ.get("FAKE_HANGS") == title
    if hangs:
        signal.signal(signal.SIGINT, clean_up)
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        called = {
            "title": title,
            "tool": ME.name,
            "arguments": arguments,
            "cwd": os.getcwd(),
            "path": os.environ.get("PYTHONPATH"),
            "keeps_byte_code": not sys.dont_write_bytecode,
            "environ": dict(os.environ),
        }
        log.write(json.dumps(called) + "\n")
    if title == "venv":
        folder = Path(arguments[2]) / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ME, folder / "python")
    if title == "npm" and "npm" not in os.environ.get("FAKE_ELSEWHERE", ""):
        for name in (".bin/serverless", "serverless-python-requirements/package.json"):
            installed = Path("node_modules", name)
            installed.parent.mkdir(parents=True, exist_ok=True)
            installed.touch()
        lock = json.loads(Path("package-lock.json").read_text())["packages"]
        there = {path: each for path, each in lock.items() if path and not each.get("optional")}
        Path("node_modules", ".package-lock.json").write_text(json.dumps({"packages": there}))
        tsc = Path("node_modules", "typescript", "bin", "tsc")
        tsc.parent.mkdir(parents=True, exist_ok=True)
        tsc.write_text(SCRIPT.format(command=json.dumps(sys.executable), arguments=json.dumps([__file__, tsc.name])))
    if hangs:
        print(f"{title} hangs", flush=True)
        signal.pause()
    if title in os.environ.get("FAKE_FAILS", "").split():
        while f'"title": "{os.environ.get("FAKE_AFTER", title)}"' not in Path(os.environ["FAKE_LOG"]).read_text():
            time.sleep(0.02)
        said = "\n".join(f"{title} says {number}" for number in range(1, 21))
        print(os.environ.get("FAKE_SAYS", said), file=sys.stderr)
        sys.exit(int(os.environ.get("FAKE_EXIT", "3")))


main(sys.argv[2:])
