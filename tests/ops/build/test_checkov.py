"""A finding needs a reason, and a reason needs a finding."""

from pathlib import Path

from ops.build.checkov import FailedCheck, Skip, main, skips, stale, unexplained
from ops.build.rules import RULES

TEMPLATE = Path("template.json")
QUEUE = FailedCheck("CKV_1", "UploadsQueue", "is plain", TEMPLATE)
DLQ = FailedCheck("CKV_1", "UploadsDlq", "is plain", TEMPLATE)
SKIP = Skip("CKV_1", "*Queue", "as AWS encrypts it", "kmsKey")


def test_a_finding_without_a_reason_is_printed():
    assert unexplained([QUEUE, DLQ], [SKIP]) == ["CKV_1 UploadsDlq: is plain"]
    assert unexplained([FailedCheck("CKV_2", "UploadsQueue", "is open", TEMPLATE)], [SKIP]) == [
        "CKV_2 UploadsQueue: is open"
    ]


def test_a_reason_without_a_finding_is_printed():
    assert stale([QUEUE], [SKIP]) == []
    assert stale([DLQ], [SKIP]) == ["CKV_1 *Queue: is in checkov.toml, and matches nothing"]


def test_what_a_parameter_ends_is_no_reason_when_it_is_on():
    switches = {skip.switch for skip in skips()} - {""}

    assert switches
    assert switches <= RULES.keys()
    assert {skip.switch for skip in skips(on=switches)} == {""}


def test_every_skip_has_a_reason():
    assert [skip for skip in skips() if len(skip.reason) < 20] == []


def test_a_missing_template_is_a_usage_error_and_nothing_is_installed_for_it(tmp_path, capsys):
    assert main([str(tmp_path / "none.json")]) == 2
    assert "run npm run package" in capsys.readouterr().err
