"""The lines of a bill for what a switch adds: for the images of a `Usage`, a million of something else, or a month.

Requests are counted by tests, on the wire; the seconds and bytes in capitals are assumed where no test measures them,
for nothing here has run on AWS yet.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from ops.cli import prices
from ops.cli.costs.batch import image_seconds
from ops.cli.costs.bill import LOG_BYTES, MOST_ENTRIES, BillLine, processing_lines
from ops.cli.costs.drain import WARM
from ops.cli.costs.requests import removed
from ops.cli.costs.storage import kept, table_gb
from ops.cli.prices import GB, MILLION
from ops.cli.switches.erasing import erased
from ops.cli.switches.usage import Usage

Formula = Callable[[Usage], Sequence[BillLine]]

# The announcer and its stream: resources/switches/events.yml
ANNOUNCER_GB: Final = 0.25
MOST_ANNOUNCED: Final = 100  # changes in one invocation, which begins a second after the first of them
SHARDS: Final = WARM / 1000  # of the stream: one for each partition of the table
ANNOUNCEMENT: Final = 0.05  # seconds: one PutEvents of ten events with a seventh of a vCPU

# The state machine: resources/switches/workflow.yml
WORKFLOW_SECONDS: Final = 2.0  # labels, and three more requests
TAG_BYTES: Final = 100  # of ten labels in an item

# The eraser: resources/switches/erasure.yml
ERASER_GB: Final = 0.25
ERASER_REQUEST: Final = 0.03  # seconds
API_SECONDS: Final = 0.05  # of a request for an erasure, at the default apiMemory
API_GB: Final = 1.0

VIEW_BYTES: Final = 60_000  # of a variant that is viewed
ACCESS_LOG_BYTES: Final = 260  # of a line, and 26 that CloudWatch adds
API_METHODS: Final = 12
SAMPLED: Final = 0.05  # of the batches beyond one a second
METRICS_A_METHOD: Final = 5  # Count, Latency, IntegrationLatency, 4XXError, 5XXError
POLLS_A_MONTH: Final = 5 * 30 * 24 * 3600 / 20  # by five pollers of Lambda, that wait 20 seconds each
S3_LOG_BYTES: Final = 600  # of a line of a bucket's access log


def events(usage: Usage) -> list[BillLine]:
    """An event at each image's end; a stream is read for nothing."""
    images, function = usage.images, usage.function
    invocations = min(images, max(images / MOST_ANNOUNCED, SHARDS * usage.hours * 3600))
    requests = max(invocations, images / MOST_ENTRIES)
    chunks = math.ceil(usage.event_bytes / prices.EVENT_BYTES)
    return [
        BillLine("EventBridge", "events of 64 KB", images * chunks, prices.EVENT),
        BillLine("Lambda", "GB-s", requests * ANNOUNCEMENT * ANNOUNCER_GB, prices.GB_SECOND[function.architecture]),
        BillLine("Lambda", "invocations", invocations, prices.INVOCATION),
        BillLine("CloudWatch", "GB of logs", invocations * LOG_BYTES / GB, prices.LOG_GB),
    ]


def s3_events(usage: Usage) -> list[BillLine]:
    """S3's own event for each upload; a backfill sends messages in their place."""
    return [BillLine("EventBridge", "events of S3", usage.images if usage.uploads else 0, prices.EVENT)]


def workflow(usage: Usage) -> list[BillLine]:
    """One execution for each image that is ready: a consistent read, labels of one variant, tags, a notification."""
    images, item = usage.images, usage.item_bytes + TAG_BYTES
    gb_seconds = images * WORKFLOW_SECONDS * prices.STATE_MACHINE_GB
    return [
        BillLine("Rekognition", "images", images, prices.LABELS),
        BillLine("Step Functions", "executions", images, prices.STATE_MACHINE_RUN),
        BillLine("Step Functions", "GB-s", gb_seconds, prices.STATE_MACHINE_GB_SECOND),
        BillLine("DynamoDB", "write units", images * math.ceil(item / 1024), prices.TABLE_WRITE),
        BillLine("DynamoDB", "read units", images * math.ceil(item / 4096), prices.TABLE_READ),
        BillLine("S3", "GET", images, prices.S3_READ),
        BillLine("SNS", "messages", images, prices.NOTIFICATION),
    ]


def removals(usage: Usage) -> list[BillLine]:
    """Of a million originals that are deleted."""
    function, requests = usage.function, removed(usage.variants)
    image = image_seconds(function, requests, variants=usage.variants)
    return processing_lines(MILLION, function, function.billed_seconds(image), requests * MILLION, MILLION)


