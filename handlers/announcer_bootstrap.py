"""The composition root of the announcer: builds it from its settings and a client of EventBridge."""

import os
import time
from collections.abc import Callable, Mapping

import boto3
from botocore.config import Config

from handlers.telemetry import log_as_json
from processing.outbox import Announcer, EventBus
from processing.settings import AnnouncerSettings

# A batch is ten requests, each answered at its second attempt at the latest: 10 x 2 x (1 + 3) s, of a timeout of 90 s
CLIENT = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


def build_announcer(env: Mapping[str, str] | None = None, *, clock: Callable[[], float] = time.time) -> Announcer:
    """Build the announcer from its environment.

    Raises:
        Misconfigured: the settings are invalid; every fault is listed.
    """
    settings = AnnouncerSettings.from_mapping(os.environ if env is None else env)
    log_as_json(settings.log_level)
    bus = EventBus(boto3.client("events", config=CLIENT), settings.event_bus)
    return Announcer(bus, settings.variants_bucket, settings.cdn_url, clock)
