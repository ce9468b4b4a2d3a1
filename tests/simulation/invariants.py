"""What must hold when a history is over: the outcome is what a careful person would have made by hand."""

from processing.ledger import REMOVED_KEY, Status
from tests.builders import BROKEN, UPLOADS
from tests.doubles import etag_of
from tests.simulation.simulator import World, variant_of

NAMES = ("desktop", "phone")


def violations(world: World) -> list[str]:
    """Every rule that the end of a history breaks, in words; empty when all is as it must be.

    The history has been played to its end and what was dead was redriven without faults, so there are no excuses.
    """
    found = list(world.complaints)
    for key in sorted(world.keys):
        found += _pictures(world, key)
        found += _work_done_twice(world, key)
    for (thing, etag), item in world.items.items():
        found += _record(world, thing.removeprefix(f"{UPLOADS}/"), etag, Status(item["status"]))
    found += _dead_letters(world)
    if world.erasures:
        found += _erasures(world)
    return found


def _pictures(world: World, key: str) -> list[str]:
    """The variants are those of what is in the uploads bucket; a broken upload leaves the older ones."""
    shown = {name: world.store.variants.get(variant_of(key, name)) for name in NAMES}
    upload = world.store.uploads.get(key)
    if upload is None:
        if not world.removals:
            return []
        return [f"{key}: the source is gone, but {name} remains" for name in NAMES if shown[name] is not None]
    body, etag = upload[0], etag_of(upload[0])
    status = world.status(key, etag)
    if body.startswith(BROKEN):
        return [] if status is Status.REJECTED else [f"{key}: is broken, but {status}"]
    found = [] if status is Status.DONE or world.counts.total() else [f"{key}: is published, but {status}"]
    for name, variant in shown.items():
        if variant is None:
            found.append(f"{key}: {name} is missing")
        elif variant.source_etag != etag:
            found.append(f"{key}: the source is {body!r}, {name} is {variant.body!r}")
        elif not variant.body.endswith(b":" + body):
            found.append(f"{key}: {name} says that it is of {body!r}, but is {variant.body!r}")
        elif key in world.sent_since_deployment and not variant.body.startswith(expected(world, name)):
            found.append(f"{key}: {name} is {variant.body!r}, which today's recipe does not make")
    return found


def _erasures(world: World) -> list[str]:
    """Every erasure has ended, and nothing is left of what it covers but records REMOVED, which expire."""
    found = [f"{key}: its erasure has not ended" for key in world.erasures.due]
    for key, covered in world.erasures.receipts.items():
        if covered == world.uploaded[key]:
            found += _left(world, key)
    return found


def _left(world: World, key: str) -> list[str]:
    """What names an erased object. The exceptions of `_record` hold here as well."""
    rest = key.removeprefix("images/")
    stored = [*world.store.uploads, *world.store.variants]
    found = [f"{key}: was erased, and {name} exists" for name in stored if name.partition("/")[2] == rest]
    items = {etag: item for (thing, etag), item in world.items.items() if thing == f"{UPLOADS}/{key}"}
    for etag, item in items.items():
        accepted = item["status"] in (Status.IN_PROGRESS, Status.FAILED) and (key, etag) in world.ended
        if not accepted and (item["status"] != Status.REMOVED or "expires_at" not in item):
            found.append(f"{key}: was erased, and has the record {etag}, {item['status']}")
    return found


def expected(world: World, name: str) -> bytes:
    """What every variant of today's recipe begins with."""
    spec = next(spec for spec in world.made.variants if spec.name == name)
    return f"{name}:{spec.quality}:".encode()


def _record(world: World, key: str, etag: str, status: Status) -> list[str]:
    """Each version has one final state, and it is true.

    Known and accepted: a version that had its end may be left IN_PROGRESS or FAILED under right pictures, when a
    duplicate of its message died after its twin was acknowledged; the next event or an audit heals it.
    """
    if status in (Status.IN_PROGRESS, Status.FAILED):
        accepted = world.counts.total() > 0 and (key, etag) in world.ended
        return [] if accepted else [f"{key} {etag}: ends {status}, and no message for it is left"]
    if etag == REMOVED_KEY:
        back = world.store.source_etag(key) is not None
        is_true = status is Status.REMOVED or (back and status is Status.SUPERSEDED)
        return [] if is_true else [f"{key}: its removal ends {status}"]
    if status in (Status.SUPERSEDED, Status.REMOVED) and etag == world.store.source_etag(key):
        return [f"{key} {etag}: is in the uploads bucket, but {status}"]
    return []


def _work_done_twice(world: World, key: str) -> list[str]:
    """A version is worked on to its end once, and once more for each time that something undid it."""
    allowed = 1 + world.disturbances[key]
    return [
        f"{key} {etag} was finished {times} times under {recipe}, {allowed} at most"
        for (done_key, etag, recipe), times in world.completions.items()
        if done_key == key and times > allowed
    ]


def _dead_letters(world: World) -> list[str]:
    """Only what was rejected is dead."""
    found = []
    for message in world.queue.dead:
        key, etag = world.spoken_of[message.body]
        status = world.status(key, etag)
        if etag not in world.broken or status is Status.DONE:
            found.append(f"{message.id} for {key} {etag} is dead, and its record says {status}")
    return found
