"""The queue of a receiver: there while its block runs, and no reason to wait when that is broken off."""

import pytest
from botocore.exceptions import ClientError

from ops.local.event_queue import subscribed_queue

NAME, BUS = "receiver", "default"


def test_the_queue_is_gone_behind_its_block(emulator):
    with subscribed_queue(emulator.client, NAME, BUS):
        assert emulator.client("sqs").get_queue_url(QueueName=NAME)

    with pytest.raises(ClientError, match="NonExistentQueue"):
        emulator.client("sqs").get_queue_url(QueueName=NAME)


def test_a_block_that_is_broken_off_asks_nothing_more_of_an_emulator_that_may_hang(emulator):
    asked = list[str]()

    def client(service):
        asked.append(service)
        return emulator.client(service)

    def broken_off():
        with subscribed_queue(client, f"{NAME}-2", BUS):
            asked.clear()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()

    assert asked == []
