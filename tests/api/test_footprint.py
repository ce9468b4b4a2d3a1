"""The number of the project's files that one POST /upload enters: what a person reads to follow the request."""

import logging

import pytest

from handlers import api
from tests.api.conftest import Stage
from tests.api.gateway import event
from tests.footprint import entered

MAX_FILES = 12


def test_an_upload_enters_few_files(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # a stage logs at INFO by default; the tests' environment only logs errors
    monkeypatch.setattr(logging.getLogger("darkroom").handlers[0], "level", logging.INFO)
    given = event("POST", "/upload?name=cat.png", b"png", {"content-type": "image/png"}, stage="dev", caller="anna")
    answers = []

    files = entered(lambda: answers.append(api.handler(given, None)))

    assert answers[0]["statusCode"] == 201
    assert len(files) <= MAX_FILES, sorted(files)
