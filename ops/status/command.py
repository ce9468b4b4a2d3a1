"""``darkroom status`` on the command line: its options, and what is drawn again and again."""

import time
from typing import Annotated

import typer
from rich.live import Live

from ops.errors import UsageError
from ops.stage import Stage, on_stage
from ops.status import page
from ops.status.looking import Observer
from ops.terminal import AsJson, paper, print_json


@on_stage
def status(
    stage: Stage,
    watch: Annotated[bool, typer.Option("--watch", help="Draw it again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="With --watch: seconds from one look to the next.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Show a stage on one screen: queue, rate, dead letters, mapping, and how images ended in the last hour.

    SQS's counts are approximate. Age and rate are CloudWatch's, a minute or two late. Where it has none, as on the
    embedded stack, the age is "-" and the rate is how much shorter the queue got between two looks: what comes and
    what goes cannot be told apart then. Outcomes are CloudWatch's as well, by delivery; or else the images table's.

    Examples:

    darkroom status --stage prod

    darkroom status --stage prod --watch --interval 5

    darkroom status --stage prod --json | jq .queue.waiting
    """
    observer = Observer(stage)
    if watch and as_json:
        raise UsageError("--watch is for people: for programs, run status --json again and again")
    if watch:
        _watch(observer, interval)
    elif as_json:
        print_json(page.as_json(stage, observer.look_twice()))
    else:
        paper().print(page.page(stage, observer.look_twice()))


def _watch(observer: Observer, interval: float) -> None:
    """Until Ctrl-C, which is the way to end it and no failure."""
    try:
        with Live(console=paper(), auto_refresh=False) as live:
            while True:
                live.update(page.page(observer.stage, observer.look()), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return
