"""The service, packaged once with its defaults and once with every parameter changed."""

import pytest

from tests.service.packaged_service import Package, package

CHANGED = {
    "uploadsBucket": "holiday-originals",
    "uploadsPrefix": "incoming/raw/",
    "variantsBucket": "holiday-variants",
    "existing": "none",
    "ingest": "s3",
    "memory": 3008,
    "timeout": 300,
    "trySeconds": 30,
    "rendering": "sandbox-only",
    "architecture": "arm64",
    "batchSize": 4,
    "window": 3,
    "maximumConcurrency": 77,
    "maxReceiveCount": 8,
    "queueRetentionDays": 2,
    "dlqRetentionDays": 9,
    "logRetentionDays": 90,
    "logLevel": "DEBUG",
    "removals": "true",
    "events": "true",
    "erasure": "true",
    "workflow": "true",
    "pointInTimeRecovery": "false",
    "pollQueue": "false",
    "alarmEmail": "on-call@example.com",
    "authorizer": "jwt",
    "userPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Example",
    "corsOrigins": "https://photos.example.com, https://www.example.com",
    "cdn": "true",
    "cdnAlias": "pictures.example.com",
    "cdnCertificate": "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab",
    "uploadMinutes": 5,
    "linkMinutes": 30,
    "apiMemory": 512,
    "apiRate": 7,
    "apiBurst": 9,
    "apiDailyQuota": 1000,
    "apiKeys": "uploads, kiosk",
    "operators": "curators, staff",
    "publicRate": 3,
    "publicBurst": 33,
    "apiMetrics": "true",
    "apiAccessLog": "true",
    "dashboard": "true",
    "tracing": "true",
}

TAKEN_UP = {"existing": "both", "removals": "true", "apiKeys": "uploads, kiosk,press2", "operators": "press2"}
ADOPTED = {
    "uploadsBucket": "ten-years-of-originals",
    "uploadsPrefix": "",
    "existing": "uploads",
    "ingest": "eventbridge",
    "removals": "true",
}

ACCOUNT = "123456789012"
HARDENED = {
    "events": "true",
    "erasure": "true",
    "workflow": "true",
    "cdn": "true",
    "apiAccessLog": "true",
    "kmsKey": "new",
    "originalsTieringDays": 30,
    "originalsExpireDays": 365,
    "uploadsVersioning": "true",
    "noncurrentDays": 60,
    "accessLogs": "new",
    "webAclArn": f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/photos/11112222-3333-4444-5555-666677778888",
    "cdnWebAclArn": f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/photos/11112222-3333-4444-5555-666677778888",
    "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "tags": "team=photos, cost-center=42",
    "vpcId": "vpc-0123456789abcdef0",
    "vpcSubnets": "subnet-0123456789abcdef0, subnet-0123456789abcdef1",
    "vpcSecurityGroups": "sg-0123456789abcdef0",
    "vpcRouteTables": "rtb-0123456789abcdef0",
}
"""All that adds resources or settings to others."""

OWN = {
    "existing": "uploads",
    "uploadsBucket": "ten-years-of-originals",
    "kmsKey": "arn:aws:kms:${AWS::Region}:${AWS::AccountId}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "accessLogs": "all-our-access-logs-${AWS::AccountId}",
    "permissionsBoundary": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/boundary",
}
"""A key, buckets and a boundary that are not the stack's, in any account and region."""


@pytest.fixture(scope="session")
def default() -> Package:
    return package("dev")


@pytest.fixture(scope="session")
def changed() -> Package:
    """For the local stage and arm64, its parameters given on the command line, as text."""
    return package("local", CHANGED)


@pytest.fixture(scope="session")
def taken_up() -> Package:
    """On buckets that already exist, with several API keys."""
    return package("prod", TAKEN_UP, requirements=False)


@pytest.fixture(scope="session")
def adopted() -> Package:
    """On somebody's uploads bucket, the whole of it, by EventBridge."""
    return package("prod", ADOPTED, requirements=False)


@pytest.fixture(scope="session")
def hardened() -> Package:
    """With all that a careful organization demands."""
    return package("prod", HARDENED, requirements=False)


@pytest.fixture(scope="session")
def owned() -> Package:
    """With a key and buckets that are not the stack's."""
    return package("prod", OWN, requirements=False)
