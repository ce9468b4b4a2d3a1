"""The transcript of docs/operating.md is what the commands print: four causes, one a bug; two are fixed, two not."""

import re

import pytest

from tests.ops.cli.dlq.transcript import (
    CORRUPT,
    DENIED,
    DOCUMENT,
    FAULTY,
    ROOT,
    UNSUPPORTED,
    RouteHandler,
    documented,
    normalized,
    written,
)


@pytest.fixture(scope="module")
def story(stack):
    """The story, with 15 good uploads; what earlier tests left among the messages would be told of as well."""
    sqs = stack.client("sqs")
    sqs.purge_queue(QueueUrl=stack.outputs["UploadsDlqUrl"])
    story = RouteHandler(stack, uploads=75)
    story.play()
    yield story
    story.close()


def test_the_document_shows_what_the_commands_print(story):
    shown = documented(DOCUMENT.read_text(encoding="utf-8"))

    assert normalized(story.text) == normalized(shown), "write it anew: python -m tests.ops.cli.dlq.transcript --write"


def test_the_redrive_of_the_mended_cause_empties_its_group_and_only_that(story):
    assert story.causes() == {"CorruptImage": CORRUPT, "UnsupportedFormat": UNSUPPORTED}
    assert {record.status for record in story.records("private")} == {"DONE"}
    assert len(story.records("private")) == DENIED
    assert {record.status for record in story.records("panorama")} == {"DONE"}
    assert len(story.records("panorama")) == FAULTY


def test_the_bug_is_shown_with_its_place_and_its_traceback_and_reproduced_by_replay(story):
    bug = "in turn_upright\n"
    shown, replayed = (part for part in story.text.split("$ ") if bug in part)

    assert shown.startswith("darkroom dlq show ")
    assert re.search(r"^  where +imaging/steps.py:\d+ turn_upright < ", shown, re.MULTILINE)
    assert replayed.startswith("darkroom replay ")
    assert all(part.count("ZeroDivisionError: integer division or modulo by zero") for part in (shown, replayed))
    assert str(ROOT) not in story.text


def test_each_message_that_died_is_one_death_until_its_object_is_done(story):
    assert set(story.deaths.values()) == {1}
    assert {record.deaths for record in story.records("panorama")} == {0}


def test_a_message_that_was_looked_at_and_redriven_is_delivered_as_its_first_receive(story):
    """Up to five attempts, many looks, and one more: the redriven message is a new life, not a sixth receive."""
    assert {record.attempts - story.attempts[record.version.key] for record in story.records("private")} == {1}
    assert {story.receives(record.version.key) for record in story.records("private")} == {1}


def test_the_broken_files_were_tried_again_just_by_their_canaries(story):
    for folder in ("camera", "notes"):
        assert sorted(record.attempts for record in story.records(folder))[-3:] == [1, 2, 2]


def test_two_runs_differ_in_nothing_but_what_must():
    one = "a23f72d9  3 min  images/notes/00.jpg 2026-11-21 12:14Z images%2Fprivate%2F18.jpg 500 uploads bytes 1107"
    other = "0b22c7e1   59 s  images/notes/14.jpg 2026-12-01 07:01Z images%2Fprivate%2F02.jpg 100 uploads bytes   999"

    assert normalized(one) == normalized(other)
    assert normalized(one) != normalized(one.replace("private", "public"))


def test_writing_the_document_changes_the_transcript_and_nothing_else():
    document = DOCUMENT.read_text(encoding="utf-8")

    assert written(document, documented(document)) == document
    assert documented(written(document, "$ other\n")) == "$ other\n"
