"""A rate is held whatever the sending itself takes; what SQS did not take is sent again; depths are counted whole."""

import pytest

from ops.cli.queues import MAX_BYTES, TRIES, BulkSender, NotSent, OutgoingMessage, RateLimiter, Sender, depth_of


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("rate", [0.5, 3, 20, 500])
@pytest.mark.parametrize("work", [0.0, 0.01])
def test_the_rate_is_held_over_many_requests(rate, work):
    clock = Clock()
    limiter = RateLimiter(rate, clock=clock, pause=clock.pause)
    sent = 0

    while clock.now < 160:
        limiter.wait(limiter.step)
        sent += limiter.step
        clock.now += work * limiter.step / rate

    assert sent == pytest.approx(60 * rate, rel=0.03, abs=limiter.step)


def test_a_long_stand_is_not_made_up_for():
    clock = Clock()
    limiter = RateLimiter(10, clock=clock, pause=clock.pause)
    limiter.wait(5)
    clock.now += 3600

    sent, begun = 0, clock.now
    while clock.now < begun + 10:
        limiter.wait(5)
        sent += 5

    assert sent <= 110


def test_a_low_rate_comes_evenly():
    assert [RateLimiter(rate).step for rate in (0.1, 1, 4, 20, 500)] == [1, 1, 2, 10, 10]


def test_without_a_rate_nothing_waits():
    clock = Clock()

    RateLimiter(None, clock=clock, pause=clock.pause).wait(10_000)

    assert clock.now == 100


class Queue:
    """SendMessageBatch that refuses some bodies: for good, or the first so many times."""

    def __init__(self, *, for_good=(), times=None):
        self.for_good, self.times, self.sent, self.requests = set(for_good), dict(times or {}), [], 0

    def send_message_batch(self, **request):
        self.requests += 1
        answer: dict[str, list[dict[str, object]]] = {"Successful": [], "Failed": []}
        for entry in request["Entries"]:
            text = entry["MessageBody"]
            if text in self.for_good or self.times.get(text, 0) > 0:
                self.times[text] = self.times.get(text, 0) - 1
                fault = {"Id": entry["Id"], "Code": "Because", "SenderFault": text in self.for_good}
                answer["Failed"].append(fault)
            else:
                self.sent.append((text, entry["MessageGroupId"]))
                answer["Successful"].append({"Id": entry["Id"]})
        return answer


def sender(queue, pauses=None):
    return Sender(queue, "url", (pauses if pauses is not None else []).append)


def messages(*bodies):
    return [OutgoingMessage(body, "backfill") for body in bodies]


def test_messages_of_a_batch_that_were_not_sent_are_sent_again_and_no_others():
    queue = Queue(times={"b": 2})
    pauses: list[float] = []

    sender(queue, pauses).send(messages("a", "b", "c"))

    assert [text for text, _ in queue.sent] == ["a", "c", "b"]
    assert {group for _, group in queue.sent} == {"backfill"}
    assert pauses == [0.5, 1.0]


def test_a_message_that_is_refused_for_what_it_is_is_not_sent_again():
    queue = Queue(for_good={"b"})

    with pytest.raises(NotSent) as refusal:
        sender(queue).send(messages("a", "b"))

    assert refusal.value.refused == {1: "Because"}
    assert queue.requests == 1


def test_a_message_that_is_refused_again_and_again_is_given_up():
    queue = Queue(times={"b": 99})

    with pytest.raises(NotSent) as refusal:
        sender(queue).send(messages("a", "b"))

    assert refusal.value.refused == {1: "Because"}
    assert queue.requests == TRIES


def test_a_message_that_is_in_neither_list_was_not_sent():
    class Silent:
        def send_message_batch(self, **request):
            return {}

    with pytest.raises(NotSent) as refusal:
        sender(Silent()).send(messages("a"))

    assert refusal.value.refused == {0: "no answer"}


def test_many_messages_go_in_requests_that_sqs_takes_and_only_what_was_sent_is_reported():
    queue = Queue(for_good={"17"})
    reported: list[int] = []
    bulk = BulkSender(sender(queue), RateLimiter(None), reported.extend)

    bulk.send(zip(range(25), messages(*map(str, range(25))), strict=True))

    assert queue.requests == 3
    assert sorted(bulk.sent) == sorted(reported) == [number for number in range(25) if number != 17]
    assert bulk.refused == [(17, "Because")]


def test_a_request_is_no_larger_than_sqs_takes():
    queue = Queue()
    large = messages("a" * (MAX_BYTES // 2), "b" * (MAX_BYTES // 2), "c")

    BulkSender[int](sender(queue), RateLimiter(None)).send(enumerate(large))

    assert queue.requests == 2


def test_sending_stops_when_it_is_told_to():
    bulk, answers = BulkSender[int](sender(Queue()), RateLimiter(None)), iter([False, False, True])

    bulk.send(enumerate(messages(*map(str, range(50)))), stop=lambda: next(answers))

    assert sorted(bulk.sent) == list(range(20))


def test_a_queue_is_empty_only_when_nothing_waits_is_delayed_or_is_in_flight():
    class Counts:
        def get_queue_attributes(self, *, QueueUrl, AttributeNames):  # noqa: N803 - boto3's names
            return {"Attributes": dict(zip(AttributeNames, ("1", "10", "100"), strict=True))}

    assert depth_of(Counts(), "url").total == 111
