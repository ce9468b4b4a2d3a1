"""What a stage was deployed with, and what this checkout would be: the settings that commands reckon with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from ops.cli.costs import Architecture, FunctionSettings
from ops.cli.mapping import mapping_of
from ops.cli.stage import Stage, service_description
from ops.local.deployed import DEFAULT_CONCURRENCY


@dataclass(frozen=True, slots=True)
class Consumer:
    """The consumer as Lambda has it; megabytes and seconds."""

    memory: int
    timeout: int
    try_seconds: float
    architecture: Architecture
    code_version: str
    removals: bool

    @classmethod
    def of(cls, stage: Stage) -> Self:
        """Ask Lambda."""
        answer = stage.client("lambda").get_function_configuration(FunctionName=stage.consumer)
        variables = answer.get("Environment", {}).get("Variables", {})
        return cls(
            memory=answer["MemorySize"],
            timeout=answer["Timeout"],
            try_seconds=float(variables.get("TRY_SECONDS") or parameters()["trySeconds"]),
            architecture=answer["Architectures"][0],
            code_version=variables.get("CODE_VERSION", ""),
            removals=variables.get("REMOVALS") == "true",
        )


def function_of(stage: Stage | None) -> FunctionSettings:
    """What a stage costs by: its function and its event source mapping, or with no stage those of serverless.yml."""
    if stage is None:
        return _by_default()
    consumer, mapping = Consumer.of(stage), mapping_of(stage)
    concurrency = mapping.maximum_concurrency or DEFAULT_CONCURRENCY
    return FunctionSettings(consumer.memory, consumer.architecture, concurrency, mapping.batch_size, stage.ingest)


def in_words(function: FunctionSettings, stage: Stage | None) -> str:
    """Which settings these are, and of what."""
    whose = f"the stage {stage.name} as it is deployed" if stage else "serverless.yml of this checkout"
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


def _by_default() -> FunctionSettings:
    given = parameters()
    names = ("memory", "architecture", "maximumConcurrency", "batchSize", "ingest")
    return FunctionSettings(*(given[name] for name in names))
