"""Hundreds and thousands of messages; `scale` does the same with 10,000."""

import random

import pytest

from tests.ops.cli.dlq.scale import CAUSES, bury, key_of, objects, redrive_at, redrive_with_kills, took


def test_two_thousand_messages_are_grouped_in_their_share_of_a_minute(place, emulator):
    bury(place, 2000)

    with took(emulator) as look:
        groups = place.json("groups")["groups"]

    assert {group["cause"]: group["messages"] for group in groups} == dict.fromkeys(CAUSES, 500)
    assert look.cpu < 12  # seconds of CPU, the emulator's among them: 60 for 10,000, however busy the machine is


@pytest.mark.parametrize("rate", [20, 60])
def test_a_redrive_holds_the_rate_that_was_asked_within_a_tenth(place, rate):
    bury(place, 3 * rate)

    assert redrive_at(place, rate, 3 * rate) == pytest.approx(rate, rel=0.1)


def test_a_redrive_that_is_killed_at_random_moments_loses_nothing(place):
    bury(place, 300)

    killed = redrive_with_kills(place, 4, random.Random(4), rate=150)

    found = objects(place)
    assert killed >= 2
    assert set(found) == {key_of(number) for number in range(300)}
    assert place.dead_messages == (0, 0)
    assert len(found) - 300 <= 8 * 10 * killed  # what was being sent when it was killed: 8 requests of 10
