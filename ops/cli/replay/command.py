"""``darkroom replay`` on the command line: its options, which version is meant, what it prints, and its exit code."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.dlq.selection import by_id, read_queue
from ops.cli.recipes import VariantPlan, read_recipe, recipe_of
from ops.cli.replay.running import Replay, ReplayLimits, ReplayTarget, replay
from ops.cli.results import Results, opened
from ops.cli.settings import Consumer
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import lines, table
from ops.cli.terminal import AsJson, many, print_json, stderr, stdout
from ops.errors import NotFoundError, UsageError
from processing.events import ObjectCreated
from processing.ledger import ImagesTable
from processing.storage.objects import head

RecipeOption = Annotated[Path | None, typer.Option(help="Another recipe to render with.", show_default="the stage's")]
OutOption = Annotated[
    Path | None, typer.Option(help="The folder for the variants: a new or an empty one, or one with earlier results.")
]


@on_stage
def replay_command(
    stage: Stage,
    target: Annotated[
        str, typer.Argument(metavar="OBJECT|ID", help="A key, bucket/key or s3://bucket/key; or a dead letter's id.")
    ],
    etag: Annotated[
        str | None, typer.Option(help="Which version of the object.", show_default="the current one")
    ] = None,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Render in a child process with limits, as the function does (Linux only)."),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="With --sandbox: the maximum time of one try.", show_default="the function's"),
    ] = None,
    recipe: RecipeOption = None,
    out: OutOption = None,
    as_json: AsJson = False,
) -> None:
    """Run one version of an object through the consumer's code on this machine: steps, memory, outcome, traceback.

    An exact version is fetched: the dead letter's, or the one in the bucket now. Nothing is written to AWS. Without
    --sandbox, an image that crashes its process crashes this command. Exit code 0 when it was rendered, and 1 when
    it failed.

    Examples:

    darkroom replay images/2026/cat.jpg

    darkroom replay 0a1b2c3d --sandbox

    darkroom replay s3://my-uploads/images/cat.jpg --etag 5d41402abc4b2a76b9719d911017c592 --out /tmp/cat --json
    """
    meant, plan = find_target(stage, target, etag), _plan(stage, recipe)
    limits = _limits(stage, seconds) if sandbox else None
    with opened([out]) if out else nullcontext() as results:
        made = replay(stage, meant, plan.of(meant.key).recipe, limits)
        files = _write(made, meant, results) if results else {}
    if as_json:
        print_json(_document(meant, made, files) | {"limits": asdict(limits) if limits else None})
    else:
        _print(meant, made, files)
    if made.cause:
        raise typer.Exit(1)


def _plan(stage: Stage, recipe: Path | None) -> VariantPlan:
    return VariantPlan(read_recipe(recipe) if recipe else recipe_of(stage), stage.uploads_prefix)


def find_target(stage: Stage, name: str, etag: str | None) -> ReplayTarget:
    """The version that is meant.

    Args:
        name: a key, ``bucket/key``, ``s3://bucket/key``, or the id of a dead letter, which has no slash.
        etag: of another version than the one that is there now.

    Raises:
        NotFoundError: there is none.
        UsageError: the message is not about an upload, or the object is in another bucket.
    """
    if "/" not in name:
        return _of_message(stage, name)
    key = _key(stage, name)
    if etag:
        return ReplayTarget(key, etag.strip('"'), "as given")
    versions = ImagesTable(stage.client("dynamodb"), stage.images_table).versions(stage.uploads_bucket, key)
    now = head(stage.client("s3"), stage.uploads_bucket, key)
    if now is not None:
        status = next((record.status for record in versions if record.version.etag == now["ETag"]), "")
        known = f"in the images table: {status}" if status else "the images table has no record of it"
        return ReplayTarget(key, now["ETag"], f"what is there now; {known}")
    if any(not record.version.is_removals for record in versions):
        raise NotFoundError(f"{key} was removed: there is nothing to replay")
    raise NotFoundError(f"neither the images table nor {stage.uploads_bucket} has {key}: check the key")


def _of_message(stage: Stage, name: str) -> ReplayTarget:
    event = by_id(name, read_queue(stage).diagnoses, stage).event
    if not isinstance(event, ObjectCreated):
        raise UsageError(
            f"the message {name} is not about an upload, so there is nothing to render; "
            f"to see what it is: {stage.command('dlq', 'show', name)}"
        )
    return ReplayTarget(event.key, event.etag, f"of the dead letter {name}")


def _key(stage: Stage, name: str) -> str:
    thing = name.removeprefix("s3://")
    key = thing.removeprefix(f"{stage.uploads_bucket}/")
    if thing != name and key == thing:
        raise UsageError(f"{name} is not in this stage's bucket, {stage.uploads_bucket}: name another --stage")
    return key


def _limits(stage: Stage, seconds: float | None) -> ReplayLimits:
    """Those of the deployed function."""
    consumer = Consumer.of(stage)
    limits = ReplayLimits(consumer.memory, seconds or consumer.try_seconds)
    stderr().print(
        f"limits of the stage {stage.name} as it is deployed: {limits.memory:,} MB, {limits.seconds:g} s a try"
        + ("" if seconds is None else " (as --seconds says)")
    )
    return limits


def _write(made: Replay, target: ReplayTarget, results: Results) -> dict[str, str]:
    """The file of each variant, by its name."""
    stem, variants = Path(target.key).stem, made.rendered.variants if made.rendered else ()
    return {each.name: str(results.write(f"{each.name}/{stem}.{each.format}", each.data)) for each in variants}


def _print(target: ReplayTarget, made: Replay, files: dict[str, str]) -> None:
    say = stdout().print
    say(f"{target.key} · version {target.etag} ({target.origin}) · {many(made.size, 'byte')}")
    say(table(("step", "ms"), [(name, f"{took:.1f}") for name, took in made.steps.items()], right=("ms",)))
    say(f"in all {made.milliseconds:.0f} ms{_memory(made)}")
    if made.rendered:
        source = made.rendered.source
        lost = f", lost: {', '.join(made.rendered.lost)}" if made.rendered.lost else ""
        say(f"rendered: {source.image_format} {source.mode} {source.width} x {source.height}{lost}")
        rows = [
            (each.name, each.format, f"{each.width} x {each.height}", f"{len(each.data):,}", files.get(each.name, ""))
            for each in made.rendered.variants
        ]
        say(table(("variant", "format", "pixels", "bytes", "file"), rows, right=("bytes",), whole=("file",)))
        return
    say(f"failed: {made.cause}: {made.message}" + (f" (fingerprint {made.fingerprint})" if made.fingerprint else ""))
    stderr().print(lines(made.trace.rstrip()))


def _memory(made: Replay) -> str:
    price = f" of {made.price:.0f} MB it may take" if made.price is not None else ""
    if made.memory_peak is None or made.memory_before is None:
        return f"; priced at {made.price:.0f} MB" if made.price is not None else ""
    return f"; {made.memory_peak - made.memory_before:.0f} MB{price}, at the peak {made.memory_peak:.0f}"


def _document(target: ReplayTarget, made: Replay, files: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "key": target.key,
        "etag": target.etag,
        "bytes": made.size,
        "outcome": "failed" if made.cause else "rendered",
        "milliseconds": round(made.milliseconds, 1),
        "steps": {name: round(took, 1) for name, took in made.steps.items()},
        "memory": {"before": made.memory_before, "peak": made.memory_peak, "price": made.price},
    }
    if made.rendered is None:
        reason = {"cause": made.cause, "message": made.message, "fingerprint": made.fingerprint}
        return document | {"reason": reason, "traceback": made.trace}
    source = made.rendered.source
    variants = [
        {
            "name": each.name,
            "format": each.format,
            "width": each.width,
            "height": each.height,
            "bytes": len(each.data),
            "file": files.get(each.name),
        }
        for each in made.rendered.variants
    ]
    about = {"format": source.image_format, "mode": source.mode, "width": source.width, "height": source.height}
    return document | {"source": about, "lost": list(made.rendered.lost), "variants": variants}
