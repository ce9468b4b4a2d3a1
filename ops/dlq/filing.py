"""The commands that take letters out to a file, and in again: ``dlq export``, ``dlq import`` and ``dlq purge``."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.dlq.acting import Everything, RateOption, check_chosen, counted, finish, kept, show_chosen
from ops.dlq.causes import Case
from ops.dlq.files import many, read_lines, save, write_lines
from ops.dlq.filters import Filter, filtered
from ops.dlq.history import Entry, new_entry
from ops.dlq.letters import Letter
from ops.dlq.look import Held, held, looked_at
from ops.dlq.redrive import DONE
from ops.dlq.sender import Sender
from ops.errors import UsageError
from ops.pace import Pace
from ops.stage import Stage, on_stage
from ops.terminal import AsJson, DryRun, print_json, words

OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; it must not exist.")]


@on_stage
@filtered
def export(stage: Stage, chosen: Filter, out: OutOption = None, as_json: AsJson = False) -> None:
    """Write dead letters as JSON lines, to standard output or a file; they stay where they are.

    Examples:

    darkroom dlq export --stage prod --out letters.jsonl

    darkroom dlq export --stage prod --cause CorruptImage | jq -r .key
    """
    look = looked_at(stage)
    cases = chosen.choose(look.cases)
    if out is None:
        write_lines(cases, sys.stdout)
    else:
        save(cases, out)
        if as_json:
            print_json({"letters": len(cases), "file": str(out)} | look.seen)
    words().print(many(len(cases)) + (f" in {out}" if out else ""))


@on_stage
def import_letters(
    stage: Stage,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export; - is standard input.")],
    to_queue: Annotated[
        bool, typer.Option("--to-queue", help="Send them to the uploads queue, not to the dead letters.")
    ] = False,
    rate: RateOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send the letters of an export, to the dead-letter queue or to the uploads queue.

    Every line is read before the first is sent. The file stays; sending it twice is harmless, as the ledger absorbs it.

    Examples:

    darkroom dlq import letters.jsonl --stage prod

    grep '"images/2026/' letters.jsonl | darkroom dlq import - --to-queue --rate 20 --stage prod
    """
    cases = _read(file)
    if dry_run or not cases:
        show_chosen(cases, "would be sent" if cases else "the file holds no letter", as_json=as_json)
        return
    finish(_import(stage, cases, str(file), Pace(rate), to_queue=to_queue), as_json=as_json)


@on_stage
@filtered
def purge(
    stage: Stage,
    chosen: Filter,
    everything: Everything = False,
    out: OutOption = None,
    yes: Annotated[int | None, typer.Option("--yes", metavar="COUNT", help="Do not ask: it is so many.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters for good, after they were written to a file and their number was typed.

    The file is an export: `darkroom dlq import` brings them back.

    Examples:

    darkroom dlq purge --stage prod --cause done

    darkroom dlq purge --stage prod --older-than 10d --out old.jsonl --yes 120
    """
    check_chosen(chosen, everything=everything)
    with held(stage) as look:
        cases = chosen.choose(look.cases)
        look.keep_only(cases)
        if dry_run or not cases:
            show_chosen(cases, "would be deleted" if cases else "no letter is like that", as_json=as_json, **look.seen)
            return
        path = out or Path(f"dlq-{stage.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
        save(cases, path)
        words().print(f"{many(len(cases))} in {path} now")
        _confirm(len(cases), yes)
        entry = _purge(stage, look, cases, str(chosen))
    finish(entry, as_json=as_json, verb="deleted")


class _File:
    """A file, as where letters come from: nothing of it is deleted."""

    def delete(self, _letters: Sequence[Letter]) -> list[Letter]:
        return []


def _read(file: Path) -> list[Case]:
    if str(file) == "-":
        return read_lines(sys.stdin)
    try:
        with file.open(encoding="utf-8") as lines:
            return read_lines(lines)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): name an export") from error


def _import(stage: Stage, cases: Sequence[Case], file: str, pace: Pace, *, to_queue: bool) -> Entry:
    command = "import to the queue" if to_queue else "import"
    entry = new_entry(stage, command, file, letters=len(cases), causes=counted(cases))
    url = stage.queue_url if to_queue else stage.dlq_url
    sender = Sender(stage.client("sqs"), url, _File(), pace, mark=entry.id if to_queue else "")
    with kept(stage, entry) as history:
        try:
            sender.send(cases)
        finally:
            entry.sent, entry.refused = len(sender.tally.sent), len(sender.tally.refused)
        history.end(entry, DONE)
    for case, why in sender.tally.refused:
        words().print(f"refused: {case.letter.id}: {why}")
    return entry


def _confirm(count: int, yes: int | None) -> None:
    """Have the number of letters typed.

    Raises:
        UsageError: it was another one.
    """
    typed = yes if yes is not None else typer.prompt(f"Type {count} to delete them", type=int, err=True)
    if typed != count:
        raise UsageError(f"it is {many(count)}, not {typed}: nothing was deleted")


def _purge(stage: Stage, look: Held, cases: Sequence[Case], chosen: str) -> Entry:
    known = {"letters": len(cases), "unseen": look.hold.unseen, "causes": counted(cases)}
    entry = new_entry(stage, "purge", chosen, **known)
    with kept(stage, entry) as history:
        left = look.hold.delete_all([case.letter for case in cases])
        entry.sent, entry.refused = len(cases) - len(left), len(left)
        history.end(entry, DONE)
    for letter in left:
        words().print(f"not deleted: {letter.id}")
    return entry
