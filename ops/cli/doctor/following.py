"""Follows the doctor's pictures to their ends in the images table."""

from collections.abc import Sequence

from ops.cli.doctor.checkup import Checkup, SentPicture
from ops.cli.follow import End, Follower
from processing.ledger import ImagesTable, Version


def follow(checkup: Checkup, pictures: Sequence[SentPicture], timeout: float) -> None:
    """Until each has its end, or none came for ``timeout`` seconds; then what is known of it is its end."""
    stage = checkup.deployed

    def on_end(end: End[SentPicture]) -> None:
        end.subject.seconds = checkup.monotonic() - end.subject.sent_at

    table = ImagesTable(checkup.client("dynamodb"), stage.images_table)
    follower = Follower[SentPicture](table, on_end=on_end, clock=checkup.monotonic, pause=checkup.pause)
    for each in pictures:
        follower.add(each, Version(stage.uploads_bucket, each.key, each.etag))
    for end in follower.wait_for_all(timeout):
        end.subject.end = end
