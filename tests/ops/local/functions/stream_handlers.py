"""Handlers of stream records for the player's tests; each prints, as a JSON line, the keys that it was given."""

import json
import os
import threading
from pathlib import Path


def _print(event):
    keys = [record["dynamodb"]["Keys"]["k"]["S"] for record in event["Records"]]
    print(json.dumps({"keys": keys, "first": event["Records"][0]}), flush=True)
    return keys


def _is_first_time():
    mark = Path(os.environ["MARK"])
    first = not mark.exists()
    mark.touch()
    return first


def succeed(event, _context):
    _print(event)
    return {"batchItemFailures": []}


def refuse_c_once(event, _context):
    keys = _print(event)
    if "c" not in keys or not _is_first_time():
        return {"batchItemFailures": []}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
    return {"batchItemFailures": [{"itemIdentifier": numbers[keys.index("c")]}]}


def die_of_poison(event, _context):
    if "poison" in _print(event):
        raise ValueError("poison")
    return {"batchItemFailures": []}


def name_an_unknown_number_once(event, _context):
    _print(event)
    return {"batchItemFailures": [{"itemIdentifier": "1"}] if _is_first_time() else []}


def hang_the_first_time(event, _context):
    _print(event)
    if _is_first_time():
        threading.Event().wait()
    return {"batchItemFailures": []}
