"""Text of strangers is harmless and whole in sentences, cells, JSON and shell commands, in every encoding."""

import io
import json
import shlex
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime

import pytest
from rich.text import Text

from ops.cli.tables import facts, lines, table
from ops.cli.terminal import age, make_printable, many, moment, print_json, quoted, stderr, stdout, to_json, visible
from tests.ops.cli.terminals import printed

STEERING = "".join(chr(code) for code in range(0x3000) if unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp"))
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
KEYS = [
    'images/it\'s $(rm -rf ~) `x` "y".jpg',
    "images/a\nb\tc.jpg",
    "images/\x1b]0;title\x07\x1b[2J\x9b31m\x7f.jpg",
    f"images/{BIDI}gpj.exe",
    "images/:smile: [red]x[/red] \\x1b é 漢 \U0001f600.jpg",
    "-rf",
]


def test_what_steers_a_terminal_is_an_escape_and_nothing_else_is_changed():
    assert all(character.isprintable() for character in visible(STEERING + BIDI))
    assert visible("a\x1b\x9b\u202e\n\tb") == "a\\x1b\\x9b\\u202e\\n\\tb"
    assert visible("é 漢 \U0001f600 [red] \\ '") == "é 漢 \U0001f600 [red] \\ '"


@pytest.mark.parametrize("columns", [20, None])
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_shown_on_one_line_wherever_it_is_printed(key, columns):
    def show():
        stdout().print(table(("object",), [[key]], whole=("object",)))
        stdout().print(facts([("key", key)]))
        stdout().print(f"sent {key}")
        stderr().print(f"lost {key}")

    said = printed(show, columns)

    assert all(character.isprintable() or character == "\n" for character in said)
    assert said.count(visible(key)) == 4


def test_what_was_not_filtered_before_is_filtered_at_the_end():
    assert printed(lambda: stdout().print(Text("a\x1bb"))) == "a\\x1bb\n"


def test_what_is_meant_to_have_lines_has_them():
    assert printed(lambda: stdout().print(lines("one\n  two\x1b"))) == "one\n  two\\x1b\n"


@pytest.mark.parametrize("key", KEYS)
def test_a_shell_reads_a_quoted_key_as_it_is(key):
    word = quoted(key)

    assert word.isprintable()
    shell = subprocess.run(["bash", "-c", f"printf %s {word}x"], capture_output=True, check=True, env={"LC_ALL": "C"})
    assert shell.stdout.decode() == f"{key}x"
    if key.isprintable():
        assert shlex.split(word) == [key]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_is_the_same_document_and_steers_nothing(ascii_only):
    value = {"key": "".join(KEYS) + STEERING + BIDI}

    text = to_json(value, indent=2, ascii_only=ascii_only)

    assert json.loads(text) == value
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp1252"])
def test_every_encoding_takes_every_key_and_json_stays_json(encoding, monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    make_printable()
    value = {"key": "é 漢 \U0001f600 \udce4"}

    print_json(value)
    stderr().print("é 漢 \U0001f600 \udce4 ×")  # noqa: RUF001

    assert json.loads(streams[0].buffer.getvalue().decode(encoding)) == value
    assert "\\udce4" in streams[1].buffer.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 dead letters"), (1, "1 dead letter"), (2, "2 dead letters"), (1200, "1,200 dead letters")],
)
def test_one_is_singular(count, said):
    assert many(count, "dead letter") == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 26, 2, 27, 5, tzinfo=UTC), "2026-11-26 02:27:05Z"),
        (1795660025.9, "2026-11-26 02:27:05Z"),
        ("2026-11-26T02:27:05.159Z", "2026-11-26 02:27:05Z"),
        ("2026-11-26T03:27:05+01:00", "2026-11-26 02:27:05Z"),
        ("yesterday", "yesterday"),
        ("", ""),
        (0, ""),
    ],
)
def test_a_time_is_in_utc_and_looks_the_same_everywhere(at, said):
    assert moment(at) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (172800, "2 d")]
)
def test_an_age_has_one_unit(seconds, said):
    assert age(seconds) == said
