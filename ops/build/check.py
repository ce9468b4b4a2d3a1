"""Refuses a configuration that cannot work before anything is packaged: every fault at once, each by its name.

``python -m ops.build.check`` reads ``{"region": ..., "parameters": {...}}`` on stdin and exits with 0, or with 2 and
one line on stderr for each fault. It runs on a bare Python 3.11, because it runs before anything is installed.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from processing import recipe
from processing.errors import Misconfigured
from processing.naming import overlaps
from processing.reach import unreachable
from processing.sandbox.capacity import LONGEST_TIMEOUT, animation_seconds, shortest_timeout
from processing.settings import RENDERINGS

RECIPE = Path(__file__).parents[2] / "recipe.toml"
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)  # the only ones that CloudWatch Logs knows


def _number(value: object, *, otherwise: int) -> int:
    return int(_text(value)) if re.fullmatch(r"-?[0-9]{1,10}", _text(value)) else otherwise


def _text(value: object) -> str:
    """As it would be written on the command line, where a parameter may come from."""
    return str(value).lower() if isinstance(value, bool) else str(value)


Rule = Callable[[object], str | None]
"""What is wrong with a value and what to give instead, or None."""


def whole(low: int, high: int, why: str = "") -> Rule:
    """A whole number within these limits; ``why`` where they are ours and not AWS's own."""
    wanted = f"give a whole number from {low} to {high}" + (f": {why}" if why else "")
    return lambda value: None if low <= _number(value, otherwise=low - 1) <= high else wanted


def one_of(*choices: object) -> Rule:
    """One of a few values."""
    names = [_text(choice) for choice in choices]
    return lambda value: None if _text(value) in names else f"give one of {', '.join(names)}"


def matching(pattern: str, what: str) -> Rule:
    """Text of a certain form."""
    return lambda value: None if re.fullmatch(pattern, _text(value)) else f"give {what}"


BUCKET_NAME = matching(
    r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "3 to 63 lowercase letters, digits and hyphens (S3's certificates cover no dots); "
    "${AWS::AccountId} and ${AWS::Region} are replaced",
)
SEVERAL_BUCKETS = (
    "give one bucket, and each of the others a stage of its own: the variants of two objects of one key would "
    "overwrite each other, and both would be done"
)
SWITCH = one_of(True, False)
KEY_NAME = r"[a-z][a-z0-9]{0,29}"
ORIGIN = r"https?://[a-z0-9.-]+(:\d+)?"

RULES: Mapping[str, Rule] = {
    "uploadsBucket": lambda value: SEVERAL_BUCKETS if "," in _text(value) else BUCKET_NAME(value),
    "uploadsPrefix": matching(
        r"([A-Za-z0-9_][A-Za-z0-9_.-]*/)*",
        "letters and digits that end with a slash, as in images/, or '' for the whole bucket",
    ),
    "variantsBucket": BUCKET_NAME,
    "existing": one_of("none", "uploads", "both"),
    "ingest": one_of("s3", "eventbridge"),
    "memory": whole(512, 10240, "with less, a large image does not fit"),
    "timeout": whole(10, LONGEST_TIMEOUT),
    "trySeconds": whole(5, 400, "with less, a large image is never finished"),
    "rendering": one_of(*RENDERINGS),
    "architecture": one_of("x86_64", "arm64"),
    "batchSize": whole(1, 10, "what one invocation cannot begin goes back and counts as received"),
    "window": whole(0, 5, "uploads would wait longer for no gain"),
    "maximumConcurrency": whole(2, 1000),
    "maxReceiveCount": whole(5, 1000, "with less, a few throttled invocations kill a healthy message"),
    "queueRetentionDays": whole(1, 13),
    "dlqRetentionDays": whole(2, 14),
    "logRetentionDays": one_of(*LOG_RETENTION_DAYS),
    "logLevel": one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "removals": SWITCH,
    "erasure": SWITCH,
    "pointInTimeRecovery": SWITCH,
    "pollQueue": SWITCH,
    "alarmEmail": matching(r"|[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address, or '' for none"),
    "authorizer": one_of("api-key", "iam", "jwt"),
    "userPoolArn": matching(
        r"|arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:\d{12}:userpool/[\w-]+", "a user pool's ARN, or ''"
    ),
    "corsOrigins": matching(
        rf"|{ORIGIN}(, *{ORIGIN})*", "origins such as https://photos.example.com with commas between, or '' for none"
    ),
    "cdn": SWITCH,
    "cdnAlias": matching(
        r"|([a-z0-9-]+\.)+[a-z]+", "a domain such as pictures.example.com, or '' for CloudFront's own"
    ),
    "cdnCertificate": matching(
        r"|arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[\w-]+", "the ARN of a certificate in us-east-1, or ''"
    ),
    "uploadMinutes": whole(5, 60, "a form is for one upload, soon"),
    "linkMinutes": whole(5, 60, "a link ends with the session of the role that signed it, an hour at least"),
    "apiMemory": whole(256, 10240, "with less, a cold start takes seconds"),
    "apiKeys": matching(
        rf"{KEY_NAME}(, *{KEY_NAME})*", "names of small letters and digits with commas between, as in uploads, kiosk"
    ),
    "apiRate": whole(1, 10000),
    "apiBurst": whole(1, 5000),
    "apiDailyQuota": whole(1, 1_000_000_000),
    "publicRate": whole(1, 10000),
    "publicBurst": whole(25, 5000, "the page alone is 22 files"),
    "apiMetrics": SWITCH,
    "apiAccessLog": SWITCH,
    "apiTracing": SWITCH,
}


