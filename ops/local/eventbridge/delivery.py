"""An event on its way to the targets of a rule: tried at once, tried again, or set aside.

Each target is on its own, and PutEvents has answered whatever becomes of them. What is on this machine's network is
tried on other threads, since whoever receives it may ask the emulator something.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

import copy
import functools
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ops.local.eventbridge.failures import UndeliveredError
from ops.local.eventbridge.inputs import InvalidInputError, as_sent, input_of
from ops.local.eventbridge.schedule import Schedule
from ops.local.eventbridge.sending import BY_MOTO, kind_of, send, send_to_queue

MOST_RETRIES: Final = 185
OLDEST_SECONDS: Final = 86_400.0
LONGEST_WAIT: Final = 60.0

_LOG: Final = logging.getLogger(__name__)
_SCHEDULE: Final = Schedule()


def delivering(send_by_moto: Callable[..., None]) -> Callable[..., None]:
    """``Rule.send_to_targets`` that delivers to each target whose kind moto does not know, and to queues."""

    @functools.wraps(send_by_moto)
    def send_to_targets(rule: Any, event: Any, transform_input: bool = True) -> None:
        pattern = rule.event_pattern  # empty where the rule has a schedule in its place
        if rule.state != "ENABLED" or not pattern.get_pattern() or not pattern.matches_event(event):
            return
        for target in list(rule.targets):
            if kind_of(target["Arn"]) in BY_MOTO:
                alone = copy.copy(rule)
                alone.targets = [target]
                send_by_moto(alone, event, transform_input)
            else:
                EventDelivery(rule, target, as_sent(event)).begin()

    return send_to_targets


@dataclass
class EventDelivery:
    """One event for one target of a rule; ``event`` is as AWS writes it."""

    rule: Any
    target: Mapping[str, Any]
    event: Mapping[str, Any]
    tries: int = 0
    began: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Try at once, or on another thread where it is a request."""
        if kind_of(self.target["Arn"]) == "api-destination":
            _SCHEDULE.later(0, self.attempt)
        else:
            self.attempt()

    def attempt(self) -> None:
        """Try, and see to what follows from a failure."""
        self.tries += 1
        try:
            send(self.rule, self.target, input_of(self.target, self.event, self.rule.arn))
        except InvalidInputError as error:
            self._set_aside(UndeliveredError("INVALID_JSON", str(error)))
        except UndeliveredError as failure:
            self._go_on_after(failure)

    def _go_on_after(self, failure: UndeliveredError) -> None:
        wait = random.uniform(0.5, 1) * min(2.0 ** (self.tries - 1), LONGEST_WAIT)
        age = time.monotonic() - self.began + wait
        if not failure.may_pass:
            self._set_aside(failure)
        elif exhausted := broken_limit(self.target.get("RetryPolicy", {}), self.tries, age):
            self._set_aside(failure, EXHAUSTED_RETRY_CONDITION=exhausted)
        else:
            _SCHEDULE.later(wait, self.attempt)

    def _set_aside(self, failure: UndeliveredError, **more: str) -> None:
        arn = self.target["Arn"]
        _LOG.warning("%s has no event of %s: %s: %s", arn, self.rule.arn, failure.code, failure)
        queue = self.target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        attributes = {
            "RULE_ARN": self.rule.arn,
            "TARGET_ARN": arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure),
            "RETRY_ATTEMPTS": str(self.tries - 1),
            **more,
        }
        try:
            send_to_queue(self.rule, queue, json.dumps(self.event), attributes=attributes)
        except UndeliveredError as lost:
            _LOG.error("the event is lost: %s", lost)


def broken_limit(policy: Mapping[str, Any], retry: int, age: float) -> str:
    """The limit of a retry policy that this retry would break, with the age of the event then in seconds; or none."""
    if retry > int(policy.get("MaximumRetryAttempts", MOST_RETRIES)):
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if age > float(policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)) else ""
