"""``darkroom doctor`` on the command line: its options, which checks run, and the exit code."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from ops.cli import stage as stages
from ops.cli.absent import NoStackError, UnfinishedStackError
from ops.cli.checkout import require_checkout
from ops.cli.doctor.checks import AFTER, BEFORE, CLEANING, REACH
from ops.cli.doctor.checkup import Checkup
from ops.cli.doctor.report import document, is_healthy, page, progress, summary
from ops.cli.doctor.results import Check, CheckResult, skipped
from ops.cli.terminal import AsJson, NameOption, ProfileOption, RegionOption, print_json, stderr, stdout
from ops.errors import UsageError

BeforeOption = Annotated[
    bool | None,
    typer.Option(
        "--before/--after",
        help="Run the checks for before, or after, a deployment.",
        show_default="by whether the stack exists",
    ),
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the deployment; repeatable.")
]
UrlOption = Annotated[str, typer.Option("--url", help="The page's address.", show_default="the stack's ApiUrl")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for a picture.")]


def doctor(
    stage_name: NameOption = "dev",
    region: RegionOption = None,
    profile: ProfileOption = None,
    before: BeforeOption = None,
    param: ParamOption = None,
    url: UrlOption = "",
    timeout: TimeoutOption = 120,
    as_json: AsJson = False,
) -> None:
    """Check the requirements of a deployment, or a deployed stage.

    Before a deployment: credentials, clock, parameters, tools, permissions, quotas, and whether names are free. It
    creates nothing.

    After one: also queue, mapping, notification and alarms. It sends six small pictures below PREFIX_doctor/, one of
    them as a browser does; follows five to their variants, and a broken one to the dead-letter queue; measures the time
    from upload to ready; and deletes them all, also after Ctrl-C. Their records stay in the images table.

    A check that lacks a permission is skipped. The output contains no account id, key or address: you can paste it
    into an issue.

    Exit code 1 when a check failed; a warning is not a failure.

    Examples:

    darkroom doctor --stage prod --before --param maximumConcurrency=100

    darkroom doctor --stage prod

    darkroom doctor --stage prod --after --json > doctor.json

    darkroom doctor --stage local --url http://127.0.0.1:4000
    """
    checkup = _checkup(stage_name, region, profile, before=before, given=_pairs(param or ()), url=url, timeout=timeout)
    is_before = _is_before(checkup, before)
    with progress() as show:
        results = run(checkup, BEFORE if is_before else AFTER, show)
    if as_json:
        print_json(document(checkup, results, is_before=is_before))
    else:
        stdout().print(page(results))
        stderr().print(summary(results, is_before=is_before))
    if not is_healthy(results):
        raise typer.Exit(1)


def run(
    checkup: Checkup, checks: Sequence[Check], show: Callable[[str], None] = lambda _name: None
) -> list[CheckResult]:
    """The results of the checks in their order; what they leave is removed, also when this is interrupted."""
    results = [_shown(check, checkup, show) for check in REACH]
    if not is_healthy(results):
        return [*results, replace(skipped("not without the above"), name="all others")]
    try:
        results += [_shown(check, checkup, show) for check in checks]
    finally:
        if checkup.has_uploaded:
            results.append(_shown(CLEANING, checkup, show))
    return results


def _is_before(checkup: Checkup, given: bool | None) -> bool:
    """Whether a deployment is to come, which is made from a checkout."""
    is_before = given if given is not None else checkup.stage is None
    if is_before and checkup.identity.error is None:
        require_checkout("doctor --before")
    return is_before


def _shown(check: Check, checkup: Checkup, show: Callable[[str], None]) -> CheckResult:
    show(check.name)
    return check.result(checkup)


def _checkup(
    name: str,
    region: str | None,
    profile: str | None,
    *,
    before: bool | None,
    given: dict[str, str],
    url: str,
    timeout: float,
) -> Checkup:
    client = stages.connect(name, region, profile)
    where = client("cloudformation").meta.region_name
    checkup = Checkup(name, where, client, given=given, expected=before is False, url=url, timeout=timeout)
    if checkup.identity.error is not None:
        return checkup
    try:
        checkup.stage = stages.find(name, region, profile)
        checkup.client = checkup.stage.client
    except NoStackError as error:
        checkup.no_stage = str(error)
        checkup.expected |= isinstance(error, UnfinishedStackError)
    return checkup


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, sign, _ in pairs if not sign or not name]:
        raise UsageError(f"--param {wrong[0]}: give a name and a value, as in --param memory=3008")
    return {name: value for name, _, value in pairs}
