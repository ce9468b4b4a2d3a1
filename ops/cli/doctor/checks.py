"""Every check in its order. What comes first is needed by what follows."""

from collections.abc import Sequence
from typing import Final

from ops.cli.doctor.account import (
    check_clock,
    check_concurrency,
    check_credentials,
    check_memory,
    check_stack,
)
from ops.cli.doctor.ahead import check_names, check_parameters, check_runtime_name, check_tools
from ops.cli.doctor.browser import check_cors, check_early_refusal, check_page, check_post
from ops.cli.doctor.cleaning import check_cleaning
from ops.cli.doctor.deployed import (
    check_alarms,
    check_function,
    check_mapping,
    check_redrive,
    check_runtime,
)
from ops.cli.doctor.ingest import check_notification, check_queue_policy
from ops.cli.doctor.pipeline import check_broken, check_heic, check_speed, check_upload, check_variants
from ops.cli.doctor.results import Check
from ops.cli.doctor.rights import check_deployment_rights, check_operator_rights

REACH: Final[Sequence[Check]] = (
    Check("credentials", check_credentials),
    Check("clock", check_clock),
    Check("stack", check_stack),
)
"""Without these, no other can run."""

BEFORE: Final[Sequence[Check]] = (
    Check("parameters", check_parameters),
    Check("tools", check_tools),
    Check("runtime", check_runtime_name),
    Check("rights", check_deployment_rights, optional=True),
    Check("concurrency", check_concurrency, optional=True),
    Check("memory", check_memory, optional=True),
    Check("names", check_names),
)
"""What a deployment needs."""

AFTER: Final[Sequence[Check]] = (
    Check("rights", check_operator_rights, optional=True),
    Check("concurrency", check_concurrency, optional=True),
    Check("function", check_function),
    Check("mapping", check_mapping),
    Check("notification", check_notification),
    Check("queue policy", check_queue_policy),
    Check("redrive policy", check_redrive),
    Check("alarms", check_alarms),
    Check("presigned POST", check_post),
    Check("CORS", check_cors),
    Check("upload", check_upload),
    Check("variants", check_variants),
    Check("HEIC", check_heic),
    Check("broken picture", check_broken),
    Check("upload to ready", check_speed),
    Check("early refusal", check_early_refusal),
    Check("page", check_page),
    Check("runtime", check_runtime, optional=True),
)
"""What a deployed stage does."""

CLEANING: Final = Check("cleaning", check_cleaning)
"""Runs after all of them, however they ended."""
