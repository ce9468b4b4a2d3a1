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


def whole(low: int, high: int, why: str = "", *, less: str = "", more: str = "") -> Rule:
    """A whole number within these limits.

    Args:
        why: what to know of any value, such as the meaning of 0.
        less: why there is a lower limit, where it is ours and not AWS's own; ``more`` is the same of the upper one.
    """

    def rule(value: object) -> str | None:
        given = number_of(value, otherwise=low - 1)
        if low <= given <= high:
            return None
        is_number = number_of(value, otherwise=low) == given
        reason = why or (more if given > high else less if is_number else "")
        return f"give a whole number from {low} to {high}" + (f": {reason}" if reason else "")

    return rule


def one_of(*choices: object) -> Rule:
    """One of a few values."""
    names = [text_of(choice) for choice in choices]
    return lambda value: None if text_of(value) in names else f"give one of {', '.join(names)}"


def matching(pattern: str, what: str) -> Rule:
    """Text of a certain form."""
    return lambda value: None if re.fullmatch(pattern, text_of(value)) else f"give {what}"


def short(rule: Rule, most: int, why: str) -> Rule:
    """By another rule, and of at most so many characters."""
    advice = f"give at most {most} characters, for {why}"
    return lambda value: rule(value) or (advice if len(text_of(value)) > most else None)


def listing(pattern: str, what: str, *, most: int, whose: str) -> Rule:
    """At most so many of a form, none of them twice, comma-separated, or nothing; ``whose`` is what has them."""
    form = matching(rf"|{pattern}(, *{pattern})*", what)

    def rule(value: object) -> str | None:
        given = [each.strip() for each in text_of(value).split(",")]
        if advice := form(value):
            return advice
        if len(given) > most:
            return f"give at most {most}, for {whose} can have no more"
        return "name each once" if len(set(given)) < len(given) else None

    return rule


NAME = (
    r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
    r"(?<!-s3alias)(?<!--ol-s3)(?<!--x-s3)(?<!--table-s3)"
)
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

BUCKET_NAME = matching(
    NAME,
    "3 to 63 lowercase letters, digits and hyphens (S3's certificates cover no dots); "
    "${AWS::AccountId} and ${AWS::Region} are replaced, and S3 reserves some prefixes and suffixes",
)
SEVERAL_BUCKETS = (
    "give one bucket, and each of the others a stage of its own: the variants of two objects of one key would "
    "overwrite each other, and both would be done"
)
SWITCH = one_of(True, False)
KEY_NAME = r"[a-z][a-z0-9]{0,29}"
OPERATOR = r"[\w+=.@-]+"
ORIGIN = r"https?://[a-z0-9.-]+(:\d+)?"
TAG = r"(?!(?i:aws:))(?! )[\w ./+:@-]{1,128}(?<! )=[\w ./+:=@-]{0,256}"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
ID = r"([0-9a-f]{8}|[0-9a-f]{17})"  # of what EC2 has: a short one is from before 2018
MOST_TAGS = 49  # fifty with STAGE
MOST_SUBNETS = 16
MOST_SECURITY_GROUPS = 5
MOST_ROUTE_TABLES = 200
IN_ENVIRONMENT = "Lambda gives all variables of a function 4 KB"
INSTANT = (
    "0 is never; the class is Intelligent-Tiering, and no other is offered: from Glacier or Deep Archive an original "
    "cannot be read, so it could not be processed again"
)

