"""The ``darkroom`` command: its subcommands, and what every one of them does with Ctrl-C and with errors.

Exit codes: 0 done, 1 something failed or is left, 2 for a usage error, 130 interrupted. Data goes to standard output,
sentences and progress to standard error.
"""

import json
import os
import signal
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from typer.core import TyperGroup

from ops.cli.announce import announce
from ops.cli.audit.command import audit
from ops.cli.backfill.command import backfill
from ops.cli.dlq import export, history, redrive, view
from ops.cli.doctor.command import doctor
from ops.cli.erase.command import erase
from ops.cli.estimate import estimate
from ops.cli.local import local
from ops.cli.logs.command import logs
from ops.cli.mapping import pause, resume
from ops.cli.replay.command import replay_command
from ops.cli.show.command import show
from ops.cli.stage import ROOT
from ops.cli.start.command import start
from ops.cli.status.command import status
from ops.cli.terminal import make_printable, stderr
from ops.cli.upload.command import upload
from ops.errors import StackError, UsageError
from processing.errors import Unavailable
from processing.storage.refusals import is_denied, meaning_of

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last when the terminal is closed


class Commands(TyperGroup):
    """Turns what stops a command into one line and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Read the command line and run it, whatever the encoding of the output is."""
        make_printable()
        return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; the first signal unwinds it, be it Ctrl-C, SIGTERM or a closed terminal, and no other."""
        # A terminal that was closed is none any more, by isatty
        terminals = [number for number in (1, 2) if os.isatty(number)]
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
                signal.signal(number, partial(_interrupt, terminals))
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("interrupted; nothing is left running", INTERRUPTED)
        except (UsageError, StackError) as error:
            _fail(str(error), 2)
        except (ClientError, BotoCoreError, Unavailable) as error:
            _fail(*_explained(error, ctx.command_path))


def _print_version(wanted: bool) -> None:
    """The one of package.json, which is nowhere said again."""
    if wanted:
        typer.echo(json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"])
        raise typer.Exit


def make_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",  # a paragraph flows, however its lines are broken in the docstring
        help="Darkroom: every image that lands in the uploads bucket becomes a finished set of variants.",
    )
    app.callback()(_of_every_command)
    app.command()(start)
    app.command()(local)
    app.command()(upload)
    app.command()(doctor)
    app.command()(status)
    app.command()(show)
    app.command()(logs)
    app.command()(pause)
    app.command()(resume)
    app.add_typer(_make_dlq(), name="dlq")
    app.command()(estimate)
    app.command()(backfill)
    app.command()(audit)
    app.command()(announce)
    app.command()(erase)
    app.command("replay")(replay_command)
    return app


def _of_every_command(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version.")
    ] = False,
) -> None:
    """Nothing more: the options of the command itself."""


def _make_dlq() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="The dead-letter queue: why messages failed, and how to redrive them.")
    app.command()(view.groups)
    app.command("list")(view.list_messages)
    app.command()(view.show)
    app.command()(redrive.redrive)
    app.command()(history.history)
    app.command()(export.export)
    app.command("import")(export.import_messages)
    app.command()(export.purge)
    return app


def _interrupt(terminals: Sequence[int], number: int, _frame: FrameType | None) -> NoReturn:
    # npm and the terminal both deliver Ctrl-C: the second must not break the tear-down off.
    for each in SIGNALS:
        if each != signal.SIGHUP:
            signal.signal(each, signal.SIG_IGN)
        elif signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, partial(_leave, terminals))  # somebody closes it after Ctrl-C, before the end
    if number == signal.SIGHUP:
        _leave(terminals)
    raise KeyboardInterrupt


def _leave(terminals: Sequence[int], _number: int = 0, _frame: FrameType | None = None) -> None:
    """Print nothing more to a terminal that was closed: writing to it fails, and would break the tear-down off."""
    for terminal in terminals:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), terminal)


def _explained(error: ClientError | BotoCoreError | Unavailable, command: str) -> tuple[str, int]:
    """What AWS refused or did not answer, with what helps, and the exit code."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    if isinstance(cause, NoCredentialsError):
        return "no AWS credentials: log in, name a --profile, or set AWS_ACCESS_KEY_ID and its companions", 2
    if isinstance(cause, BotoCoreError):
        if meaning_of(cause, command) is None:
            raise cause  # a bug of ours
        return f"AWS, or the emulator in its place, does not answer (check the region and the network): {cause}", 1
    if isinstance(cause, ClientError) and is_denied(cause):
        policy = "The stack's managed policy OperatorPolicy grants what these commands need: attach it to your role"
        return f"{error}. {policy}", 1
    return str(error), 1


def _fail(sentence: str, code: int) -> NoReturn:
    stderr().print(f"darkroom: {sentence}")
    raise typer.Exit(code)
