"""Which messages a filter takes, and how ages and ids are read."""

from collections import defaultdict

import pytest
import typer

from ops.cli.dlq.causes import Cause, DeadMessage, Diagnosis
from ops.cli.dlq.selection import Filter, seconds
from ops.cli.stage import Stage
from ops.errors import NotFoundError, UsageError
from processing.events import ObjectCreated

NOW = 1_000_000.0
STAGE = Stage.of("prod", "eu-west-1", defaultdict(str), lambda _service: None)


def case(name, key="images/a.jpg", *, cause=("CorruptImage", ""), age=60.0, bucket="uploads"):
    message = DeadMessage(name, "handle", "body", {"SentTimestamp": str(int((NOW - age) * 1000))})
    return Diagnosis(message, Cause(*cause), event=ObjectCreated(bucket, key, "e1"))


CASES = [
    case("aaaa1111-1", "images/2026/a.jpg"),
    case("aaaa2222-2", "images/2025/b.jpg", cause=("ValueError", "ab12cd34"), age=7200),
    case("bbbb3333-3", "images/c.jpg", cause=("ValueError", "ffffffff"), bucket="others"),
    Diagnosis(DeadMessage("cccc4444-4", "handle", "not json"), Cause("MalformedMessage")),
]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (Filter(), "abcd"),
        (Filter(causes=("ValueError",)), "bc"),
        (Filter(causes=("ValueError:ab12cd34",)), "b"),
        (Filter(causes=("ValueError:ab12cd34", "CorruptImage")), "ab"),
        (Filter(where="images/20*"), "ab"),
        (Filter(where="*.jpg", causes=("CorruptImage",)), "a"),
        (Filter(bucket="others"), "c"),
        (Filter(older_than=3600), "bd"),
        (Filter(newer_than=3600), "ac"),
        (Filter(ids=("aaaa2222", "cccc")), "bd"),
        (Filter(ids=("aaaa2222",), causes=("CorruptImage",)), ""),
    ],
)
def test_a_message_is_taken_when_every_condition_holds(chosen, ids):
    names = dict(zip((case.message.message_id for case in CASES), "abcd", strict=True))

    assert "".join(names[case.message.message_id] for case in chosen.choose(CASES, STAGE, now=NOW)) == ids


@pytest.mark.parametrize(("name", "why"), [("aaaa", "2 messages"), ("ccc", "at least 4 characters")])
def test_an_id_that_may_be_of_several_messages_is_refused(name, why):
    with pytest.raises(UsageError, match=why):
        Filter(ids=(name,)).choose(CASES, STAGE)


def test_an_id_that_no_message_has_is_not_found_and_the_hint_names_the_stage():
    with pytest.raises(NotFoundError, match=r"no message has the id dddd: .*darkroom dlq list --stage prod$"):
        Filter(ids=("dddd",)).choose(CASES, STAGE)


def test_ages_are_read_in_four_units():
    assert [seconds(text) for text in ("90s", "1.5m", "2h", "7d")] == [90, 90, 7200, 604800]


@pytest.mark.parametrize("text", ["", "2", "h", "2 weeks", "-2h"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(typer.BadParameter, match="2h"):
        seconds(text)


def test_a_filter_reads_as_it_can_be_typed():
    assert str(Filter()) == "--all"
    assert (
        str(Filter(ids=("aaaa",), causes=("X",), where="a*", older_than=90))
        == "--cause X --where 'a*' --older-than 90s aaaa"
    )
    assert not Filter()
    assert Filter(newer_than=0.5)
