"""What commands print steers no terminal, whatever an object is called."""

import io
from typing import NoReturn

import pytest
import typer

from ops.cli.tables import table
from ops.cli.terminal import ask_number, stderr, stdout

KEY = "images/\x1b]0;title\x07\x1b[2J\x9b31mcat.jpg"


def test_a_key_with_control_characters_is_shown_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    stdout().print(table(["object"], [[KEY]]))
    stdout().print(f"sent {KEY}")
    stderr().print(f"lost {KEY}")

    printed = capsys.readouterr()
    assert "title" in printed.out
    assert "title" in printed.err
    assert not [
        character for character in printed.out + printed.err if not (character.isprintable() or character == "\n")
    ]


def test_colors_are_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    stdout().print("green", style="green")

    assert capsys.readouterr().out == "\x1b[32mgreen\x1b[0m\n"


class CtrlC(io.StringIO):
    def readline(self, _size: int | None = -1, /) -> NoReturn:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("answer", "error"), [(io.StringIO(""), typer.Abort), (CtrlC(), KeyboardInterrupt)])
def test_a_question_without_an_answer_says_what_that_leaves(
    answer: io.StringIO,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C ends the command as it does everywhere, with exit code 130."""
    monkeypatch.setattr("sys.stdin", answer)

    with pytest.raises(error):
        ask_number("Type 2 to erase them", otherwise="nothing was erased")

    assert capsys.readouterr().err.splitlines()[-1] == "No answer: nothing was erased."
