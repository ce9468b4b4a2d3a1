"""Every two values of every two switches together, each packaged and given to cfn-lint.

::

    python -m tests.service.pairs     # a row for each package; exit code 1 when any of them has a fault

Packaged without the requirements, which no switch but the architecture changes: 3 s instead of 15.
"""

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.service.packaged_service import PROJECT, copy_project, leave_out_requirements, serverless, set_parameters

LEAST = {
    "timeout": 70,
    "batchSize": 1,
    "window": 0,
    "maximumConcurrency": 2,
    "maxReceiveCount": 5,
    "queueRetentionDays": 1,
    "dlqRetentionDays": 2,
    "logRetentionDays": 1,
    "uploadMinutes": 5,
    "linkMinutes": 5,
    "apiMemory": 256,
    "apiRate": 1,
    "apiBurst": 1,
    "apiDailyQuota": 1,
    "publicRate": 1,
    "publicBurst": 33,
}
MOST = {
    "memory": 10240,
    "timeout": 900,
    "trySeconds": 40,
    "batchSize": 100,
    "window": 300,
    "maximumConcurrency": 1000,
    "maxReceiveCount": 1000,
    "queueRetentionDays": 13,
    "dlqRetentionDays": 14,
    "logRetentionDays": 3653,
    "uploadMinutes": 60,
    "linkMinutes": 60,
    "apiMemory": 10240,
    "apiRate": 10000,
    "apiBurst": 5000,
    "apiDailyQuota": 1_000_000_000,
    "publicRate": 10000,
    "publicBurst": 5000,
}
POOL = {"userPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Example"}
NAMES = {"uploadsBucket": "holiday-originals", "variantsBucket": "holiday-variants", "uploadsPrefix": "a/b/"}
WHOLE = NAMES | {"uploadsPrefix": ""}
KEY = "arn:aws:kms:eu-west-1:${AWS::AccountId}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
WEB_ACL = "arn:aws:wafv2:eu-west-1:${AWS::AccountId}:regional/webacl/photos/11112222-3333-4444-5555-666677778888"
CDN_WEB_ACL = "arn:aws:wafv2:us-east-1:${AWS::AccountId}:global/webacl/photos/11112222-3333-4444-5555-666677778888"
SUBNETS = {
    "vpcSubnets": "subnet-0123456789abcdef0, subnet-0123456789abcdef1",
    "vpcSecurityGroups": "sg-0123456789abcdef0",
}
VERSIONS = {"uploadsVersioning": "true", "noncurrentDays": 60}
ORIGINALS = {"originalsTieringDays": 30, "originalsExpireDays": 365} | VERSIONS
CERTIFICATE = {
    "cdnCertificate": "arn:aws:acm:us-east-1:${AWS::AccountId}:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
}
FACTORS: Sequence[Sequence[Mapping[str, object]]] = (
    (
        {},
        {"authorizer": "api-key", "operators": "uploads"},
        {"authorizer": "iam", "operators": "AROAIOSFODNN7EXAMPLE"},
        {"authorizer": "jwt", "operators": "curators"} | POOL,
    ),
    ({}, LEAST, MOST),
    ({}, NAMES, WHOLE),
    ({}, {"corsOrigins": "https://a.example.com"}, {"corsOrigins": "https://a.example.com, http://localhost:8080"}),
    ({}, {"apiKeys": "uploads, kiosk,press2"}),
    ({}, {"architecture": "arm64"}),
    ({}, {"alarmEmail": "on-call@example.com"}),
    (
        {},
        {"cdn": "true", "cdnWebAclArn": CDN_WEB_ACL},
        {"cdn": "true", "cdnAlias": "pictures.example.com"} | CERTIFICATE,
    ),
    ({}, {"rendering": "sandbox-only"}),
    (
        {},
        {"existing": "both"},
        {"existing": "uploads"},
        {"existing": "uploads", "accessLogs": "all-our-access-logs"},
        VERSIONS,
        ORIGINALS | {"accessLogs": "new"},
    ),
    ({}, {"ingest": "eventbridge"}),
    ({}, {"events": "true"}, {"events": "true", "workflow": "true"}),
    ({}, {"kmsKey": "new"}, {"kmsKey": KEY}),
    ({}, {"webAclArn": WEB_ACL}),
    ({}, {"permissionsBoundary": "arn:aws:iam::${AWS::AccountId}:policy/boundary"}),
    ({}, {"tags": "team=photos, cost-center=42"}),
    ({}, SUBNETS, SUBNETS | {"vpcId": "vpc-0123456789abcdef0", "vpcRouteTables": "rtb-0123456789abcdef0"}),
    *[({}, {name: "true"}) for name in ("removals", "erasure", "apiMetrics", "apiAccessLog", "dashboard", "tracing")],
    *[({}, {name: "false"}) for name in ("pointInTimeRecovery", "pollQueue")],
)
"""Each a choice of some parameters that go together."""

Row = tuple[int, ...]
"""One level of each factor."""


def rows(sizes: Sequence[int]) -> Iterator[Row]:
    """Rows in which every two levels of every two factors meet, each row the best of what is left to meet."""
    left = {
        ((one, first), (other, second))
        for one, other in itertools.combinations(range(len(sizes)), 2)
        for first, second in itertools.product(range(sizes[one]), range(sizes[other]))
    }
    while left:
        row = dict(min(left))
        for factor in (each for each in range(len(sizes)) if each not in row):
            met = [
                sum(tuple(sorted([(factor, level), known])) in left for known in row.items())
                for level in range(sizes[factor])
            ]
            row[factor] = met.index(max(met))
        left -= set(itertools.combinations(sorted(row.items()), 2))
        yield tuple(row[factor] for factor in range(len(sizes)))


def parameters(row: Row) -> dict[str, object]:
    """What is in the stage's section."""
    return {name: value for factor, level in zip(FACTORS, row, strict=True) for name, value in factor[level].items()}


def faults(project: Path, given: Mapping[str, object]) -> str:
    """What packaging or cfn-lint has to say of these parameters; nothing, where all is well."""
    described = project / "serverless.yml"
    before = described.read_text()
    set_parameters(project, "prod", given)
    run = serverless(project, "package", "--stage", "prod")
    described.write_text(before)
    if run.returncode != 0:
        return run.stdout + run.stderr
    template = project / ".serverless" / "cloudformation-template-update-stack.json"
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    lint = subprocess.run([cfn_lint, template], capture_output=True, text=True, check=False, cwd=PROJECT)
    return lint.stdout + lint.stderr


def main() -> int:
    failed = 0
    every = list(rows([len(factor) for factor in FACTORS]))
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        copy_project(project)
        leave_out_requirements(project)
        for number, row in enumerate(every, 1):
            found = faults(project, parameters(row))
            failed += bool(found)
            print(f"{number}/{len(every)} {''.join(map(str, row))} {found or 'no fault'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
