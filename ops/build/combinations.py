"""What the parameters for storage, keys and networks may be together, by the name of what is at fault."""

from collections.abc import Iterator, Mapping

from ops.build.rules import number_of, text_of

OF_THE_UPLOADS_BUCKET = ("originalsTieringDays", "originalsExpireDays", "uploadsVersioning")
OFF = ("", "0", "false")


def faults_together(values: Mapping[str, object], region: str) -> Iterator[str]:
    """What each of these may be, but not with the others, or not in this region."""
    text = {name: text_of(value) for name, value in values.items()}
    yield from _buckets(text)
    yield from _originals(text)
    yield from _network(text)
    yield from _regions(text, region)
    keys = [each.partition("=")[0].strip() for each in text.get("tags", "").split(",")]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"tags: has {key!r} more than once; name each key once"
    if text.get("cdnWebAclArn") and text.get("cdn") != "true":
        yield "cdnWebAclArn: is for the CDN; give '', or true for cdn"


def _buckets(text: Mapping[str, str]) -> Iterator[str]:
    """What cannot be set on a bucket that is not the stack's."""
    existing, logs = text.get("existing"), text.get("accessLogs", "")
    if existing in ("uploads", "both"):
        for name in OF_THE_UPLOADS_BUCKET:
            if text.get(name, "") not in OFF:
                off = "false" if text[name] == "true" else "0"
                yield f"{name}: is {text[name]}; give {off}, for existing is {existing}: that bucket is its owner's"
    if logs and existing == "both":
        yield f"accessLogs: is {logs!r}; give '': existing is both, so their owner sets the buckets"
    if logs and logs in (text.get("uploadsBucket"), text.get("variantsBucket")):
        yield f"accessLogs: is {logs!r}; give another bucket: each log of that one would be logged again, without end"


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


def _regions(text: Mapping[str, str], region: str) -> Iterator[str]:
    """What must be where the stage is."""
    for name in ("kmsKey", "webAclArn"):
        arn = text.get(name, "").split(":")
        if len(arn) > 3 and arn[3] != region:
            yield f"{name}: is in {arn[3]}; give one in {region}, where the stage is"
