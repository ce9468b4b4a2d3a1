"""``darkroom status --parameters``: what a stage was deployed with, by the outputs of its stack alone.

Defaults differ from version to version, so none of this checkout is ever shown as one of the stage's.
"""

from collections.abc import Mapping

from ops.cli.stage import Stage
from ops.cli.tables import Grid, table
from ops.cli.terminal import print_json, stderr, stdout
from ops.errors import UsageError


def show_parameters(stage: Stage, *, as_json: bool) -> None:
    """Print each parameter as it was deployed; those that the deployment gave first.

    Raises:
        UsageError: the stage was deployed before its outputs had them.
    """
    if stage.given is None:
        raise UsageError(f"{stage.name} does not say what it was deployed with: deploy it again, then run this again")
    if as_json:
        defaults = None if stage.defaults is None else dict(stage.defaults)
        print_json({"stage": stage.name, "given": dict(stage.given), "defaults": defaults})
        return
    if stage.given or stage.defaults:
        stdout().print(table_of_parameters(stage.given, stage.defaults or {}))
    if stage.defaults is None:
        stderr().print(
            "Every other parameter has the default of the version that was deployed, which this stage does not list: "
            "deploy it again to see them."
        )


def table_of_parameters(given: Mapping[str, str], defaults: Mapping[str, str]) -> Grid:
    """A row for each parameter, those that the deployment gave first."""
    rows = [(name, value, "deployment") for name, value in given.items()]
    rows += [(name, value, "default") for name, value in defaults.items() if name not in given]
    return table(("parameter", "value", "from"), rows, whole=("value",))