def faults(parameters: Mapping[str, object], *, region: str, recipe_text: str) -> list[str]:
    """Everything that is wrong: one sentence for each, beginning with the name of what is at fault."""
    values = {name: _expand(value, region) for name, value in parameters.items()}
    made, recipe_faults = _read(recipe_text)
    variants = tuple(variant.name for variant in made.variants) if made else ()
    return [
        *_unknown(values),
        *_each(values),
        *_together(values, variants, region),
        *_in_time(values, made),
        *_in_memory(values, made),
        *recipe_faults,
    ]


def _unknown(values: Mapping[str, object]) -> Iterator[str]:
    for name in sorted(values.keys() - RULES.keys()):
        near = get_close_matches(name, RULES, n=1)
        yield f"{name}: is no parameter of this service" + (f"; did you mean {near[0]}?" if near else "")


def _each(values: Mapping[str, object]) -> Iterator[str]:
    for name, rule in RULES.items():
        if name not in values:
            yield f"{name}: is not set; give it a value under params.default in serverless.yml"
        elif advice := rule(values[name]):
            yield f"{name}: is {_text(values[name])!r}; {advice}"


def _together(values: Mapping[str, object], variants: tuple[str, ...], region: str) -> Iterator[str]:
    """What each value may be, but not with the others."""
    queue, dlq = (_number(values.get(name), otherwise=0) for name in ("queueRetentionDays", "dlqRetentionDays"))
    if queue and dlq and dlq <= queue:
        yield (
            f"dlqRetentionDays: is {dlq}; give more than queueRetentionDays ({queue}), "
            "for a dead letter keeps the age it had in the uploads queue"
        )
    if _text(values.get("authorizer")) == "jwt" and not _text(values.get("userPoolArn") or ""):
        yield "userPoolArn: is not set; give the ARN of the user pool whose tokens are taken, for authorizer is jwt"
    yield from _cdn(values, region)
    names = [name.strip() for name in _text(values.get("apiKeys")).split(",")]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"apiKeys: has {name!r} more than once; name each key once"
    uploads, target = _text(values.get("uploadsBucket")), _text(values.get("variantsBucket"))
    if uploads == target:
        prefix = _text(values.get("uploadsPrefix"))
        below = prefix or "uploads"
        looping = overlaps(uploads_bucket=uploads, prefix=prefix, variants_bucket=target, variants=variants)
        yield (
            "variantsBucket: is the uploads bucket; give the variants a bucket of their own, "
            "so that nothing can write where the originals are"
            + (f" ({', '.join(looping)} would even be processed again without end, as {below})" if looping else "")
        )


def _cdn(values: Mapping[str, object], region: str) -> Iterator[str]:
    """What the parameters of the CDN may be together."""
    on = _text(values.get("cdn")) == "true"
    alias, certificate = (_text(values.get(name) or "") for name in ("cdnAlias", "cdnCertificate"))
    if on and region.startswith("cn-"):
        yield f"cdn: is true; give false in {region}: CloudFront cannot read a private bucket there"
    if (alias or certificate) and not on:
        yield "cdn: is false; give true, or neither cdnAlias nor cdnCertificate"
    if bool(alias) != bool(certificate):
        yield "cdnCertificate: belongs to cdnAlias; give both, or neither"


def _in_time(values: Mapping[str, object], made: recipe.Recipe | None) -> Iterator[str]:
    """Whether every message of a batch can have its try: judged where each of these values may be at all."""
    names = ("memory", "timeout", "trySeconds", "batchSize", "rendering")
    if any(name not in values or RULES[name](values[name]) for name in names):
        return
    memory, timeout, seconds, batch = (_number(values[name], otherwise=0) for name in names[:4])
    rendering = _text(values["rendering"])
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
    memory = _number(values["memory"], otherwise=0)
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


def _expand(value: object, region: str) -> object:
    """A bucket's name as long as it will be; every account's number has twelve digits."""
    if not isinstance(value, str):
        return value
    return value.replace("${AWS::AccountId}", "1" * 12).replace("${AWS::Region}", region)


def main() -> int:
    given = json.load(sys.stdin)
    found = faults(given["parameters"], region=given["region"], recipe_text=RECIPE.read_text(encoding="utf-8"))
    for fault in found:
        print(f"- {fault}", file=sys.stderr)  # noqa: T201 - this is the answer
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
