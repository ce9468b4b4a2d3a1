"""``darkroom show`` on the command line: its options, and its exit code."""

from typing import Annotated

import typer

from ops.recipes import read_recipe
from ops.show import page
from ops.show.known import LINK_LIMIT, Finder, key_of
from ops.stage import Stage, on_stage
from ops.terminal import AsJson, print_json, words


@on_stage
def show(
    stage: Stage,
    thing: Annotated[
        str, typer.Argument(metavar="OBJECT", help="A key, with or without the prefix; bucket/key; s3://bucket/key.")
    ],
    minutes: Annotated[int, typer.Option("--link-minutes", min=1, max=LINK_LIMIT, help="How long links last.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of one photo.

    Whether it is in the bucket now, and as which version; every version that was ever seen, with its status, attempts,
    reason, timings, recipe and code; its variants, which of them are really there, and a link to each. A link works
    for whoever has it, as long as it lasts; and no longer than the credentials that signed it.

    Exit code 1 when nothing is known of it.

    Examples:

    darkroom show 2026/cat.jpg --stage prod

    darkroom show s3://my-uploads/images/2026/cat.jpg --stage prod --link-minutes 5

    darkroom show images/cat.jpg --stage local --json
    """
    key = key_of(stage, thing)
    known = Finder(stage, minutes * 60).find(key)
    if as_json:
        print_json(page.as_json(known))
    elif known.is_anything:
        page.show(known, read_recipe().fingerprint)
        for sentence in page.advice(known, stage.name):
            words().print(sentence)
    if not known.is_anything:
        words().print(
            f"Nothing is known of {stage.uploads_bucket}/{key}: it is neither in the bucket nor in the table."
        )
        raise typer.Exit(1)
