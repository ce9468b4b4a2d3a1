"""Healthy but slow images take one receive each, and none becomes a dead letter."""

import json
from typing import Any

import pytest

from bench.receives import main


def receives(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    status = main(["--images", "200", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)["rows"]


def test_with_the_service_s_own_parameters_every_image_takes_one_receive(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = receives(capsys)

    assert status == 0
    assert [row["seconds"] for row in rows] == [6, 9, 12, 13.5, 14.9]
    assert {(row["dead"], row["never_tried"], row["receives_an_image"]) for row in rows} == {(0, 0, 1.0)}


def test_images_with_a_second_try_cost_the_others_no_receive(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = receives(capsys, "--outgrow", "--seconds", "6", "11", "14.9")

    assert status == 0
    assert rows[0]["receives_an_image"] == 1.0
    assert [row["never_tried"] for row in rows] == [0, 0, 0]


def test_a_timeout_that_packaging_refuses_costs_receives_and_images(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = receives(capsys, "--timeout", "60", "--seconds", "8", "14.9", "--images", "1000")

    assert rows[0]["receives_an_image"] > 1.5
    assert (status, rows[1]["never_tried"] > 0) == (1, True)
