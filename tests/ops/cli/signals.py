"""Signals to this process in the midst of a command: Ctrl-C, `kill`, and a terminal that is closed."""

import signal
import threading
from contextlib import contextmanager
from itertools import count

from ops.cli.interruption import SIGNALS, listen


@contextmanager
def signals_restored():
    """Give each signal back its handler at the end; meanwhile none of them ends the tests, nor is ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signal_at(number, client, operation, *, after=0):
    """Send a signal before a request of a boto3 client: of this operation, when so many were sent.

    Yields the operations that the client was to send from then on.
    """
    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}"
    counted, requested = count(), list[str]()
    main = threading.main_thread().ident
    assert main is not None

    def note(model, **_):
        if requested or (model.name == operation and next(counted) == after):
            requested.append(model.name)
            if len(requested) == 1:
                signal.pthread_kill(main, number)

    client.meta.events.register(event, note, unique_id="signal")
    try:
        with signals_restored():
            listen()
            yield requested
    finally:
        client.meta.events.unregister(event, unique_id="signal")
    assert requested, f"{operation} was not called {after + 1} times"
