"""Where something can be done: the resources of a template, what is in them, and others that are not the stage's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from api.owners import partition_of
from ops.cli.dlq.history import PARTITION
from processing.ledger.erasures import FINISHED, PENDING
from tests.service.access.arns import ARNS, HERE, REGION, Resolver
from tests.service.packaged_service import Package

LEADING_KEYS = "dynamodb:leadingkeys"
VIA_SERVICE = "kms:viaservice"
ANYWHERE = "anything"
THROUGH = ("dynamodb", "s3", "sns", "sqs", "secretsmanager")  # services with data here, and another
KEYS = ("cat.jpg", "2026/anna/Katze.HEIC", "no-extension", "_/a b.png.webp")
"""Of objects, below what all of them have in common."""

VARIANTS = ("phone", "another-name-of-a-recipe")
CALLERS = ("key/anna", "iam/AROAEXAMPLE:ben", "jwt/1234-abcd")
OF_AN_INTERFACE = ("network-interface", "subnet", "security-group")


@dataclass(frozen=True)
class Place:
    """A resource as a request names it, and the condition keys that such a request has."""

    arn: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def service(self) -> str:
        return self.arn.split(":")[2] if ":" in self.arn else ""


Samples = Sequence[Place]
"""Several places of one kind: whoever may do something at one of them may do it at all of them."""


def places(package: Package) -> dict[str, Samples]:
    """By name: that of a resource is its logical id."""
    resolver = Resolver(package.template)
    kinds = ARNS.keys() - {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"}  # those follow
    resources = {name: resolver.arn(name) for kind in sorted(kinds) for name in package.of_type(kind)}
    found = {name: [Place(each) for each in _requested(arn)] for name, arn in resources.items()}
    return (
        found
        | dict(_objects(package, resolver))
        | dict(_items(package, resolver))
        | dict(_key(package, resolver))
        | dict(_others(resources.values(), resolver))
    )


def _requested(arn: str) -> list[str]:
    """The ARNs by which requests name a resource: of a log group, its streams, or none of them."""
    if ":log-group:" not in arn:
        return [arn]
    group = arn.removesuffix("*")
    return [f"{group}log-stream:{stream}" for stream in ("", "2026/11/26/[$LATEST]0a1b", "2027/01/15/[12]c3")]


def _objects(package: Package, resolver: Resolver) -> Iterator[tuple[str, Samples]]:
    environment = package.environment
    prefix = environment["UPLOADS_PREFIX"]
    uploads, variants = (
        f"arn:aws:s3:::{resolver.resolve(environment[f'{name}_BUCKET'])}" for name in ("UPLOADS", "VARIANTS")
    )
    logs = [resolver.arn(name) for name in package.of_type("AWS::S3::Bucket") if name == "AccessLogsBucket"]
    others = ["arn:aws:s3:::another", f"{uploads}-old", f"{variants}-old", *logs]
    yield "UploadsBucket", [Place(uploads)]
    yield "VariantsBucket", [Place(variants)]
    yield "upload", [Place(f"{uploads}/{prefix}{key}") for key in KEYS]
    yield "upload of the doctor", [Place(f"{uploads}/{prefix}_doctor/{key}") for key in KEYS]
    yield "variant", [Place(f"{variants}/{folder}/{key}") for folder in VARIANTS for key in KEYS]
    if prefix:
        yield "object beside the prefix", [Place(f"{uploads}/{key}") for key in _beside(prefix)]
    yield "another bucket", [Place(bucket) for bucket in others]
    yield "another object", [Place(f"{bucket}/{key}") for bucket in others for key in ("images/cat.jpg", "cat.webp")]


def _beside(prefix: str) -> list[str]:
    """Keys that are not below a prefix, near and far."""
    return [
        "cat.jpg",
        "another/cat.jpg",
        f"{prefix[:-1]}.jpg",
        f"{prefix[:-1]}-old/cat.jpg",
        f"another/{prefix}cat.jpg",
    ]


def _items(package: Package, resolver: Resolver) -> Iterator[tuple[str, Samples]]:
    table = f"arn:aws:dynamodb:{HERE}:table/{package.environment['IMAGES_TABLE']}"
    uploads, prefix = resolver.resolve(package.environment["UPLOADS_BUCKET"]), package.environment["UPLOADS_PREFIX"]
    fixed = {"intent": PENDING, "receipt": FINISHED, "history": PARTITION}
    keys = {
        "record": [f"{uploads}/{prefix}{key}" for key in KEYS],
        "record beside the prefix": [f"{uploads}/{key}" for key in _beside(prefix)] if prefix else [],
        "record of another bucket": [f"{bucket}/{prefix}cat.jpg" for bucket in ("another", f"{uploads}-old")],
        "owner": [partition_of(caller) for caller in CALLERS],
        **{name: [key] for name, key in fixed.items()},
        "another partition": ["#another", *(f"{key}-old" for key in fixed.values())],
    }
    tables = [f"arn:aws:dynamodb:{HERE}:table/another", f"{table}-old"]
    for name, each in keys.items():
        if each:
            yield name, [Place(table, {LEADING_KEYS: [key]}) for key in each]
            yield f"{name} in another table", [Place(other, {LEADING_KEYS: [key]}) for other in tables for key in each]
    yield "record and receipt", [Place(table, {LEADING_KEYS: [key, FINISHED]}) for key in keys["record"]]
    yield "table", [Place(table)]  # by a request without a key
    yield "index", [Place(f"{table}/index/by-status")]
    yield (
        "stream",
        [Place(f"{table}/stream/{since}") for since in ("2027-01-15T08:00:00.000", "2026-11-26T23:59:59.123")],
    )


def _key(package: Package, resolver: Resolver) -> Iterator[tuple[str, Samples]]:
    key = resolver.resolve(package.properties("UploadsQueue").get("KmsMasterKeyId"))
    if not key:
        return
    for service in THROUGH:
        through = {VIA_SERVICE: f"{service}.{REGION}.amazonaws.com"}
        yield f"key through {service}", [Place(key, through)]
        yield f"another key through {service}", [Place(f"arn:aws:kms:{HERE}:key/another", through)]
        yield f"key through {service} elsewhere", [Place(key, {VIA_SERVICE: f"{service}.us-east-1.amazonaws.com"})]
    yield "key", [Place(key)]


def _others(resources: Iterable[str], resolver: Resolver) -> Iterator[tuple[str, Samples]]:
    for form in {form for _, form in ARNS.values()}:
        place = Place(form % "another")
        yield f"another of {place.service}: {form.split(':')[5].partition('%')[0]}", [place]
    for arn in resources:
        yield f"beside {arn}", [Place(each) for each in _requested(_renamed(arn))]
    yield "stack", [Place(resolver.resolve({"Ref": "AWS::StackId"}))]
    yield "stack of this name before", [Place(f"arn:aws:cloudformation:{HERE}:stack/darkroom/0")]
    yield ANYWHERE, [Place("*")]
    interfaces = [f"arn:aws:ec2:{HERE}:{kind}/{kind[:3]}-0123456789abcdef0" for kind in OF_AN_INTERFACE]
    own_code = {"lambda:sourcefunctionarn": resolver.arn("ConsumerLambdaFunction")}
    yield "interface", [Place(each) for each in interfaces]
    yield "interface, by the function's code", [Place(each, own_code) for each in interfaces]


def _renamed(arn: str) -> str:
    """The ARN of a resource whose name begins as this one's."""
    return f"{arn.removesuffix(':*')}-old{':*' if arn.endswith(':*') else ''}"


def switches(package: Package) -> set[str]:
    """The parameters that are on."""
    return set(package.template["Outputs"]["Switches"]["Value"].split(","))
