"""The commands that send letters again: ``dlq redrive`` and, to see who did, ``dlq history``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from ops.dlq.acting import Everything, RateOption, check_chosen, counted, finish, kept, show_chosen
from ops.dlq.causes import Case
from ops.dlq.filters import Filter, filtered
from ops.dlq.history import Entry, History, new_entry
from ops.dlq.look import Held, held
from ops.dlq.native import COMPLETED, FASTEST, Mover, Progress
from ops.dlq.redrive import DONE, NAMELESS, Redrive, Terms, check_canaries, failing_code
from ops.dlq.sender import Sender
from ops.dlq.watch import Watch
from ops.errors import UsageError
from ops.images import ImagesTable
from ops.pace import Pace
from ops.stage import Stage, on_stage
from ops.terminal import AsJson, DryRun, paper, print_json, table, words


@on_stage
@filtered
def redrive(
    stage: Stage,
    chosen: Filter,
    everything: Everything = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Send at most so many, the oldest first.")] = None,
    rate: RateOption = None,
    canary: Annotated[int, typer.Option(min=0, help="Send so many first; go on only if all of them pass.")] = 0,
    stop_after: Annotated[int | None, typer.Option(min=1, help="Stop when so many have failed again.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow every letter to its end.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for ends.")] = 300,
    native: Annotated[
        bool, typer.Option("--native", help="Have SQS move them (message move task); only with --all and --rate.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to the uploads queue again; they get their full number of attempts.

    Deletes only what SQS reported as sent: killed half-way, it leaves duplicates, which the ledger absorbs.
    Exit code 1 when it stopped, or when a letter was refused or failed again.

    Examples:

    darkroom dlq redrive --stage prod --cause AccessDenied --canary 2

    darkroom dlq redrive --stage prod --where 'images/2026/*' --rate 50 --stop-after 10

    darkroom dlq redrive --stage prod --all --native --rate 500
    """
    check_chosen(chosen, everything=everything)
    terms = Terms(canary=canary, stop_after=stop_after, wait=wait, timeout=timeout)
    if native:
        if chosen or limit or dry_run or terms != Terms(timeout=timeout):
            raise UsageError("--native has SQS move every letter: it takes --all and --rate, and nothing else")
        finish(_move(stage, rate), as_json=as_json)
        return
    with held(stage) as look:
        cases = chosen.choose(look.cases)[:limit]
        look.keep_only(cases)
        if canary:
            check_canaries(cases)
        if dry_run or not cases:
            show_chosen(cases, "would be sent" if cases else "no letter is like that", as_json=as_json, **look.seen)
            return
        entry = _send(stage, look, cases, str(chosen), Pace(rate), terms)
    finish(entry, as_json=as_json)


@on_stage
def history(
    stage: Stage,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who sent or deleted which letters, when, and what came of it; the latest first.

    Examples:

    darkroom dlq history --stage prod --limit 5
    """
    entries = History(stage).latest(limit)
    if as_json:
        print_json([asdict(entry) for entry in entries])
    elif not entries:
        words().print("Nothing was redriven yet.")
    else:
        columns = ("when", "who", "what", "letters", "sent", "passed", "again", "result")
        right = ("letters", "sent", "passed", "again")
        paper().print(table(columns, [_row(entry) for entry in entries], right=right))


def _send(stage: Stage, look: Held, cases: Sequence[Case], chosen: str, pace: Pace, terms: Terms) -> Entry:
    """Send the cases, and keep in the history what came of it."""
    entry = _begin(stage, chosen, cases, look.hold.unseen)
    sender = Sender(stage.client("sqs"), stage.queue_url, look.hold, pace, mark=entry.id)
    watch = Watch(ImagesTable(stage.client("dynamodb"), stage.images_table))
    with kept(stage, entry) as history:
        try:
            result, why = Redrive(sender, watch, terms, words().print).run(cases)
        finally:
            tally = sender.tally
            entry.sent, entry.refused, entry.left = len(tally.sent), len(tally.refused), len(tally.left)
            entry.passed, entry.failed_again = len(watch.passed), len(watch.failed_again)
        history.end(entry, result, why)
    for case, reason in sender.tally.refused:
        words().print(f"refused: {case.letter.id} {case.key}: {reason}")
    return entry


def _begin(stage: Stage, chosen: str, cases: Sequence[Case], unseen: int) -> Entry:
    """A new entry; warns of letters that nothing was mended for."""
    code, recipe, same = failing_code(stage, cases)
    if same:
        words().print(
            f"warning: {same} of {len(cases)} failed with the code that is deployed ({code}) and the recipe of this "
            f"checkout ({recipe}): unless what they died of was mended outside of both, they will fail again"
        )
    if nameless := sum(case.version is None for case in cases):
        words().print(
            f"warning: {nameless} of {len(cases)} {NAMELESS}, and a redrive does not mend them: "
            "darkroom dlq export, then darkroom dlq purge"
        )
    known = {"letters": len(cases), "unseen": unseen, "causes": counted(cases), "code_version": code, "recipe": recipe}
    return new_entry(stage, "redrive", chosen, **known)


def _move(stage: Stage, rate: float | None) -> Entry:
    """Have SQS move every letter; Ctrl-C cancels that."""
    if rate is not None and not 1 <= rate <= FASTEST:
        raise UsageError(f"SQS moves 1 to {FASTEST} messages a second: give such a --rate, or none")
    mover = Mover(stage.client("sqs"), stage.dlq_url, stage.queue_url)
    entry = new_entry(stage, "native redrive", "--all")
    columns = TextColumn("moved"), BarColumn(), MofNCompleteColumn()
    console = words()
    showing = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
    if mover.is_moving():
        raise UsageError("SQS moves these letters already, and takes one such task a queue: wait for its end")
    with kept(stage, entry) as history, showing as bars:
        bar = bars.add_task("moved", total=None)

        def note(progress: Progress) -> None:
            entry.letters, entry.sent = progress.total, progress.moved
            bars.update(bar, total=progress.total or None, completed=progress.moved)

        try:
            mover.start(None if rate is None else int(rate))
            end = mover.follow(note)
        except KeyboardInterrupt:
            entry.sent = mover.cancel()
            words().print(f"cancelled: {entry.sent} had been moved and stay in the uploads queue")
            raise
        history.end(entry, DONE if end.status == COMPLETED else end.status.lower(), end.why)
    return entry


def _row(entry: Entry) -> tuple[object, ...]:
    numbers = (entry.letters, entry.sent, entry.passed, entry.failed_again)
    return entry.at, entry.who.rpartition("/")[2], f"{entry.command} {entry.chosen}", *numbers, entry.result
