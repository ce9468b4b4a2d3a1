"""Where something can be done: the resources of a template, what is in them, and others that are not the stage's."""

from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True)
class Place:
    """A resource as a request names it, and the condition keys that such a request has."""

    arn: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def service(self) -> str:
        return self.arn.split(":")[2] if ":" in self.arn else ""


def places(package: Package) -> dict[str, Place]:
    """By name: that of a resource is its logical id."""
    resolver = Resolver(package.template)
    kinds = ARNS.keys() - {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"}  # those follow
    found = {name: Place(resolver.arn(name)) for kind in sorted(kinds) for name in package.of_type(kind)}
    return (
        found | dict(_objects(package, resolver)) | dict(_items(package, resolver)) | dict(_others(package, resolver))
    )


def _objects(package: Package, resolver: Resolver) -> Iterator[tuple[str, Place]]:
    environment = package.environment
    prefix = environment["UPLOADS_PREFIX"]
    uploads, variants = (
        f"arn:aws:s3:::{resolver.resolve(environment[f'{name}_BUCKET'])}" for name in ("UPLOADS", "VARIANTS")
    )
    yield "UploadsBucket", Place(uploads)
    yield "VariantsBucket", Place(variants)
    yield "upload", Place(f"{uploads}/{prefix}cat.jpg")
    yield "upload of the doctor", Place(f"{uploads}/{prefix}_doctor/cat.jpg")
    yield "variant", Place(f"{variants}/phone/cat.jpg")
    if prefix:
        yield "object beside the prefix", Place(f"{uploads}/another/cat.jpg")
    yield "another object", Place("arn:aws:s3:::another/images/cat.jpg")


def _items(package: Package, resolver: Resolver) -> Iterator[tuple[str, Place]]:
    table = f"arn:aws:dynamodb:{HERE}:table/{package.environment['IMAGES_TABLE']}"
    uploads, prefix = resolver.resolve(package.environment["UPLOADS_BUCKET"]), package.environment["UPLOADS_PREFIX"]
    keys = {
        "record": f"{uploads}/{prefix}cat.jpg",
        "record of another bucket": "another/images/cat.jpg",
        "owner": partition_of("key/anna"),
        "intent": PENDING,
        "receipt": FINISHED,
        "history": PARTITION,
    }
    for name, key in keys.items():
        yield name, Place(table, {LEADING_KEYS: [key]})
        yield f"{name} in another table", Place(f"arn:aws:dynamodb:{HERE}:table/another", {LEADING_KEYS: [key]})
    yield "record and receipt", Place(table, {LEADING_KEYS: [keys["record"], keys["receipt"]]})
    yield "table", Place(table)  # by a request without a key
    yield "index", Place(f"{table}/index/by-status")
    yield "stream", Place(f"{table}/stream/2027-01-15T08:00:00.000")


def _others(package: Package, resolver: Resolver) -> Iterator[tuple[str, Place]]:
    for form in {form for _, form in ARNS.values()}:
        place = Place(form % "another")
        yield f"another of {place.service}: {form.split(':')[5].partition('%')[0]}", place
    yield "stack", Place(resolver.resolve({"Ref": "AWS::StackId"}))
    yield "stack of this name before", Place(f"arn:aws:cloudformation:{HERE}:stack/darkroom/0")
    yield ANYWHERE, Place("*")
    interface = f"arn:aws:ec2:{HERE}:network-interface/eni-0123456789abcdef0"
    own_code = {"lambda:sourcefunctionarn": resolver.arn("ConsumerLambdaFunction")}
    yield "interface", Place(interface)
    yield "interface, by the function's code", Place(interface, own_code)
    if key := resolver.resolve(package.properties("UploadsQueue").get("KmsMasterKeyId")):
        for service in THROUGH:
            through = {VIA_SERVICE: f"{service}.{REGION}.amazonaws.com"}
            yield f"key through {service}", Place(key, through)
            yield f"another key through {service}", Place(f"arn:aws:kms:{HERE}:key/another", through)
        yield "key", Place(key)


def switches(package: Package) -> set[str]:
    """The parameters that are on."""
    return set(package.template["Outputs"]["Switches"]["Value"].split(","))
