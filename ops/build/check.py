"""Refuses a configuration that cannot work before anything is packaged: every fault at once, each by its name.

``python -m ops.build.check`` reads ``{"stage": ..., "region": ..., "parameters": {...}, "incomplete": [...]}`` on
stdin, where ``incomplete`` has each ``--param`` without a name or a value, and exits with 0, or with 2 and one line on
stderr for each fault. It runs on a bare Python 3.11, because it runs before anything is installed.
"""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ops.build import locks
from ops.build.combinations import faults_together
from ops.build.places import faults_of_place, is_same, partition_of, placed
from ops.build.rules import RULES, number_of, text_of
from processing import recipe
from processing.errors import Misconfigured
from processing.naming import overlaps
from processing.reach import unreachable
from processing.sandbox.capacity import LONGEST_TIMEOUT, animation_seconds, shortest_timeout

RECIPE = Path(__file__).parents[2] / "recipe.toml"
MOST_AT_ONCE = 10  # messages of one receive
PACKAGE_LOCKS = [f"package-{architecture}" for architecture in locks.PACKAGE]


def faults(parameters: Mapping[str, object], *, stage: str, region: str, recipe_text: str) -> list[str]:
    """Everything that is wrong: one sentence for each, beginning with the name of what is at fault."""
    values = placed(parameters, region=region)
    made, recipe_faults = _read(recipe_text)
    variants = tuple(variant.name for variant in made.variants) if made else ()
    return [
        *faults_of_place(stage, region),
        *_unknown(values),
        *_each(values, parameters),
        *_together(values, variants),
        *_elsewhere(values, region),
        *faults_together(values, stage=stage, region=region),
        *_in_time(values, made),
        *_in_memory(values, made),
        *recipe_faults,
    ]


def _unknown(values: Mapping[str, object]) -> Iterator[str]:
    for name in sorted(values.keys() - RULES.keys()):
        near = get_close_matches(name, RULES, n=1)
        yield f"{name}: is not a parameter of this service" + (f"; did you mean {near[0]}?" if near else "")


def _each(values: Mapping[str, object], written: Mapping[str, object]) -> Iterator[str]:
    """What each value may not be by itself; ``written`` is what the answer shows."""
    for name, rule in RULES.items():
        if name not in values:
            yield f"{name}: is not set; give it a value under params.default in serverless.yml"
        elif advice := rule(values[name]):
            yield f"{name}: is {text_of(written[name])!r}; {advice}"


def _together(values: Mapping[str, object], variants: tuple[str, ...]) -> Iterator[str]:
    """What each value may be, but not with the others."""
    queue, dlq = (number_of(values.get(name), otherwise=0) for name in ("queueRetentionDays", "dlqRetentionDays"))
    if queue and dlq and dlq <= queue:
        yield (
            f"dlqRetentionDays: is {dlq}; give more than queueRetentionDays ({queue}), "
            "for a dead letter keeps the age it had in the uploads queue"
        )
    if text_of(values.get("authorizer")) == "jwt" and not text_of(values.get("userPoolArn") or ""):
        yield "userPoolArn: is not set; give the ARN of the user pool whose tokens are taken, for authorizer is jwt"
    yield from _batches(values)
    yield from _workflow(values)
    yield from _cdn(values)
    names = [name.strip() for name in text_of(values.get("apiKeys")).split(",")]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"apiKeys: has {name!r} more than once; name each key once"
    yield from _operators(values, names)
    uploads, target = text_of(values.get("uploadsBucket")), text_of(values.get("variantsBucket"))
    if is_same(uploads, target):
        prefix = text_of(values.get("uploadsPrefix"))
        below = prefix or "uploads"
        looping = overlaps(uploads_bucket=uploads, prefix=prefix, variants_bucket=uploads, variants=variants)
        yield (
            "variantsBucket: is the uploads bucket; give the variants a bucket of their own, "
            "so that nothing can write where the originals are"
            + (f" ({', '.join(looping)} would even be processed again without end, as {below})" if looping else "")
        )


def _operators(values: Mapping[str, object], keys: Sequence[str]) -> Iterator[str]:
    """What names nobody, or not what the authorizer knows."""
    named = [name for each in text_of(values.get("operators") or "").split(",") if (name := each.strip())]
    match text_of(values.get("authorizer")):
        case "api-key":
            for name in sorted(set(named) - set(keys)):
                yield f"operators: has {name!r}; name keys of apiKeys ({', '.join(keys)}), for authorizer is api-key"
        case "iam":
            for name in sorted(each for each in set(named) if not re.fullmatch(r"(AROA|AIDA)[A-Z0-9]{12,}", each)):
                yield f"operators: has {name!r}; give ids of roles (AROA...) or users (AIDA...), for authorizer is iam"


