"""``darkroom status --parameters``: what a stage was deployed with."""

from typing import Any

from ops.cli.settings import parameters
from ops.cli.stage import Stage
from ops.cli.terminal import print_json, stderr, stdout, table
from ops.errors import UsageError


def show_parameters(stage: Stage, *, as_json: bool) -> None:
    """Print each parameter; those that the deployment gave first. A default is this checkout's.

    Raises:
        UsageError: the stage was deployed before it said so.
    """
    if stage.given is None:
        raise UsageError(f"{stage.name} does not say what it was deployed with: deploy it again, then ask again")
    given, defaults = stage.given, {name: _text(value) for name, value in parameters().items()}
    if as_json:
        print_json({"stage": stage.name, "given": dict(given), "defaults": defaults})
        return
    rest = ((name, value, "default") for name, value in defaults.items() if name not in given)
    stdout().print(table(("parameter", "value", "from"), [*((*each, "deployment") for each in given.items()), *rest]))
    stderr().print("default: of this checkout, which the deployment had as well if it was made from this version.")


def _text(value: Any) -> str:
    """As it is typed after --param."""
    return str(value).lower() if isinstance(value, bool) else str(value)
