"""What a run is said to have come to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.progress import MofNCompleteColumn, TextColumn

from ops.cli.follow import End
from ops.cli.start import report
from ops.cli.start.events import EventTotals
from ops.cli.start.report import Failure, SecondUpload
from ops.cli.start.run import Bars
from ops.cli.terminal import stderr, stdout
from processing.ledger import Phase
from tests.ops.cli import terminals
from tests.ops.cli.start.makers import dead, done, left, photo, version


def total(*ends, seconds=2.0, messages_left=False, again=None, skipped_files=0, events=None, **more):
    return report.total(
        ends,
        seconds=seconds,
        duplicates=1,
        skipped_files=skipped_files,
        messages_left=messages_left,
        contact_sheet=Path("out/index.html"),
        again=again,
        events=events,
        **more,
    )


def printed(ends, totals):
    return terminals.printed(lambda: report.show(stdout(), ends, totals), 140)


def test_the_totals_add_up():
    totals = total(done("a.jpg"), done("b.jpg"), dead("c.jpg"), seconds=1.5)

    assert (totals.images, totals.done, totals.variants) == (3, 2, 4)
    assert (totals.bytes_in, totals.bytes_out) == (3000, 2 * (1920 + 480))
    assert totals.images_per_second == 2.0
    assert totals.dead_letters == (Failure("images/c.jpg", "CorruptImage", "it breaks off"),)


@pytest.mark.parametrize(
    ("ends", "more", "complete"),
    [
        ([done(), dead()], {}, True),
        ([done(), left()], {}, False),
        ([done()], {"messages_left": True}, False),
        ([done()], {"events": EventTotals("bus", missing=1)}, False),
        ([done()], {"events": EventTotals("bus", {"Image Ready": 1})}, True),
        ([done()], {"interrupted": True}, False),
    ],
)
def test_a_run_is_complete_when_every_object_has_its_end_and_the_queue_is_empty(ends, more, complete):
    assert total(*ends, **more).complete is complete


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (left(cause="SlowDown"), "SlowDown"),
        (left(), "IN_PROGRESS"),
        (End(photo(), version(), Phase.DEAD), "NoRecord"),
        (End(photo(), version(), None), "NotStarted"),
        (replace(done(), phase=None), "NotCopied"),
    ],
)
def test_every_failure_has_a_cause_and_words(end, cause):
    failure = report.why(end)

    assert failure.cause == cause
    assert failure.message or cause == "SlowDown"


def test_machines_get_the_same_totals():
    totals = total(done(), dead(), again=SecondUpload(1, 1, 2, 0, True))

    read = json.loads(json.dumps(report.as_json(totals)))

    assert read["images"] == 2
    assert read["dead_letters"] == [{"key": "images/bad.jpg", "cause": "CorruptImage", "message": "it breaks off"}]
    assert read["again"]["variants_written"] == 0
    assert read["complete"] is True


def test_people_get_a_row_for_each_image_and_the_cause_of_each_failure():
    ends = [done("a [red]b.jpg"), dead(), left(cause="SlowDown")]

    text = printed(ends, total(*ends, again=SecondUpload(1, 1, 2, 0, True), skipped_files=4))

    for words in (
        "a [red]b.jpg",
        "4000\u00d72000",
        "dead letter",
        "CorruptImage",
        "it breaks off",
        "Left: 1",
        "SlowDown",
    ):
        assert words in text
    assert "0\u00d70" not in text
    assert "3: 1 done, 1 in the dead-letter queue, 1 left" in text
    assert "4 files: not an image, or ignored by the recipe" in text
    assert "1 image, the same bytes: 1 duplicate, 2 variants unchanged, 0 written" in text


def test_a_long_table_ends_and_says_so():
    ends = [done(f"{number}.jpg") for number in range(report.MOST_ROWS + 7)]

    text = printed(ends, total(*ends))

    assert f"{report.MOST_ROWS - 1}.jpg" in text
    assert f"{report.MOST_ROWS}.jpg" not in text
    assert "and 7 more: they are all in out/index.html" in text


def test_what_is_left_after_an_interruption_is_counted_and_not_listed_without_end():
    ends = [done(), *(left(f"{number}.jpg") for number in range(report.MOST_ROWS + 7))]

    text = printed(ends, total(*ends, interrupted=True, not_uploaded=30, messages_left=True))

    assert "30 photos not uploaded, 47 left; the next run starts over" in text
    assert text.split("Left: 47")[1].count("IN_PROGRESS") == report.MOST_ROWS
    assert "and 7 more: they are all in out/index.html" in text.split("Left: 47")[1]
    assert "nothing is lost" not in text  # the queue goes with the stack


EVENT = {
    "source": "darkroom",
    "detail-type": "Image Ready",
    "time": "2026-11-26T03:39:42Z",
    "account": "123456789012",
    "detail": {"object": {"key": "images/café [x].jpg"}, "variants": [{"name": "desktop"}, {"name": "phone"}]},
}


def test_the_events_are_counted_and_one_is_shown_in_a_line():
    events = EventTotals("darkroom-local", {"Image Ready": 9, "Image Rejected": 2}, missing=1, example=EVENT)

    text = printed([done()], total(done(), events=events))

    assert "11 on the bus darkroom-local: 9 Image Ready, 2 Image Rejected; 1 did not come" in text
    (line,) = (line for line in text.splitlines() if line.startswith("{"))
    shown = json.loads(line)
    assert shown["detail"]["object"] == {"key": "images/café [x].jpg"}
    assert shown["detail"]["variants"] == [{"name": "desktop"}, "and 1 more"]
    assert "account" not in shown


def test_a_run_that_was_interrupted_after_the_last_photo_says_what_was_cut_short():
    text = printed([done()], total(done(), interrupted=True, messages_left=True))

    assert "after every photo was finished; later duplicates and events were not counted" in text
    assert "starts over" not in text


def test_a_run_that_finished_nothing_shows_no_table():
    text = printed([], total(interrupted=True, not_uploaded=3))

    assert "outcome" not in text
    assert "3 photos not uploaded, 0 left; the next run starts over" in text


def test_what_another_thread_prints_after_the_bars_begins_a_line():
    def show():
        console = stderr()
        bars = Bars(TextColumn("{task.description}"), MofNCompleteColumn(), console=console)
        bars.start()
        bars.add_task("copied", total=21, completed=21)
        bars.live.stop()
        console.print("interrupted")

    assert terminals.printed(show).splitlines() == ["copied 21/21", "interrupted"]
