"""On the local stack with a CDN: an upload's event comes to each receiver with links, and an overwrite gives others."""

from ops.local.emulator import PROJECT
from ops.local.stack import LocalStack
from tests.events.way_out import publish_twice, story


def test_an_overwrite_gives_other_links_and_each_shows_a_whole_picture_for_a_year(tmp_path):
    with LocalStack(PROJECT, work_dir=tmp_path, progress=lambda _: None, cdn=True) as stack, story(stack) as told:
        links = publish_twice(told)

    assert len(set(links)) == 6
