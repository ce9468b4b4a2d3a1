"""What the parameters for storage, keys and networks may be together, by the name of what is at fault."""

from collections.abc import Iterator, Mapping

from ops.build.places import ANY_ACCOUNT, faults_of_arns, is_same
from ops.build.rules import number_of, text_of

OF_THE_UPLOADS_BUCKET = ("originalsTieringDays", "originalsExpireDays", "uploadsVersioning")
OFF = ("", "0", "false")
UNUSED_DAYS = "30"  # the default of noncurrentDays


def faults_together(values: Mapping[str, object], *, stage: str, region: str) -> Iterator[str]:
    """What each of these may be, but not with the others, or not in this region."""
    text = {name: text_of(value) for name, value in values.items()}
    yield from _buckets(text)
    yield from _access_logs(text, f"darkroom-{stage}-logs-{ANY_ACCOUNT}-{region}")
    yield from _originals(text)
    yield from _network(text)
    yield from faults_of_arns(text, region)
    keys = [each.partition("=")[0].strip().lower() for each in text.get("tags", "").split(",")]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"tags: has {key!r} more than once, small and capital letters being the same; name each key once"
    if text.get("cdnWebAclArn") and text.get("cdn") != "true":
        yield "cdnWebAclArn: is for the CDN; give '', or true for cdn"


def _buckets(text: Mapping[str, str]) -> Iterator[str]:
    """What cannot be set on a bucket that is not the stack's."""
    existing, days = text.get("existing"), text.get("noncurrentDays", UNUSED_DAYS)
    if existing in ("uploads", "both"):
        for name in OF_THE_UPLOADS_BUCKET:
            if text.get(name, "") not in OFF:
                off = "false" if text[name] == "true" else "0"
                yield f"{name}: is {text[name]}; give {off}, for existing is {existing}: that bucket is its owner's"
    if days != UNUSED_DAYS and text.get("uploadsVersioning") != "true":
        yield f"noncurrentDays: is {days}; give {UNUSED_DAYS}, the default, or true for uploadsVersioning"


def _access_logs(text: Mapping[str, str], made: str) -> Iterator[str]:
    """Where logs cannot go: ``made`` is the bucket of accessLogs: new."""
    logs = text.get("accessLogs", "")
    if logs and text.get("existing") == "both":
        yield "accessLogs: is set; give '': existing is both, so their owner sets the buckets"
    for name in ("uploadsBucket", "variantsBucket"):
        if logs == "new" and is_same(text.get(name, ""), made):
            yield f"{name}: is the bucket that accessLogs makes; give another name"
        elif logs and is_same(text.get(name, ""), logs):
            why = "each log of that one would be logged again, without end"
            yield f"accessLogs: is the {name} too; give another bucket: {why}"


def _originals(text: Mapping[str, str]) -> Iterator[str]:
    """When an original may go."""
    expire, tiering, dlq = (
        number_of(text.get(name), otherwise=0)
        for name in ("originalsExpireDays", "originalsTieringDays", "dlqRetentionDays")
    )
    if 0 < expire <= dlq:
        yield (
            f"originalsExpireDays: is {expire}; give more than dlqRetentionDays ({dlq}), "
            "or a dead letter could outlive its original"
        )
    if 0 < expire <= tiering:
        yield f"originalsTieringDays: is {tiering}; give less than originalsExpireDays ({expire}), or 0"


def _network(text: Mapping[str, str]) -> Iterator[str]:
    """What belongs together in a VPC."""
    for names in (("vpcSubnets", "vpcSecurityGroups"), ("vpcRouteTables", "vpcId")):
        missing, *others = sorted(names, key=lambda name: bool(text.get(name)))
        if not text.get(missing) and any(text.get(other) for other in others):
            yield f"{missing}: belongs to {others[0]}; give both, or neither"
    if text.get("vpcRouteTables") and not text.get("vpcSubnets"):
        yield "vpcRouteTables: is for functions in a VPC; give vpcSubnets too, or ''"
