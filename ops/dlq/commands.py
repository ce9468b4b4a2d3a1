"""``darkroom dlq``: its subcommands, one line each."""

import typer

from ops.dlq import filing, looking, sending


def make_dlq() -> typer.Typer:
    """The command group."""
    app = typer.Typer(no_args_is_help=True, help="The dead letters: why they died, and how they go through again.")
    app.command()(looking.groups)
    app.command("list")(looking.list_letters)
    app.command()(looking.show)
    app.command()(sending.redrive)
    app.command()(sending.history)
    app.command()(filing.export)
    app.command("import")(filing.import_letters)
    app.command()(filing.purge)
    return app
