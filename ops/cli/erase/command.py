"""``darkroom erase`` on the command line: its options, the confirmation, what it prints, and its exit code."""

import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from handlers.clients import REQUEST_SECONDS
from ops.cli.announce import put_all
from ops.cli.backfill.command import below
from ops.cli.dlq.history import caller
from ops.cli.erase.letters import LettersOfErased
from ops.cli.erase.run import Erased, Erasing
from ops.cli.recipes import recipe_of
from ops.cli.show.facts import key_of
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import advise, table
from ops.cli.terminal import AsJson, DryRun, Yes, ask_number, counting, print_json, stderr, stdout
from ops.errors import UsageError
from processing.erasure import KEPT_BY_SWITCH, Eraser, Retention
from processing.erasure.caching import cache_seconds
from processing.ledger.erasures import ErasureTable, Intent, new_intent
from processing.outbox import EventBus, erased_entry
from processing.storage.versions import S3Versions

DAY: Final = 24 * 60 * 60
SHOWN: Final = 20  # objects that are listed before the confirmation


@on_stage
def erase(
    stage: Stage,
    thing: Annotated[
        str | None, typer.Argument(metavar="OBJECT", help="A key, with or without the prefix; bucket/key; s3://...")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Erase every upload below this.")] = "",
    pending: Annotated[bool, typer.Option("--pending", help="Continue the erasures that have not ended.")] = False,
    yes: Yes = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Erase images permanently: all versions of the original, variants, dead letters, records, and the owner's item.

    This cannot be undone. If an image is being processed, the command waits until its lease ends. After an
    interruption, continue with --pending, which also covers erasures that callers of the API requested. The receipt of
    each image lists what is gone, what expires when (logs, backups of the table) and what is out of reach. Objects
    under an Object Lock are refused before anything is deleted.

    --prefix finds objects in the uploads bucket. To erase the remains of a deleted upload, give its key.

    The stage's operator policy does not allow this: `erasure: true` deploys a separate policy, EraserPolicyArn.

    Exit code 0 when all is erased, else 1, also where nothing was found of an object.

    Examples:

    darkroom erase 2026/cat.jpg --stage prod --dry-run

    darkroom erase --prefix images/anna/ --stage prod --yes 214 --json > receipts.json

    darkroom erase --pending --stage prod
    """
    if [thing is not None, bool(prefix), pending].count(True) != 1:
        raise UsageError("give an OBJECT, or --prefix, or --pending")
    erasures = ErasureTable(stage.client("dynamodb"), stage.images_table)
    intents = erasures.pending() if pending else _wanted(stage, erasures, _keys(stage, thing, prefix))
    letters = LettersOfErased(stage.client("sqs"), stage.dlq_url, [intent.object for intent in intents])
    eraser = _eraser(stage, erasures, letters)
    if dry_run or not intents:
        _print_plan(eraser, intents, as_json=as_json)
        return
    if not pending:  # those were confirmed by who requested them
        _confirm(intents, yes)
        intents = [erasures.begin(intent) for intent in intents]
    _run(eraser, intents, stage.command("erase", "--pending"), as_json=as_json)


def _run(eraser: Eraser, intents: Sequence[Intent], again: str, *, as_json: bool) -> None:
    with counting("erased", "waiting") as count:
        done = Erasing(eraser, on_change=count).run(intents)
    _print(done, again, as_json=as_json)
    for name in done.empty:
        stderr().print(f"nothing was found of {name}: check the key")
    if done.failed or done.empty:
        raise typer.Exit(1)


def _keys(stage: Stage, thing: str | None, prefix: str) -> list[str]:
    if thing is not None:
        return [key_of(stage, thing)]
    return S3Versions(stage.client("s3")).below(stage.uploads_bucket, below(stage, prefix))


def _wanted(stage: Stage, erasures: ErasureTable, keys: Sequence[str]) -> list[Intent]:
    """An intent for each key, with its owner where the API gave it to one."""
    ids = {key: key.rpartition("/")[2] for key in keys}
    owners, by, now = erasures.owners(set(ids.values())), caller(stage), time.time()
    return [new_intent(stage.uploads_bucket, key, by=by, now=now, owner=owners.get(ids[key], "")) for key in keys]


def _eraser(stage: Stage, erasures: ErasureTable, letters: LettersOfErased) -> Eraser:
    return Eraser(
        versions=S3Versions(stage.client("s3")),
        table=erasures,
        uploads_bucket=stage.uploads_bucket,
        variants_bucket=stage.variants_bucket,
        prefix=stage.uploads_prefix,
        request_seconds=REQUEST_SECONDS,
        retention=_retention(stage),
        cache_seconds=cache_seconds(recipe_of(stage)) if stage.cdn else 0,
        delete_letters=letters.delete,
        announce=lambda receipt, digest: _announce(stage, receipt, digest),
    )


def _announce(stage: Stage, receipt: str, digest: str) -> None:
    """Put Image Erased on the stage's bus, if it has one."""
    if stage.event_bus:
        put_all(EventBus(stage.client("events"), stage.event_bus), [erased_entry(receipt, digest, time.time())])


def _retention(stage: Stage) -> Retention:
    """As the stage has it now; where it does not say what is on, the receipt names all that can be."""
    name = f"/aws/lambda/{stage.consumer}"
    groups = stage.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    logs = [group.get("retentionInDays", 0) for group in groups if group["logGroupName"] == name]
    return Retention(
        logs=next(iter(logs), 0),
        queue=_days_kept(stage, stage.queue_url),
        dead_letters=_days_kept(stage, stage.dlq_url),
        switches=frozenset(KEPT_BY_SWITCH) if stage.switches is None else stage.switches,
    )


def _days_kept(stage: Stage, url: str) -> int:
    kept = "MessageRetentionPeriod"
    answer = stage.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[kept])
    return -(-int(answer["Attributes"][kept]) // DAY)


def _confirm(intents: Sequence[Intent], yes: int | None) -> None:
    """Have the number of objects typed.

    Raises:
        UsageError: it was another one.
    """
    if yes is None:
        for intent in intents[:SHOWN]:
            stderr().print(intent.object)
        if len(intents) > SHOWN:
            stderr().print(f"and {len(intents) - SHOWN:,} more: see them with --dry-run")
    count, kept = len(intents), "nothing was erased"
    typed = yes if yes is not None else ask_number(f"Type {count} to erase them permanently", otherwise=kept)
    if typed != count:
        raise UsageError(f"the number of objects is {count}, not {typed}: {kept}")


def _print_plan(eraser: Eraser, intents: Sequence[Intent], *, as_json: bool) -> None:
    rows = [{"object": intent.object, **eraser.survey(intent)} for intent in intents]
    if as_json:
        print_json({"objects": rows})
    elif not rows:
        stderr().print("Nothing to erase.")
    else:
        columns = ("object", "originals", "variants", "records")
        stdout().print(table(columns, [list(row.values()) for row in rows], right=columns[1:], whole=columns[:1]))
        stderr().print(f"{len(rows)} would be erased")


def _print(done: Erased, again: str, *, as_json: bool) -> None:
    receipts = {name: receipt.document for name, receipt in done.receipts.items()}
    if as_json:
        print_json({"receipts": receipts, "ended_elsewhere": done.elsewhere, "failed": done.failed})
    else:
        rows = [(name, sum(each["gone"]["variants"].values()), each["receipt"]) for name, each in receipts.items()]
        if rows:
            stdout().print(table(("erased", "variants", "receipt"), rows, right=("variants",), whole=("erased",)))
            (example, *_) = receipts.values()
            for kept in example["expires"]:
                stderr().print(f"expires by {kept['by'] or 'an unknown day'}: {kept['what']}")
            for copies in example["out_of_reach"]:
                stderr().print(f"out of reach: {copies}")
        for name in done.elsewhere:
            stderr().print(f"ended by another worker: {name}")
    for name, why in done.failed.items():
        stderr().print(f"not erased: {name}: {why}")
    if done.failed:
        advise(f"When the cause is fixed, continue with: {again}")
