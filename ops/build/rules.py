"""Which values each parameter of serverless.yml may have; `ops.build.check` judges what they may be together."""

import re
from collections.abc import Callable, Mapping

from processing.sandbox.capacity import LONGEST_TIMEOUT
from processing.settings import RENDERINGS

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)  # the only ones that CloudWatch Logs knows


def number_of(value: object, *, otherwise: int) -> int:
    return int(text_of(value)) if re.fullmatch(r"-?[0-9]{1,10}", text_of(value)) else otherwise


def text_of(value: object) -> str:
    """As it would be written on the command line, where a parameter may come from."""
    return str(value).lower() if isinstance(value, bool) else str(value)


Rule = Callable[[object], str | None]
"""What is wrong with a value and what to give instead, or None."""


def whole(low: int, high: int, why: str = "") -> Rule:
    """A whole number within these limits; ``why`` where they are ours and not AWS's own."""
    wanted = f"give a whole number from {low} to {high}" + (f": {why}" if why else "")
    return lambda value: None if low <= number_of(value, otherwise=low - 1) <= high else wanted


def one_of(*choices: object) -> Rule:
    """One of a few values."""
    names = [text_of(choice) for choice in choices]
    return lambda value: None if text_of(value) in names else f"give one of {', '.join(names)}"


def matching(pattern: str, what: str) -> Rule:
    """Text of a certain form."""
    return lambda value: None if re.fullmatch(pattern, text_of(value)) else f"give {what}"


def listing(pattern: str, what: str) -> Rule:
    """One or more of a form, with commas between, or nothing."""
    return matching(rf"|{pattern}(, *{pattern})*", what)


NAME = r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
BUCKET_NAME = matching(
    NAME,
    "3 to 63 lowercase letters, digits and hyphens (S3's certificates cover no dots); "
    "${AWS::AccountId} and ${AWS::Region} are replaced",
)
SEVERAL_BUCKETS = (
    "give one bucket, and each of the others a stage of its own: the variants of two objects of one key would "
    "overwrite each other, and both would be done"
)
SWITCH = one_of(True, False)
KEY_NAME = r"[a-z][a-z0-9]{0,29}"
OPERATOR = r"[\w+=.@-]+"
ORIGIN = r"https?://[a-z0-9.-]+(:\d+)?"
TAG = r"(?!aws:)[\w ./+:@-]{1,128}=[\w ./+:=@-]{0,256}"
INSTANT = (
    "0 is never; the class is Intelligent-Tiering, and no other is offered: from Glacier or Deep Archive an original "
    "cannot be read, so it could not be processed again"
)

RULES: Mapping[str, Rule] = {
    "uploadsBucket": lambda value: SEVERAL_BUCKETS if "," in text_of(value) else BUCKET_NAME(value),
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
    "batchSize": whole(1, 100, "a larger one saves nothing more, and a killed invocation would hide all of it"),
    "window": whole(0, 300),
    "maximumConcurrency": whole(2, 1000),
    "maxReceiveCount": whole(5, 1000, "with less, a few throttled invocations kill a healthy message"),
    "queueRetentionDays": whole(1, 13),
    "dlqRetentionDays": whole(2, 14),
    "logRetentionDays": one_of(*LOG_RETENTION_DAYS),
    "logLevel": one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "removals": SWITCH,
    "events": SWITCH,
    "erasure": SWITCH,
    "workflow": SWITCH,
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
    "operators": matching(
        rf"|{OPERATOR}(, *{OPERATOR})*",
        "names of keys, ids of roles or users, or names of groups, with commas between, or '' for nobody",
    ),
    "apiRate": whole(1, 10000),
    "apiBurst": whole(1, 5000),
    "apiDailyQuota": whole(1, 1_000_000_000),
    "publicRate": whole(1, 10000),
    "publicBurst": whole(25, 5000, "the page alone is 22 files"),
    "apiMetrics": SWITCH,
    "apiAccessLog": SWITCH,
    "dashboard": SWITCH,
    "tracing": SWITCH,
    "kmsKey": matching(
        r"|new|arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+",
        "new, the ARN of a key (not of an alias, which no policy can name), or '' for AWS's own keys",
    ),
    "originalsTieringDays": whole(0, 3650, INSTANT),
    "originalsExpireDays": whole(0, 3650, "0 is never"),
    "uploadsVersioning": SWITCH,
    "noncurrentDays": whole(1, 3650),
    "accessLogs": matching(rf"|{NAME}", "new, the name of a bucket, or '' for none"),
    "webAclArn": matching(
        r"|arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/[\w-]+/[\w-]+",
        "the ARN of a web ACL with the scope REGIONAL, or ''",
    ),
    "cdnWebAclArn": matching(
        r"|arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/[\w-]+/[\w-]+",
        "the ARN of a web ACL with the scope CLOUDFRONT, or ''",
    ),
    "permissionsBoundary": matching(
        r"|arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", "the ARN of a managed policy, or ''"
    ),
    "tags": listing(TAG, "tags such as team=photos, cost-center=42, or '' for none"),
    "vpcId": matching(r"|vpc-[0-9a-f]{8,17}", "the id of a VPC, or ''"),
    "vpcSubnets": listing(r"subnet-[0-9a-f]{8,17}", "ids of subnets with commas between, or ''"),
    "vpcSecurityGroups": listing(r"sg-[0-9a-f]{8,17}", "ids of security groups with commas between, or ''"),
    "vpcRouteTables": listing(r"rtb-[0-9a-f]{8,17}", "ids of route tables with commas between, or ''"),
}
