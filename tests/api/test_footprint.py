"""The number of the project's files that one POST /upload enters: what a person reads to follow the request."""

import gc
import inspect
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from handlers import api
from tests.api.conftest import Stage
from tests.api.gateway import event

PROJECT = Path(__file__).resolve().parents[2]
MAX_FILES = 12


def entered(run: Callable[[], object]) -> set[str]:
    """The project's files, without the tests, of which any function is called."""
    files = set()

    def note(frame, event, _argument):
        if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # of a function
            files.add(frame.f_code.co_filename)

    gc.collect()  # or generators that other tests left are ended meanwhile, which counts as a call
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    inside = (Path(file).relative_to(PROJECT) for file in files if file.startswith(f"{PROJECT}/"))
    return {path.as_posix() for path in inside if path.parts[0] in ("api", "handlers", "processing")}


def test_an_upload_enters_few_files(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # a stage logs at INFO by default; the tests' environment only logs errors
    monkeypatch.setattr(logging.getLogger("darkroom").handlers[0], "level", logging.INFO)
    given = event("POST", "/upload?name=cat.png", b"png", {"content-type": "image/png"}, stage="dev", caller="anna")
    answers = []

    files = entered(lambda: answers.append(api.handler(given, None)))

    assert answers[0]["statusCode"] == 201
    assert len(files) <= MAX_FILES, sorted(files)
