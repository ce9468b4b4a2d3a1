"""How the sums of an estimate came about, in sentences: the numbers in them, and where each number is from."""

from collections.abc import Iterator

from ops.cli.costs.batch import TABLE_SHARE
from ops.cli.costs.cpu import MEASURED
from ops.cli.costs.drain import FIRST, PREFIX_READS, PREFIX_WRITES
from ops.cli.estimate.reckoning import Estimate, on_processor
from ops.cli.prices import GB_SECOND, PRICES_OF
from ops.cli.terminal import many


def formula(estimate: Estimate) -> list[str]:
    """All of them."""
    return [
        *_of_batch(estimate),
        *_of_processor(estimate),
        _of_hours(estimate),
        "requests of n variants: a first upload 1 GET, n PUT, 1 HEAD, 2 writes; an overwrite 1 GET, 2n PUT of which n "
        "are refused, 2n + 1 HEAD, 2 writes",
        _of_item(estimate),
        _of_month(estimate),
        f"CPU measured {MEASURED} on another x86-64 machine than Lambda's, latency assumed; prices {PRICES_OF}.",
        "Left out: traffic out of the region, cold starts, retries, stored logs, the free tier except for alarms.",
    ]


def _of_batch(estimate: Estimate) -> Iterator[str]:
    function, image, latency = estimate.function, estimate.image, estimate.function.latency
    busy, in_rounds = function.bounds(image)
    seconds, rounds = estimate.bill.seconds, function.rounds
    yield (
        f"CPU of an image = {image.rendering * 1000:.0f} ms to render a typical camera file of this size, "
        f"+ {image.requesting * 1000:.0f} ms for its requests and its log line"
    )
    yield (
        f"waits of an image = {image.waiting:.2f} s for its claim, GET, PUTs, HEAD and record: S3 answers after "
        f"{latency.s3 * 1000:g} ms, DynamoDB after a {'tenth' if TABLE_SHARE == 10 else 'part'} of that, and a request "
        f"moves {latency.bytes_a_second / 1e6:.0f} MB a second"
    )
    yield (
        f"billed seconds of a batch = {function.batch} images x {image.cpu:.3f} s CPU / {function.vcpus:.2f} vCPU "
        f"+ {image.waiting:.2f} s that only the first and the last image wait = {busy:.2f}; "
        f"at least {rounds} {'round' if rounds == 1 else 'rounds'} of {function.capacity.threads} threads, "
        f"{in_rounds:.2f}"
    )
    yield f"of one image = {seconds:.3f}; GB-s = images x that x {function.memory} MB / 1,024"


def _of_processor(estimate: Estimate) -> Iterator[str]:
    """What arm64 really costs: nothing to say of x86-64."""
    if estimate.function.architecture != "arm64":
        return
    other = on_processor(estimate, "x86_64")
    times, price = estimate.image.rendering / other.image.rendering, GB_SECOND["arm64"] / GB_SECOND["x86_64"]
    here, there = (made.bill.lines[0].dollars for made in (estimate, other))
    yield (
        f"arm64: cykooz-resizer, which resizes by SIMD, has no wheel for aarch64. Without it a render takes "
        f"{times:.1f} times the CPU, for {price:.1f} times the price of a second: {here:,.2f} dollars of GB-s, and "
        f"{there:,.2f} on x86_64. A wheel of it for aarch64 would change that"
    )


def _of_hours(estimate: Estimate) -> str:
    work = estimate.bill.work
    limits = work.limits
    return (
        f"hours = until a queue with all images is empty: {FIRST} invocations at once, then 300 more a minute, up to "
        f"{work.most_at_once:,} (concurrency, and {limits.account:,} of the account); at most {work.storage_rate:,.0f} "
        f"images a second by S3 ({PREFIX_WRITES:,} PUT, {PREFIX_READS:,} GET and HEAD a prefix; prefixes: "
        f"{limits.prefixes:,}), and {limits.warm / work.writes:,.0f} by DynamoDB, twice as many each half hour"
    )


def _of_item(estimate: Estimate) -> str:
    """The size of an image's item in the images table, and what it means for the write units."""
    sizes, key_bytes = estimate.sizes, estimate.photos.key_bytes
    units, longest = sizes.units(key_bytes), sizes.longest_key
    limit = f"one with keys of up to {longest:,} bytes" if longest > 0 else "with keys of any length"
    return (
        f"item of the images table = {sizes.size(key_bytes):,} bytes with {estimate.usage.variants} variants and a key "
        f"of {key_bytes:,} bytes; its completion takes {many(units, 'write unit')}, {limit}"
    )


def _of_month(estimate: Estimate) -> str:
    usage = estimate.usage
    originals, variants = (each.line.dollars for each in estimate.month[:2])
    return (
        f"stored for each image = {usage.original_bytes / 1e6:,.2f} MB of original (a typical camera file), "
        f"{originals:,.2f} dollars a month for all of them, and {usage.variant_bytes / 1e6:,.2f} MB of variants, "
        f"{variants:,.2f}; in S3 Standard, "
        "a GB of 2^30 bytes. originalsTieringDays and originalsExpireDays make the originals cost less"
    )
