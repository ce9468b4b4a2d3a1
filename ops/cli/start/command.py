"""``darkroom start`` on the command line: its options, what it prints, and its exit code."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.recipes import read_recipe
from ops.cli.start import report
from ops.cli.start.photos import select
from ops.cli.start.run import Run
from ops.cli.terminal import AsJson, print_json, stderr, stdout
from ops.errors import UsageError
from ops.local.announcement import announced
from ops.local.claims import InUseError, claimed
from ops.local.stack import LocalStack

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
OUT = Path("out")
MOST_RUNS = 9  # at once, without --out
WORK = ".darkroom"  # below the results: what the stack writes, such as the logs of the last run


OutOption = Annotated[
    Path | None,
    typer.Option(
        help="Where the variants and the contact sheet go.", show_default="out; out-2 while another run writes to that"
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
        bool, typer.Option("--again", help="Upload the same bytes a second time, and show what that writes.")
    ] = False,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Leave the stack running at the end, until Ctrl-C.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Stop waiting after this many seconds without an end.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Take a folder of photos through the service, on this machine, to finished variants and a contact sheet.

    Exit code 0 when every object has come to an end, as done or as a dead letter, and 1 when something is left
    or a file was passed over: one that cannot be read, or whose name is not UTF-8.

    Examples:

    darkroom start

    darkroom start ~/Pictures/2026 --out /tmp/variants

    darkroom start --again --json
    """
    selection = select(photos, recipe=read_recipe(), leave_out=out or OUT)
    with (
        _results(out) as folder,
        LocalStack(ROOT, work_dir=folder / WORK, progress=_say, port=port) as stack,
    ):
        totals, ends = Run(stack, folder, timeout, stderr()).through(selection, again=again)
        if as_json:
            print_json(report.as_json(totals))
        else:
            report.show(stdout(), ends, totals)
        if keep_running:
            _keep_running(stack)
    if not totals.complete:
        raise typer.Exit(1)


@contextmanager
def _results(out: Path | None) -> Iterator[Path]:
    """The folder of results, for this run alone and without the logs of an earlier one.

    Raises:
        UsageError: it cannot be written to, or another run writes to it.
    """
    with ExitStack() as claim:
        yield _claim([out] if out else [OUT, *(Path(f"{OUT}-{number}") for number in range(2, MOST_RUNS + 1))], claim)


def _claim(folders: Sequence[Path], claim: ExitStack) -> Path:
    """The first of the folders to which nobody writes."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            claim.enter_context(claimed(folder))
            shutil.rmtree(folder / WORK, ignore_errors=not (folder / WORK).exists())
            (folder / WORK).mkdir()
        except InUseError:
            continue
        except OSError as error:
            words = f"{folder} cannot be written to ({error.strerror}): give another folder with --out"
            raise UsageError(words) from error
        return folder
    raise UsageError(f"another run is writing to {folders[0]}: give another folder with --out, or wait for its end")


def _say(sentence: str) -> None:
    stderr().print(f"{sentence} ...", style="dim")


def _keep_running(stack: LocalStack) -> None:
    stderr().print(f"The stack is running: AWS_ENDPOINT_URL={stack.endpoint}; Ctrl-C ends it.")
    stderr().print("In another terminal: bin/darkroom status --stage local")
    try:
        with announced(stack.running):
            while True:
                stack.raise_if_broken()
                time.sleep(1)
    except KeyboardInterrupt:
        stderr().print("ending the stack ...", style="dim")
