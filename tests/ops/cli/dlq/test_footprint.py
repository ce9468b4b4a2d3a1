"""How many of the project's files the redrive of one message enters: what somebody reads who follows it in the code."""

from ops.cli.main import make_app
from tests.footprint import entered

MAX_OPS, MAX_PROCESSING = 10, 5


def test_the_redrive_of_one_message_enters_few_files(place):
    name = place.dead("images/a.jpg", cause="AccessDenied", message="s3:GetObject images/a.jpg: Forbidden")

    app = make_app()

    files = entered(lambda: place.run("redrive", name, app=app))

    assert place.queued == 1
    ops = sorted(file for file in files if file.startswith("ops/"))
    processing = sorted(file for file in files if file.startswith("processing/"))
    assert len(ops) <= MAX_OPS, ops
    assert len(processing) <= MAX_PROCESSING, processing
