"""Whether a rule may send to its target: by the policy of a queue or topic, or by the role that the target names.

A role with a queue or a topic is no way in: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from ops.local.eventbridge.failures import UndeliveredError
from ops.local.eventbridge.policies import AccessRequest, UnreadablePolicyError, allows

SERVICE: Final = "events.amazonaws.com"


def check_policy(policy: str | None, action: str, resource: str, rule: Any) -> None:
    """Raises:
    UndeliveredError: the policy of a queue or topic does not let the rule in.
    """
    request = AccessRequest(action, resource, _context(rule), SERVICE)
    if not _allowed([policy] if policy else [], request):
        raise UndeliveredError("NO_PERMISSIONS", f"the policy of {resource} does not let {SERVICE} do {action}")


def check_role(role_arn: str, action: str, resource: str, rule: Any) -> None:
    """Raises:
    UndeliveredError: EventBridge cannot assume the role, or the role may not do that.
    """
    try:
        role: Any = iam_backends[rule.account_id]["aws"].get_role_by_arn(role_arn)
    except NotFoundException:
        raise UndeliveredError("FAILED_TO_ASSUME_ROLE", f"there is no role {role_arn}") from None
    if not _allowed([role.assume_role_policy_document], AccessRequest("sts:AssumeRole", "", _context(rule), SERVICE)):
        raise UndeliveredError("FAILED_TO_ASSUME_ROLE", f"{role_arn} does not trust {SERVICE}")
    versions = [each for policy in role.managed_policies.values() for each in policy.versions]
    managed = [each.document for each in versions if each.is_default]
    if not _allowed([*role.policies.values(), *managed], AccessRequest(action, resource, {})):
        raise UndeliveredError("NO_PERMISSIONS", f"{role_arn} may not do {action} on {resource}")


def _allowed(policies: Iterable[Any], request: AccessRequest) -> bool:
    """moto keeps a policy as text, and one that CloudFormation made as a dict."""
    try:
        return allows([each if isinstance(each, str) else json.dumps(each) for each in policies], request)
    except UnreadablePolicyError as error:
        raise UndeliveredError("NO_PERMISSIONS", str(error)) from None


def _context(rule: Any) -> Mapping[str, str]:
    return {"aws:sourcearn": rule.arn, "aws:sourceaccount": rule.account_id, "aws:securetransport": "true"}
