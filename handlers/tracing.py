"""Traces for X-Ray: what Lambda's own segment of a batch has inside.

::

    consumer                Lambda's segment: one invocation, one batch
      image                 one of its objects, linked to the trace in which its message was sent
        claim, fetch, render, publish, reconcile, complete

An image is sent when it has ended: one datagram to the daemon that Lambda runs beside the function. X-Ray's own SDK
would do the same, and patch every client. What is sent from here has ids and no names, so no erasure concerns it.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from processing.batch import Handle
from processing.errors import Busy, NotStarted, Rejected
from processing.events import Event
from processing.ledger import Delivery, reason_of
from processing.outcome import Outcome

DAEMON: Final = "127.0.0.1:2000"
PROTOCOL: Final = b'{"format": "json", "version": 1}\n'
TRACE_ID: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT_ID: Final = re.compile(r"[0-9a-f]{16}")

log = logging.getLogger("darkroom")


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """A trace, the segment in it that is the parent, and whether X-Ray keeps the trace."""

    trace_id: str
    parent: str
    sampled: bool

    @classmethod
    def read(cls, text: str) -> "TraceHeader | None":
        """From ``Root=1-...;Parent=...;Sampled=1``, in any order and with other fields; None without the two ids."""
        fields = dict(part.strip().partition("=")[::2] for part in text.split(";"))
        root, parent = fields.get("Root", ""), fields.get("Parent", "")
        if not TRACE_ID.fullmatch(root) or not SEGMENT_ID.fullmatch(parent):
            return None
        return cls(root, parent, fields.get("Sampled") == "1")


@dataclass(slots=True)
class _Image:
    """An image of a sampled batch, and the stages that have ended."""

    batch: TraceHeader
    start: float
    stages: list[dict[str, Any]] = field(default_factory=list)


_image: ContextVar[_Image | None] = ContextVar("_image", default=None)  # of the current thread


class Tracer:
    """Sends a document for each image of a batch that X-Ray samples; a failure is logged once and changes nothing.

    Args:
        env: has the daemon's address, and for each invocation the header of its trace.
        clock: seconds since the epoch.
    """

    def __init__(self, env: Mapping[str, str], *, clock: Callable[[], float]) -> None:
        self._env = env
        self._clock = clock
        self._has_failed = False

    def tracing(self, handle: Handle) -> Handle:
        """The same handle, which leaves a trace."""

        def traced(event: Event, delivery: Delivery) -> Outcome:
            batch = TraceHeader.read(self._env.get("_X_AMZN_TRACE_ID", ""))
            if batch is None or not batch.sampled:
                return handle(event, delivery)
            image = _Image(batch, self._clock())
            token = _image.set(image)
            try:
                outcome = handle(event, delivery)
            except Exception as error:
                self._send(image, delivery, error)
                raise
            finally:
                _image.reset(token)
            self._send(image, delivery, outcome)
            return outcome

        return traced

    def observe(self, stage: str, start: float, end: float) -> None:
        """Keep a stage of the image that this thread works on."""
        if (image := _image.get()) is not None:
            image.stages.append({"id": _new_id(), "name": stage, "start_time": start, "end_time": end})

    def _send(self, image: _Image, delivery: Delivery, result: Outcome | Exception) -> None:
        try:
            document = _document(image, self._clock(), delivery, result)
            host, _, port = self._env.get("AWS_XRAY_DAEMON_ADDRESS", DAEMON).rpartition(":")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(PROTOCOL + json.dumps(document).encode(), (host, int(port)))
        except Exception:  # whatever it is, the image has ended
            if not self._has_failed:
                log.warning("traces are not sent", exc_info=True)
            self._has_failed = True


def _document(image: _Image, end: float, delivery: Delivery, result: Outcome | Exception) -> dict[str, Any]:
    annotations: dict[str, Any] = {"message_id": delivery.message_id, "receive": delivery.receive_count}
    document: dict[str, Any] = {
        "type": "subsegment",
        "name": "image",
        "id": _new_id(),
        "trace_id": image.batch.trace_id,
        "parent_id": image.batch.parent,
        "start_time": image.start,
        "end_time": end,
        "annotations": annotations,
        "subsegments": image.stages,
    }
    if isinstance(result, Outcome):
        annotations["outcome"] = str(result.kind)
    else:
        annotations["outcome"] = cause = reason_of(result).cause
        if not isinstance(result, Busy | NotStarted):
            document["error" if isinstance(result, Rejected) else "fault"] = True
            document["cause"] = {"exceptions": [{"id": _new_id(), "type": cause}]}
    sender = TraceHeader.read(delivery.trace)
    if sender is not None and sender.sampled:
        annotations["sent_in"] = sender.trace_id
        document["links"] = [{"trace_id": sender.trace_id, "id": sender.parent}]
    return document


def _new_id() -> str:
    return os.urandom(8).hex()
