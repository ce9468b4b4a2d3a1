"""What environments print arrives in the embedded CloudWatch Logs, line by line and once."""

import uuid

import pytest

from ops.local.log_shipper import LogShipper


@pytest.fixture
def place(emulator, tmp_path):
    return Place(emulator.client("logs"), tmp_path)


class Place:
    """A folder of logs, the shipper that follows it, and a function's name that no other test has."""

    def __init__(self, logs, folder):
        self.logs, self.folder = logs, folder
        self.function = f"function-{uuid.uuid4().hex}"
        self.shipper = LogShipper(logs, folder)

    @property
    def group(self):
        return f"/aws/lambda/{self.function}"

    def write(self, text, number=1):
        with (self.folder / f"{self.function}-{number}.log").open("a") as log:
            log.write(text)

    def shipped(self):
        events = self.logs.filter_log_events(logGroupName=self.group)["events"]
        return [(event["logStreamName"].removeprefix(f"{self.function}-"), event["message"]) for event in events]


def test_each_line_is_an_event_of_its_environments_stream_and_sent_once(place):
    place.write("one\ntwo\n")
    place.shipper.ship()
    place.write("\nthree \N{CAMERA}\n")
    place.write("of another\n", number=2)
    place.shipper.ship()
    place.shipper.ship()

    assert place.shipped() == [("1", "one"), ("1", "two"), ("1", "three \N{CAMERA}"), ("2", "of another")]


def test_a_line_that_is_still_being_written_waits_for_its_end(place):
    place.write("whole\nha")
    place.shipper.ship()
    assert place.shipped() == [("1", "whole")]

    place.write("lf\n")
    place.shipper.ship()
    assert place.shipped()[1:] == [("1", "half")]


def test_what_no_environment_has_printed_is_no_log_of_a_function(place):
    (place.folder / "emulator.log").write_text("a\n")
    (place.folder / "serverless.log").write_text("b\n")
    place.shipper.ship()

    assert place.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/emulator")["logGroups"] == []


def test_a_shipper_that_cannot_go_on_says_so(place):
    place.shipper.folder.joinpath(f"{place.function}-1.log").mkdir()
    place.shipper.start()
    place.shipper._thread.join(10)

    with pytest.raises(IsADirectoryError):
        place.shipper.raise_if_broken()
    place.shipper.stop()