def _batches(values: Mapping[str, object]) -> Iterator[str]:
    """What Lambda refuses as a batch: it receives ten messages at once, and more only one after another."""
    batch, window = (number_of(values.get(name), otherwise=-1) for name in ("batchSize", "window"))
    if batch > MOST_AT_ONCE and window == 0:
        yield (
            f"window: is {window}; give at least 1 for a batchSize of {batch}, or at most {MOST_AT_ONCE} batchSize, "
            "for Lambda collects a larger batch only within a window"
        )


def _workflow(values: Mapping[str, object]) -> Iterator[str]:
    """What a workflow cannot be without."""
    if text_of(values.get("workflow")) == "true" and text_of(values.get("events")) != "true":
        yield "workflow: is true; give true for events too, whose event starts it, or false"


def _elsewhere(values: Mapping[str, object], region: str) -> Iterator[str]:
    """What not every partition has."""
    partition = partition_of(region)
    if text_of(values.get("workflow")) == "true" and partition == "aws-cn":
        yield f"workflow: is true; give false in {region}: Rekognition is not there"
    if text_of(values.get("cdn")) == "true" and partition != "aws":
        why = "CloudFront cannot read a private bucket there" if partition == "aws-cn" else "CloudFront is not there"
        yield f"cdn: is true; give false in {region}: {why}"


def _cdn(values: Mapping[str, object]) -> Iterator[str]:
    """What the parameters of the CDN may be together."""
    on = text_of(values.get("cdn")) == "true"
    alias, certificate = (text_of(values.get(name) or "") for name in ("cdnAlias", "cdnCertificate"))
    if (alias or certificate) and not on:
        yield "cdn: is false; give true, or neither cdnAlias nor cdnCertificate"
    if bool(alias) != bool(certificate):
        yield "cdnCertificate: belongs to cdnAlias; give both, or neither"


def _in_time(values: Mapping[str, object], made: recipe.Recipe | None) -> Iterator[str]:
    """Whether every message of a batch can have its try: judged where each of these values may be at all."""
    names = ("memory", "timeout", "trySeconds", "batchSize", "rendering")
    if any(name not in values or RULES[name](values[name]) for name in names):
        return
    memory, timeout, seconds, batch = (number_of(values[name], otherwise=0) for name in names[:4])
    rendering = text_of(values["rendering"])
    needed = shortest_timeout(memory, batch_size=batch, try_seconds=seconds, rendering=rendering)
    if timeout < needed:
        more = f"give at least {needed}, or" if needed <= LONGEST_TIMEOUT else f"{needed} would be needed; give"
        yield (
            f"timeout: is {timeout}; {more} a smaller batchSize ({batch}) or trySeconds ({seconds}), or more memory, "
            "so that each message of a batch can have its try"
        )
    pixels = made.limits.max_pixels["animation"] if made else 0
    takes = animation_seconds(memory, pixels)
    if takes > seconds:
        yield (
            f"recipe.toml: limits.pixels.animation: is {pixels}; give at most {int(pixels * seconds / takes)}, or "
            f"{math.ceil(takes)} trySeconds, for so long one takes to render with a memory of {memory}"
        )


def _in_memory(values: Mapping[str, object], made: recipe.Recipe | None) -> Iterator[str]:
    """Whether a picture at each limit fits."""
    if made is None or "memory" not in values or RULES["memory"](values["memory"]):
        return
    memory = number_of(values["memory"], otherwise=0)
    for each in unreachable(made, memory):
        more = f", or at least {each.needed} memory" if each.needed else ""
        yield (
            f"recipe.toml: {each.setting}: is {each.value}; give at most {each.fits}{more}, "
            f"for a picture at this limit does not fit into a memory of {memory}"
        )


def _read(text: str) -> tuple[recipe.Recipe | None, list[str]]:
    """The recipe, and its faults."""
    try:
        return recipe.load(text), []
    except Misconfigured as error:
        return None, [f"recipe.toml: {fault}" for fault in error.faults]


def _incomplete(texts: Sequence[str]) -> Iterator[str]:
    """What the framework takes for no parameter at all on its command line."""
    for text in texts:
        name = text.partition("=")[0].strip()
        yield (
            f"{name or '--param'}: is given as --param {text!r}; give a name and a value, as in --param memory=3008, "
            "and an empty value ('') in the stage's section of params in serverless.yml"
        )


def main() -> int:
    given = json.load(sys.stdin)
    found = list(_incomplete(given["incomplete"]))
    recipe_text = RECIPE.read_text(encoding="utf-8")
    found += faults(given["parameters"], stage=given["stage"], region=given["region"], recipe_text=recipe_text)
    for lock in locks.outdated(PACKAGE_LOCKS):
        found.append(f"{locks.SOURCES[lock]}: has changed since it was locked; run {locks.REMEDY}")
    for fault in found:
        print(f"- {fault}", file=sys.stderr)  # noqa: T201 - this is the answer
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
