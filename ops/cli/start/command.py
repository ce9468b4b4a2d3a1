"""``darkroom start`` on the command line: its options, what it prints, and its exit code."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.hints import command
from ops.cli.interruption import deferred
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.results import opened
from ops.cli.stage import LOCAL
from ops.cli.start import report, sheet
from ops.cli.start.photos import Selection, select
from ops.cli.start.run import Run
from ops.cli.terminal import AsJson, print_json, stderr, stdout
from ops.local.announcement import announced
from ops.local.stack import LocalStack
from processing.recipe import Recipe

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
OUT = Path("out")
MOST_RUNS = 9  # folders that are tried without --out
INTERRUPTED = "interrupted: writing what is finished; Ctrl-C again ends at once"


OutOption = Annotated[
    Path | None,
    typer.Option(
        help="The folder for the variants and the contact sheet: a new or an empty one, or one with earlier results. "
        "Only Darkroom's own files are overwritten.",
        show_default="out; out-2 if out has other files, or another run writes to it",
    ),
]
PortOption = Annotated[
    int | None, typer.Option(min=1, max=65535, help="The emulator's port.", show_default="any free one")
]


def start(
    photos: Annotated[Path, typer.Argument(help="A folder of photos.", show_default="the bundled samples")] = SAMPLES,
    out: OutOption = None,
    port: PortOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Upload the same bytes again, and show that nothing is written twice.")
    ] = False,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Leave the stack running at the end, until Ctrl-C.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Stop after this many seconds without a result.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Process a folder of photos with the whole service on this machine: variants and a contact sheet.

    Exit code 0 when every object is finished, as done or as a dead letter, and 1 when something is left or a file
    was skipped, because it cannot be read or its name is not UTF-8. After Ctrl-C the contact sheet and the table
    show what is finished and what is left, and the exit code is 130; a second Ctrl-C ends at once.

    Examples:

    darkroom start

    darkroom start ~/Pictures/2026 --out /tmp/variants

    darkroom start --again --json
    """
    recipe = read_recipe()
    selection = select(photos, recipe=recipe, leave_out=out or OUT)
    with (
        opened([out] if out else _folders(), _files(selection, recipe)) as results,
        LocalStack(ROOT, work_dir=results.work, progress=_say, port=port) as stack,
    ):
        console = stderr()
        with deferred(lambda: console.print(INTERRUPTED)) as interruption:
            totals, ends = Run(stack, results, timeout, console, interruption).through(selection, again=again)
            print_json(report.as_json(totals)) if as_json else report.show(stdout(), ends, totals)
        if interruption.requested():
            raise KeyboardInterrupt  # so that the stack ends at once
        if keep_running:
            _keep_running(stack)
    if not totals.complete:
        raise typer.Exit(1)


def _folders() -> list[Path]:
    return [OUT, *(Path(f"{OUT}-{number}") for number in range(2, MOST_RUNS + 1))]


def _files(selection: Selection, recipe: Recipe) -> list[str]:
    """The names of all that a run may write: a variant's key depends on the photo's name and the recipe alone."""
    plan = VariantPlan(recipe, prefix="")
    return [sheet.FILE, *(key for photo in selection.photos for key in plan.of(photo.name).keys.values())]


def _say(sentence: str) -> None:
    stderr().print(f"{sentence} ...", style="dim")


def _keep_running(stack: LocalStack) -> None:
    stderr().print(f"The stack is running: AWS_ENDPOINT_URL={stack.endpoint}; Ctrl-C ends it.")
    stderr().print(f"In another terminal: {command('status', stage=LOCAL)}")
    try:
        with announced(stack.running):
            while True:
                stack.raise_if_broken()
                time.sleep(1)
    except KeyboardInterrupt:
        stderr().print("ending the stack ...", style="dim")
        stack.end()
