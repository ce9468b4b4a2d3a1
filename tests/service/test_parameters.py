"""docs/parameters.md, serverless.yml and ops/build/rules.py speak of the same parameters."""

import re
from typing import Any

import yaml

from ops.build.check import faults
from ops.build.rules import RULES
from tests.service.packaged_service import PROJECT

PARAMS: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "serverless.yml").read_text())["params"]
PAGE = (PROJECT / "docs" / "parameters.md").read_text()
ROW = re.compile(r"\| `(\w+)` \| `(.*?)` \| (?:`(.*?)`)? ?\| (.+?) \| (.+?) \|$", re.MULTILINE)


def as_written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"


def documented() -> list[tuple[str, str, str]]:
    table = PAGE[: PAGE.index("For example:")]
    return [(name, default, local) for name, default, local, _, _ in ROW.findall(table)]


def test_the_page_names_each_parameter_with_its_default_in_the_same_order() -> None:
    assert [(name, default) for name, default, _ in documented()] == [
        (name, as_written(value)) for name, value in PARAMS["default"].items()
    ]


def test_the_page_says_what_differs_on_the_local_stage() -> None:
    assert {name: local for name, _, local in documented() if local} == {
        name: as_written(value) for name, value in PARAMS["local"].items()
    }


def test_each_parameter_is_checked() -> None:
    assert set(RULES) == set(PARAMS["default"])


def test_the_stages_on_the_page_would_be_accepted() -> None:
    example = yaml.safe_load(PAGE.split("```yaml")[1].split("```")[0])["params"]
    recipe = (PROJECT / "recipe.toml").read_text()

    for stage, parameters in example.items():
        default = {
            name: value.replace("${sls:stage}", stage) if isinstance(value, str) else value
            for name, value in PARAMS["default"].items()
        }
        assert faults(default | parameters, stage=stage, region="eu-west-1", recipe_text=recipe) == []