def erasures(usage: Usage) -> list[BillLine]:
    """Of a million images that are erased by the API. Most of it are listings, one for each name of a variant."""
    counted = erased(usage.variants)
    units = counted.writes + math.ceil(usage.item_bytes / 1024) - 1  # deleting the record
    seconds = ERASER_REQUEST * counted.requests
    architecture = usage.function.architecture
    gb_seconds = MILLION * (seconds * ERASER_GB + API_SECONDS * API_GB)
    return [
        BillLine("S3", "LIST", MILLION * counted.lists, prices.S3_WRITE),
        BillLine("S3", "GET", MILLION * counted.gets, prices.S3_READ),
        BillLine("DynamoDB", "write units", MILLION * units, prices.TABLE_WRITE),
        BillLine("DynamoDB", "read units", MILLION * counted.reads, prices.TABLE_READ),
        BillLine("Lambda", "GB-s", gb_seconds, prices.GB_SECOND[architecture]),
        BillLine("Lambda", "invocations", 2 * MILLION, prices.INVOCATION),
        BillLine("API Gateway", "requests", MILLION, prices.API_REQUEST),
        BillLine("SQS", "requests", 3 * MILLION, prices.SQS_REQUEST),  # sent, received, deleted
    ]


def views(_: Usage) -> list[BillLine]:
    """Of a million views through CloudFront."""
    return [
        BillLine("CloudFront", "GB to viewers", MILLION * VIEW_BYTES / GB, prices.EDGE_GB),
        BillLine("CloudFront", "requests", MILLION, prices.VIEW),
        BillLine("CloudFront", "function runs", MILLION, prices.EDGE_FUNCTION),
    ]


def access_log(_: Usage) -> list[BillLine]:
    """Of a million requests to the API."""
    return [BillLine("CloudWatch", "GB of logs", MILLION * ACCESS_LOG_BYTES / GB, prices.LOG_GB)]


def dashboard(_: Usage) -> list[BillLine]:
    """A month of it."""
    return [BillLine("CloudWatch", "dashboards", 1, prices.DASHBOARD)]


def batch_traces(usage: Usage) -> list[BillLine]:
    """Of the consumer's batches: X-Ray takes one a second, and some of the others."""
    batches = usage.images / usage.function.batch
    first = min(batches, usage.hours * 3600)
    return [BillLine("X-Ray", "traces of batches", first + SAMPLED * (batches - first), prices.TRACE)]


def traces(_: Usage) -> list[BillLine]:
    """Of a million requests to the API, each of which is traced."""
    return [BillLine("X-Ray", "traces", MILLION, prices.TRACE)]


def method_metrics(_: Usage) -> list[BillLine]:
    """A month in which every method is called every hour."""
    return [BillLine("CloudWatch", "metrics of the API", API_METHODS * METRICS_A_METHOD, prices.METRIC)]


def uploads_polls(_: Usage) -> list[BillLine]:
    """A month of receiving from a queue that is empty."""
    return [BillLine("SQS", "polls for uploads", POLLS_A_MONTH, prices.SQS_REQUEST)]


def erasures_polls(_: Usage) -> list[BillLine]:
    """The same of the eraser's queue."""
    return [BillLine("SQS", "polls for erasures", POLLS_A_MONTH, prices.SQS_REQUEST)]


def recovery(usage: Usage) -> list[BillLine]:
    """A month of point-in-time recovery of the items."""
    return [BillLine("DynamoDB", "GB to recover", table_gb(usage.images, usage.item_bytes), prices.RECOVERY_GB_MONTH)]


def key(_: Usage) -> list[BillLine]:
    """A month of a key of KMS."""
    return [BillLine("KMS", "keys", 1, prices.KEY_MONTH)]


def tiering(usage: Usage) -> list[BillLine]:
    """The move of each original to Intelligent-Tiering."""
    return [BillLine("S3", "originals moved", usage.images, prices.TIERED)]


def tiered(usage: Usage) -> list[BillLine]:
    """A month of originals there."""
    return [BillLine("S3", "originals watched", usage.images, prices.WATCHED_MONTH)]


def bucket_logs(usage: Usage) -> list[BillLine]:
    """A month of the lines that S3 logs of these images: PUT and GET of the original, HEAD, and PUT of each variant."""
    lines = usage.images * (3 + usage.variants)
    return [BillLine("S3", "GB of access logs", lines * S3_LOG_BYTES / GB, prices.S3_GB_MONTH)]


def filtered(_: Usage) -> list[BillLine]:
    """Of a million requests that a web ACL judges."""
    return [BillLine("WAF", "requests", MILLION, prices.FILTERED)]


def storage(usage: Usage) -> list[BillLine]:
    """A month of what every stage keeps."""
    return kept(
        usage.images,
        original_bytes=usage.original_bytes,
        variant_bytes=usage.variant_bytes,
        item_bytes=usage.item_bytes,
    )
