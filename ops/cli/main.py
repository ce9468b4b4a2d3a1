"""The ``darkroom`` command: its subcommands, and what every one of them does with Ctrl-C and with errors.

Exit codes: 0 done, 1 something failed or is left, 2 for a usage error, 130 interrupted. Data goes to standard output,
sentences and progress to standard error.
"""

import sys
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup

from ops.cli.announce import announce
from ops.cli.audit.command import audit
from ops.cli.backfill.command import backfill
from ops.cli.checkout import is_checkout, require_checkout, version
from ops.cli.credentials import credentials_fault
from ops.cli.dlq import export, history, redrive, view
from ops.cli.doctor.command import doctor
from ops.cli.erase.command import erase
from ops.cli.estimate import estimate
from ops.cli.interruption import listen
from ops.cli.logs.command import logs
from ops.cli.mapping import pause, resume
from ops.cli.replay.command import replay_command
from ops.cli.show.command import show
from ops.cli.status.command import status
from ops.cli.tables import paragraph
from ops.cli.terminal import make_printable, stderr, written_out
from ops.cli.upload.command import upload
from ops.errors import NotFoundError, StackError, UsageError
from processing.errors import Unavailable
from processing.storage.refusals import is_denied, meaning_of

INTERRUPTED = 130


class Commands(TyperGroup):
    """Turns what stops a command into one line and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Read the command line and run it, whatever the encoding of the output is."""
        make_printable()
        with written_out():
            return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; what ends it is one line and an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("interrupted; nothing is left running", INTERRUPTED)
        except (UsageError, StackError) as error:
            _fail(str(error), 2)
        except NotFoundError as error:
            _fail(str(error), 1)
        except (ClientError, BotoCoreError, Unavailable) as error:
            _fail(*_explained(error, ctx.command_path))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


def main() -> None:
    """Run the command as a process of its own, which Ctrl-C, SIGTERM and a closed terminal unwind."""
    listen()
    make_app()(prog_name="darkroom")


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
    _add_local_stack(app)
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


def _add_local_stack(app: typer.Typer) -> None:
    """The commands that deploy to this machine; their modules are not installed with the command."""
    if is_checkout():
        from ops.cli.local import local
        from ops.cli.start.command import start

        app.command()(start)
        app.command()(local)
        return
    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    for name in ("start", "local"):
        app.command(name, context_settings=anything)(_of_a_checkout)


def _of_a_checkout(context: typer.Context) -> None:
    """Not here: this runs Darkroom on this machine, which needs a checkout."""
    require_checkout(context.command_path)


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


def _explained(error: ClientError | BotoCoreError | Unavailable, command: str) -> tuple[str, int]:
    """What AWS refused or did not answer, with what helps, and the exit code."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    if fault := credentials_fault(cause):
        return f"{fault.what}: {fault.advice}", fault.exit_code
    if isinstance(cause, BotoCoreError):
        if meaning_of(cause, command) is None:
            raise cause  # a bug of ours
        return f"AWS, or the emulator in its place, does not answer (check the region and the network): {cause}", 1
    if isinstance(cause, ClientError) and is_denied(cause):
        policy = "The stack's managed policy OperatorPolicy grants what these commands need: attach it to your role"
        return f"{error}. {policy}", 1
    return str(error), 1


def _fail(sentence: str, code: int) -> NoReturn:
    stderr().print(paragraph(f"darkroom: {sentence}", whole=sys.argv[1:]))
    raise typer.Exit(code)
