"""``darkroom status --parameters``: what a stage was deployed with."""

from collections.abc import Mapping
from typing import Any

from ops.cli.checkout import whose_defaults
from ops.cli.settings import parameters
from ops.cli.stage import Stage
from ops.cli.tables import Grid, table
from ops.cli.terminal import print_json, stderr, stdout
from ops.errors import UsageError


def show_parameters(stage: Stage, *, as_json: bool) -> None:
    """Print each parameter; those that the deployment gave first. Defaults are of this checkout or release.

    Raises:
        UsageError: the stage was deployed before it said so.
    """
    if stage.given is None:
        raise UsageError(f"{stage.name} does not say what it was deployed with: deploy it again, then ask again")
    defaults = {name: _text(value) for name, value in parameters().items()}
    if as_json:
        print_json({"stage": stage.name, "given": dict(stage.given), "defaults": defaults})
        return
    stdout().print(table_of_parameters(stage.given, defaults))
    stderr().print(f"default: of {whose_defaults()}; the deployment had the same if it was made from this version.")


def table_of_parameters(given: Mapping[str, str], defaults: Mapping[str, str]) -> Grid:
    """A row for each parameter, those that the deployment gave first."""
    rows = [(name, value, "deployment") for name, value in given.items()]
    rows += [(name, value, "default") for name, value in defaults.items() if name not in given]
    return table(("parameter", "value", "from"), rows, whole=("value",))


def _text(value: Any) -> str:
    """As it is typed after --param."""
    return str(value).lower() if isinstance(value, bool) else str(value)
