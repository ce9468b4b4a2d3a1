"""AWS's list prices in dollars, without a free tier: the only place that states one.

From the price pages of each service, https://aws.amazon.com/lambda/pricing/ and so on. Where a price falls with the
quantity, it is that of the first step.
"""

from typing import Final, Literal

Architecture = Literal["x86_64", "arm64"]

PRICES_OF: Final = "us-east-1, November 2026"
GB: Final = 1 << 30
MILLION: Final = 1_000_000

GB_SECOND: Final[dict[Architecture, float]] = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
INVOCATION: Final = 0.20e-6
SQS_REQUEST: Final = 0.40e-6
S3_WRITE: Final = 5e-6  # PUT and each kind of LIST; DELETE costs nothing
S3_READ: Final = 0.40e-6  # GET and HEAD
S3_GB_MONTH: Final = 0.023  # Standard, the first 50 TB
TABLE_WRITE: Final = 0.625e-6  # a write unit: a write to an item of at most 1 KB
TABLE_READ: Final = 0.125e-6  # a read unit: a consistent read of at most 4 KB; Lambda reads a stream for nothing
TABLE_GB_MONTH: Final = 0.25
RECOVERY_GB_MONTH: Final = 0.20  # of point-in-time recovery
LOG_GB: Final = 0.50
ALARM: Final = 0.10  # a month, for each metric that it watches
FREE_ALARMS: Final = 10  # of an account
DASHBOARD: Final = 3.00  # a month
METRIC: Final = 0.30  # a month: of one's own, and of API Gateway's detailed ones

EVENT: Final = 1e-6  # of one's own bus, and of S3: some guides call the latter free, AWS's page of prices does not
EVENT_BYTES: Final = 64 * 1024  # that are charged as one event
STATE_MACHINE_RUN: Final = 1e-6  # of an express one
STATE_MACHINE_GB_SECOND: Final = 0.00001667  # the first 1,000 GB-hours of a month
STATE_MACHINE_GB: Final = 1 / 16  # that are charged at a time
LABELS: Final = 0.001  # an image, of the first million a month
NOTIFICATION: Final = 0.50e-6  # published to a topic; to queues it is delivered for nothing

API_REQUEST: Final = 3.50e-6  # a REST API
TRACE: Final = 5e-6
VIEW: Final = 1e-6  # an HTTPS request to CloudFront from North America
EDGE_FUNCTION: Final = 0.10e-6  # an invocation
EDGE_GB: Final = 0.085  # to viewers in North America and Europe, the first 10 TB a month
FILTERED: Final = 0.60e-6  # a request that a web ACL of AWS WAF judges; the ACL and its rules are its owner's
KEY_MONTH: Final = 1.00  # a customer-managed key of KMS, and as much for each of its first two rotations
TIERED: Final = 10e-6  # an object that a lifecycle rule moves to Intelligent-Tiering
WATCHED_MONTH: Final = 2.5e-6  # an object there
