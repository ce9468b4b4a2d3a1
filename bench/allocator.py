"""glibc's settings as the deployed function has them, for every process that is measured."""

import yaml

from ops.cli.stage import ROOT


def malloc_settings() -> dict[str, str]:
    """The consumer's MALLOC_* variables, as serverless.yml gives them."""
    service = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
    variables = service["functions"]["consumer"]["environment"]
    return {name: str(value) for name, value in variables.items() if name.startswith("MALLOC_")}
