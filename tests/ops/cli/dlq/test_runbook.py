"""Everything that can bring a message to the dead-letter queue has an entry, with what to do."""

import pytest

from ops.cli.dlq import runbook
from ops.cli.dlq.causes import Cause
from ops.cli.dlq.runbook import BUG, REFUSED, guidance
from processing import errors
from processing.storage.refusals import OUR_FAULTS

# Leaves of the tree that are never the reason of a record
NEVER = {
    "RejectedEarlier": "carries the reason of the first rejection",
    "Unavailable": "carries AWS's code",
    "Busy": "the claim was not won: the record is the other worker's",
    "PreconditionFailed": "is taken up by the publisher; after a few rounds it is a Conflict",
    "NotStarted": "the claim was given back; the message is 'not-started'",
    "SourceReplaced": "ends as SUPERSEDED",
    "SourceGone": "ends as REMOVED",
    "SandboxUnavailable": "nothing is claimed: the function does not start, or renders in process",
    "ErasureEnded": "is of the erasures queue",
    "ObjectLocked": "is of the erasures queue",
    "Misconfigured": "nothing is claimed: the message is 'unknown'",
}


def leaves(kind):
    below = kind.__subclasses__()
    return {leaf for each in below for leaf in leaves(each)} if below else {kind.__name__}


def test_every_leaf_of_the_error_tree_that_can_kill_a_message_is_explained():
    ours = {
        leaf
        for leaf in leaves(errors.DarkroomError)
        if getattr(errors, leaf, None)  # not a class of some test
    }

    assert ours - NEVER.keys() == set(runbook.CLASSES)


def test_no_code_of_aws_has_an_entry_that_is_our_own_fault():
    assert not set(runbook.CODES) & OUR_FAULTS


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (Cause("ValueError", "ab12cd34"), BUG),
        (Cause("InternalError", "s3:PutObject"), REFUSED),
        (Cause("NewToEverybody", "s3:PutObject"), REFUSED),
        (Cause("ReadTimeoutError", "dynamodb:UpdateItem"), REFUSED),
        (Cause("AccessDenied", "s3:PutObject"), runbook.CODES["AccessDenied"]),
        (Cause("killed"), runbook.WORDS["killed"]),
        (Cause("not-delivered"), runbook.WORDS["not-delivered"]),
    ],
)
def test_what_no_table_names_is_a_bug_or_an_answer_that_did_not_come(cause, expected):
    assert guidance(cause) == expected


@pytest.mark.parametrize("name", ["RenderTimeout", "RenderCrash", "RenderOutOfMemory"])
def test_what_ends_its_process_is_reproduced_in_another_one(name):
    assert "`darkroom replay ID --sandbox`" in runbook.CLASSES[name].remedy
