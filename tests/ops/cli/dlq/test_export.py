"""Letters go out to a file and in again as they were, and none is deleted that is not in a file."""

import json

import pytest

from ops.cli.dlq.causes import Cause, DeadMessage, Diagnosis
from ops.cli.dlq.export import read_lines, save


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_export_holds_every_message_and_leaves_them_where_they_are(place, tmp_path):
    message = place.dead("images/a.jpg", cause="CorruptImage", status="REJECTED", message="it breaks off")
    place.bury("not json")

    result = place.run("export", "--out", str(tmp_path / "messages.jsonl"))

    first, second = lines(tmp_path / "messages.jsonl")
    assert (result.exit_code, place.dead_messages) == (0, (2, 0))
    assert (first["id"], first["cause"], first["body"]) == (message, "CorruptImage", place.body("images/a.jpg"))
    assert (first["record"]["reason"]["message"], second["body"], second["record"]) == (
        "it breaks off",
        "not json",
        None,
    )


def test_an_export_to_standard_output_is_json_lines_and_nothing_else(place):
    place.bury("one", "two")

    result = place.run("export")

    assert sorted(json.loads(line)["body"] for line in result.stdout.splitlines()) == ["one", "two"]


def test_what_was_exported_can_be_imported_as_it_was(place, tmp_path):
    attributes = {"who": {"DataType": "String", "StringValue": "ä\n"}, "n": {"DataType": "Number", "StringValue": "3"}}
    body = place.body("images/ä ü.jpg")
    place.bury(body, **attributes)
    file = str(tmp_path / "messages.jsonl")
    place.run("export", "--out", file)
    place.receive_all(place.stage.dlq_url)  # and out of sight

    result = place.run("import", file)

    (message,) = place.receive_all(place.stage.dlq_url)
    assert (result.exit_code, message["Body"]) == (0, body)
    assert message["MessageAttributes"] == attributes
    assert place.json("history")[0]["command"] == "import"


def test_binary_attributes_survive_the_file(tmp_path):
    attributes = {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    save(
        [Diagnosis(DeadMessage("id", "handle", "body", {}, attributes), Cause("unknown"))], tmp_path / "messages.jsonl"
    )

    with (tmp_path / "messages.jsonl").open() as file:
        (case,) = read_lines(file)
    assert case.message.message_attributes == attributes


def test_an_import_to_the_queue_is_a_redrive(place, tmp_path):
    (tmp_path / "messages.jsonl").write_text('{"body": "one"}\n\n{"body": "two"}\n')

    result = place.run("import", str(tmp_path / "messages.jsonl"), "--to-queue", "--json")

    assert json.loads(result.stdout)["sent"] == 2
    assert (place.queued, place.dead_messages) == (2, (0, 0))


def test_standard_input_is_read_too(place):
    assert place.run("import", "-", input='{"body": "one"}\n').exit_code == 0
    assert place.dead_messages == (1, 0)


@pytest.mark.parametrize(
    "line", ["words", "[]", '{"id": "x"}', '{"body": 3}', '{"body": "x", "message_attributes": 3}']
)
def test_a_file_with_a_line_that_is_not_a_message_is_refused_before_anything_is_sent(place, line):
    result = place.run("import", "-", input='{"body": "one"}\n' + line + "\n")

    assert result.exit_code == 2
    assert "line 2 is not a message" in result.stderr
    assert place.dead_messages == (0, 0)


def test_an_import_can_be_tried_dry(place):
    place.run("import", "-", "--dry-run", input='{"body": "one", "cause": "CorruptImage"}\n')

    assert (place.dead_messages, place.queued) == ((0, 0), 0)


@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=["sent", "dry"])
def test_an_import_of_nothing_says_so(place, tmp_path, options):
    (tmp_path / "none.jsonl").touch()

    by_file = place.run("import", str(tmp_path / "none.jsonl"), *options)
    by_pipe = place.run("import", "-", *options, input="")

    assert (by_file.exit_code, by_pipe.exit_code) == (1, 1)
    assert by_file.stderr == f"{tmp_path / 'none.jsonl'} has no message: nothing to send\n"
    assert by_pipe.stderr == "standard input has no message: nothing to send\n"


def test_a_file_that_exists_is_not_overwritten(place, tmp_path):
    place.bury("message")
    (tmp_path / "kept").write_text("mine")

    for command in (["export"], ["purge", "--all", "--yes", "1"]):
        result = place.run(*command, "--out", str(tmp_path / "kept"))

        assert result.exit_code == 2
        assert "exists already" in result.stderr
    assert (tmp_path / "kept").read_text() == "mine"
    assert place.dead_messages == (1, 0)


def test_a_purge_exports_first_and_deletes_just_that(place, tmp_path):
    for number in range(12):
        place.dead(f"images/done-{number}.jpg", status="DONE")
    place.dead("images/corrupt.jpg", status="REJECTED", cause="CorruptImage")
    out = tmp_path / "purged.jsonl"

    result = place.run("purge", "--cause", "done", "--out", str(out), input="12\n")

    assert (result.exit_code, place.dead_messages) == (0, (1, 0)), result.output
    assert {line["cause"] for line in lines(out)} == {"done"}
    assert len(lines(out)) == 12
    (entry,) = place.json("history")
    assert (entry["command"], entry["sent"], entry["causes"]) == ("purge", 12, {"done": 12})


def test_a_purge_without_a_name_for_its_file_takes_one_with_the_time(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place.bury("message")

    place.run("purge", "--all", "--yes", "1")

    (file,) = tmp_path.iterdir()
    assert file.name.startswith(f"dlq-{place.name}-20")
    assert lines(file)[0]["body"] == "message"


@pytest.mark.parametrize("typed", ["11\n", "\n", ""])
def test_a_purge_whose_number_was_not_typed_deletes_nothing(place, tmp_path, typed):
    place.bury_many([f"message {number}" for number in range(12)])

    result = place.run("purge", "--all", "--out", str(tmp_path / "out"), input=typed)

    assert result.exit_code != 0
    assert f"nothing was deleted; the messages are also in {tmp_path / 'out'}" in result.stderr
    assert (place.dead_messages, len(lines(tmp_path / "out"))) == ((12, 0), 12)


def test_a_purge_says_what_would_be_deleted_and_what_it_could_not(place, tmp_path, monkeypatch):
    place.bury("message")
    assert place.run("purge", "--all", "--dry-run").exit_code == 0
    assert place.run("purge", "--out", str(tmp_path / "out")).exit_code == 2
    assert (place.dead_messages, list(tmp_path.iterdir())) == ((1, 0), [])
    monkeypatch.setattr("ops.cli.stage.find", lambda *_names: place.stage)
    client = place.stage.client("sqs")
    monkeypatch.setattr(client, "delete_message_batch", lambda **_request: {"Failed": [{"Id": "0"}]})

    result = place.run("purge", "--all", "--yes", "1", "--out", str(tmp_path / "out"))

    assert result.exit_code == 1
    assert "0 of 1 deleted, 1 refused" in result.stdout
    assert place.dead_messages == (1, 0)