RULES: Mapping[str, Rule] = {
    "uploadsBucket": lambda value: SEVERAL_BUCKETS if "," in text_of(value) else BUCKET_NAME(value),
    "uploadsPrefix": short(
        matching(
            r"([A-Za-z0-9_][A-Za-z0-9_.-]*/)*",
            "letters and digits that end with a slash, as in images/, or '' for the whole bucket",
        ),
        256,
        "policies of a limited length have it several times",
    ),
    "variantsBucket": BUCKET_NAME,
    "existing": one_of("none", "uploads", "both"),
    "ingest": one_of("s3", "eventbridge"),
    "memory": whole(512, 10240, less="with less, a large image does not fit"),
    "timeout": whole(10, LONGEST_TIMEOUT),
    "trySeconds": whole(5, 400, less="with less, a large image is never finished"),
    "rendering": one_of(*RENDERINGS),
    "architecture": one_of("x86_64", "arm64"),
    "batchSize": whole(1, 100, more="a larger one saves nothing more, and a killed invocation would hide all of it"),
    "window": whole(0, 300),
    "maximumConcurrency": whole(2, 1000),
    "maxReceiveCount": whole(5, 1000, less="with less, a few throttled invocations kill a healthy message"),
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
    "alarmEmail": matching(r"|[^@\s${},]+@[^@\s${},]+\.[^@\s${},]+", "an e-mail address, or '' for none"),
    "authorizer": one_of("api-key", "iam", "jwt"),
    "userPoolArn": matching(
        r"|arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:\d{12}:userpool/[\w-]+_[A-Za-z0-9]+", "a user pool's ARN, or ''"
    ),
    "corsOrigins": short(
        matching(
            rf"|{ORIGIN}(, *{ORIGIN})*",
            "comma-separated origins such as https://photos.example.com, or '' for none",
        ),
        1024,
        IN_ENVIRONMENT,
    ),
    "cdn": SWITCH,
    "cdnAlias": matching(
        rf"|(?=.{{1,253}}$)({LABEL}\.)+[a-z]+", "a domain such as pictures.example.com, or '' for CloudFront's own"
    ),
    "cdnCertificate": matching(
        rf"|arn:aws[a-z-]*:acm:us-east-1:\d{{12}}:certificate/{UUID}", "the ARN of a certificate in us-east-1, or ''"
    ),
    "uploadMinutes": whole(5, 60, more="a form is for one upload, soon"),
    "linkMinutes": whole(5, 60, more="a link ends with the session of the role that signed it, an hour at least"),
    "apiMemory": whole(256, 10240, less="with less, a cold start takes seconds"),
    "apiKeys": matching(
        rf"{KEY_NAME}(, *{KEY_NAME}){{0,49}}",
        "comma-separated names of lowercase letters and digits, at most 50, as in uploads, kiosk",
    ),
    "operators": short(
        matching(
            rf"|{OPERATOR}(, *{OPERATOR})*",
            "comma-separated names of keys, ids of roles or users, or names of groups, or '' for nobody",
        ),
        1024,
        IN_ENVIRONMENT,
    ),
    "apiRate": whole(1, 10000),
    "apiBurst": whole(1, 5000),
    "apiDailyQuota": whole(1, 1_000_000_000),
    "publicRate": whole(1, 10000),
    "publicBurst": whole(33, 5000, less="the page alone is 33 requests"),
    "apiMetrics": SWITCH,
    "apiAccessLog": SWITCH,
    "dashboard": SWITCH,
    "tracing": SWITCH,
    "kmsKey": matching(
        rf"|new|arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{{12}}:key/({UUID}|mrk-[0-9a-f]{{32}})",
        "new, the ARN of a key (not of an alias, which no policy can name), or '' for AWS's own keys",
    ),
    "originalsTieringDays": whole(0, 3650, INSTANT),
    "originalsExpireDays": whole(0, 3650, "0 is never"),
    "uploadsVersioning": SWITCH,
    "noncurrentDays": whole(1, 3650),
    "accessLogs": matching(rf"|(?!(true|false|none)$){NAME}", "new, the name of a bucket, or '' for none"),
    "webAclArn": matching(
        rf"|arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{{12}}:regional/webacl/[\w-]{{1,128}}/{UUID}",
        "the ARN of a web ACL with the scope REGIONAL, or ''",
    ),
    "cdnWebAclArn": matching(
        rf"|arn:aws[a-z-]*:wafv2:us-east-1:\d{{12}}:global/webacl/[\w-]{{1,128}}/{UUID}",
        "the ARN of a web ACL with the scope CLOUDFRONT, or ''",
    ),
    "permissionsBoundary": matching(
        r"|arn:aws[a-z-]*:iam::(\d{12}|aws):policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}",
        "the ARN of a managed policy, or ''",
    ),
    "tags": listing(
        TAG,
        "tags such as team=photos, cost-center=42, whose keys do not begin with aws:, or '' for none",
        most=MOST_TAGS,
        whose="a stack, which the framework gives the tag STAGE,",
    ),
    "vpcId": matching(rf"|vpc-{ID}", "the id of a VPC, or ''"),
    "vpcSubnets": listing(
        rf"subnet-{ID}", "comma-separated ids of subnets, or ''", most=MOST_SUBNETS, whose="a function"
    ),
    "vpcSecurityGroups": listing(
        rf"sg-{ID}", "comma-separated ids of security groups, or ''", most=MOST_SECURITY_GROUPS, whose="a function"
    ),
    "vpcRouteTables": listing(
        rf"rtb-{ID}", "comma-separated ids of route tables, or ''", most=MOST_ROUTE_TABLES, whose="a VPC"
    ),
}
