"""What a stage was deployed with, and what this checkout would be: the settings that commands calculate with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, cast

from ops.build.rules import text_of
from ops.cli.checkout import whose_defaults
from ops.cli.costs.batch import FunctionSettings
from ops.cli.mapping import mapping_of
from ops.cli.prices import Architecture
from ops.cli.stage import Stage, service_description
from ops.cli.switches.table import SWITCHES
from ops.local.deployed import DEFAULT_CONCURRENCY

OFF: Final = ("false", "", "none", "0")
"""Values of a parameter that is off; the same as in resources/switched-on.cjs, which writes the output `Switches`."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """The consumer as Lambda has it; megabytes and seconds."""

    memory: int
    timeout: int
    try_seconds: float
    architecture: Architecture
    code_version: str
    removals: bool
    changed_at: str  # when code or settings changed last, in UTC

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """Ask Lambda."""
        answer = stage.client("lambda").get_function_configuration(FunctionName=stage.consumer)
        variables = answer.get("Environment", {}).get("Variables", {})
        return cls(
            memory=answer["MemorySize"],
            timeout=answer["Timeout"],
            try_seconds=float(variables.get("TRY_SECONDS") or deployed_parameters(stage)["trySeconds"]),
            architecture=answer["Architectures"][0],
            code_version=variables.get("CODE_VERSION", ""),
            removals=variables.get("REMOVALS") == "true",
            changed_at=answer["LastModified"],
        )


def function_of(stage: Stage | None) -> FunctionSettings:
    """What a stage costs by: its function and its event source mapping, or with no stage those of serverless.yml."""
    if stage is None:
        return _by_default()
    consumer, mapping = Consumer.of(stage), mapping_of(stage)
    concurrency = mapping.maximum_concurrency or DEFAULT_CONCURRENCY
    return FunctionSettings(consumer.memory, consumer.architecture, concurrency, mapping.batch_size)


def switches_of(stage: Stage | None) -> frozenset[str] | None:
    """What is on, by the names in `ops.cli.switches`: of a stage as deployed, or by serverless.yml's defaults.

    Returns:
        None where the stage does not say.
    """
    if stage is None:
        return switched_on(parameters())
    return None if stage.switches is None else _known(stage.switches | {f"ingest={stage.ingest}"})


def switched_on(given: Mapping[str, Any]) -> frozenset[str]:
    """What is on by these parameters, by the names in `ops.cli.switches`."""
    on = {name for name, value in given.items() if text_of(value) not in OFF}
    return _known(on | {f"{name}={value}" for name, value in given.items()})


def _known(names: Collection[str]) -> frozenset[str]:
    return frozenset(switch.name for switch in SWITCHES if switch.name in names)


def in_words(function: FunctionSettings, stage: Stage | None) -> str:
    """Which settings these are, and of what."""
    whose = f"the stage {stage.name} as it is deployed" if stage else f"serverless.yml of {whose_defaults()}"
    return (
        f"settings of {whose}: {function.memory:,} MB, {function.architecture}, {function.concurrency:,} at once, "
        f"{function.batch} a batch"
    )


def parameters() -> Mapping[str, Any]:
    """The stage parameters that serverless.yml gives when nobody says otherwise."""
    return cast(Mapping[str, Any], service_description()["params"]["default"])


def parameters_of(stage_name: str) -> Mapping[str, Any]:
    """The same for one stage, whose own section in serverless.yml goes before the defaults."""
    return {**parameters(), **service_description()["params"].get(stage_name, {})}


def deployed_parameters(stage: Stage) -> Mapping[str, Any]:
    """A deployed stage's parameters; this checkout's in place of those that an older stage does not say."""
    if stage.given is None:
        return parameters_of(stage.name)
    return {**parameters(), **(stage.defaults or {}), **stage.given}


def _by_default() -> FunctionSettings:
    given = parameters()
    names = ("memory", "architecture", "maximumConcurrency", "batchSize")
    return FunctionSettings(*(given[name] for name in names))
