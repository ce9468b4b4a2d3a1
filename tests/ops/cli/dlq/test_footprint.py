"""How many of the project's files the redrive of one message enters: what somebody reads who follows it in the code."""

import gc
import inspect
import sys
import threading
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[4]
MAX_OPS, MAX_PROCESSING = 10, 5


def entered(run):
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
    return {Path(file).relative_to(PROJECT).as_posix() for file in files if file.startswith(f"{PROJECT}/")}


def test_the_redrive_of_one_message_enters_few_files(place):
    name = place.dead("images/a.jpg", cause="AccessDenied", message="s3:GetObject images/a.jpg: Forbidden")

    files = entered(lambda: place.run("redrive", name))

    assert place.queued == 1
    ops = sorted(file for file in files if file.startswith("ops/"))
    processing = sorted(file for file in files if file.startswith("processing/"))
    assert len(ops) <= MAX_OPS, ops
    assert len(processing) <= MAX_PROCESSING, processing
