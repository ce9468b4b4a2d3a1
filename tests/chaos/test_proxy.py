"""The proxy of the chaos run does to requests what it says, and nothing else."""

import json
import random
import socket

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.troubles import BUS, DECK, PartOfEvents, troubles

HOST = "127.0.0.1"
HALF = b"PUT /uploads/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf"


def test_half_a_request_of_a_killed_client_is_not_forwarded() -> None:
    with socket.create_server((HOST, 0)) as upstream:
        upstream.setblocking(False)
        with (
            Proxy(f"http://{HOST}:{upstream.getsockname()[1]}", seed=1) as proxy,
            socket.create_connection((HOST, int(proxy.url.rpartition(":")[2])), timeout=20) as client,
        ):
            client.sendall(HALF)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""

        with pytest.raises(BlockingIOError):
            upstream.accept()


def test_each_trouble_of_the_bus_has_its_turn() -> None:
    draw = troubles(seed=1)

    assert set(DECK) <= {draw(BUS) for _ in range(4 * len(DECK))}


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_bus_that_takes_a_part_says_so_of_each_entry(count: int) -> None:
    body = json.dumps({"Entries": [{"Source": str(number)} for number in range(count)]}).encode()

    for seed in range(20):
        part = PartOfEvents.of(body, random.Random(seed))
        taken = [entry["Source"] for entry in json.loads(part.rest)["Entries"]] if part.rest else []
        answered = json.dumps({"FailedEntryCount": 0, "Entries": [{"EventId": name} for name in taken]}).encode()
        answer = json.loads(part.answer(answered if taken else b""))

        expected = [name if name in taken else "refused" for name in map(str, range(count))]
        assert [entry.get("EventId", "refused") for entry in answer["Entries"]] == expected
        assert answer["FailedEntryCount"] == count - len(taken) > 0
