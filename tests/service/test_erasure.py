"""The switch `erasure`: what it deploys, who may do what with it, and that it leaves nothing when it is off."""

import json

from ops.build.rules import text_of
from ops.cli.settings import OFF, parameters
from processing.erasure import KEPT_BY_SWITCH
from tests.service.conftest import CHANGED
from tests.service.packaged_service import Package
from tests.service.test_access import TLS_ONLY, att, policy, without_sid

NAME_NOTHING = {
    *(
        "removals",
        "erasure",
        "pollQueue",
        "dashboard",
        "alarmEmail",
        "existing",
        "corsOrigins",
        "operators",
        "userPoolArn",
    ),
    *("apiMetrics", "apiAccessLog"),  # which has routes and no paths
    *("cdnAlias", "cdnCertificate", "permissionsBoundary", "tags"),
    *("vpcId", "vpcSubnets", "vpcSecurityGroups", "vpcRouteTables"),
    "kmsKey",  # its uses are logged by bucket, queue or table
    *("originalsTieringDays", "originalsExpireDays", "uploadsVersioning"),  # all versions are erased
}
LARGEST = 6144  # characters of a managed policy, without white space


def test_the_policy_of_who_erases_belongs_to_nobody_and_is_not_too_long(changed: Package) -> None:
    properties = changed.properties("EraserPolicy")

    assert not properties.keys() & {"Users", "Groups", "Roles"}
    assert len(json.dumps(properties["PolicyDocument"], separators=(",", ":"))) < 0.7 * LARGEST


def test_its_queues_are_encrypted_and_speak_tls_only(changed: Package) -> None:
    for queue in ("ErasuresQueue", "ErasuresDlq"):
        assert changed.properties(queue)["SqsManagedSseEnabled"] is True
        assert [without_sid(each) for each in policy(changed, f"{queue}Policy")] == [
            {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": att(queue), "Condition": TLS_ONLY}
        ]


def test_a_message_outlives_its_invocation_and_is_received_once_at_a_time(changed: Package) -> None:
    queue, function = changed.properties("ErasuresQueue"), changed.properties("EraserLambdaFunction")
    mapping = changed.properties("EraserEventSourceMappingSQSErasuresQueue")

    assert queue["VisibilityTimeout"] == 6 * function["Timeout"]
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": att("ErasuresDlq"), "maxReceiveCount": 20}


def test_both_functions_are_told_of_the_queue_and_the_eraser_how_long_things_are_kept(changed: Package) -> None:
    of_the_api = changed.properties("ApiLambdaFunction")["Environment"]["Variables"]
    variables = changed.properties("EraserLambdaFunction")["Environment"]["Variables"]

    assert of_the_api["ERASURES_QUEUE_URL"] == variables["QUEUE_URL"] == {"Ref": "ErasuresQueue"}
    for name, parameter in (("LOG", "log"), ("QUEUE", "queue"), ("DLQ", "dlq")):
        assert variables[f"{name}_RETENTION_DAYS"] == str(CHANGED[f"{parameter}RetentionDays"])


def test_the_eraser_and_who_erases_know_which_switches_name_images(changed: Package) -> None:
    said = changed.properties("EraserLambdaFunction")["Environment"]["Variables"]["SWITCHES"]

    assert set(said.split(",")) >= {"cdn", "events", "workflow", "tracing"}
    assert "pointInTimeRecovery" not in said
    assert changed.template["Outputs"]["Switches"] == {"Value": said}


def test_it_is_known_of_each_switch_whether_anything_names_images_by_it() -> None:
    switches = {name for name, value in parameters().items() if text_of(value) in (*OFF, "true")}

    assert switches == KEPT_BY_SWITCH.keys() | NAME_NOTHING


def test_each_alarm_names_the_command_to_run_first(changed: Package) -> None:
    for name in ("ErasuresDlq", "ErasuresAge", "EraserErrors"):
        alarm = changed.properties(f"{name}Alarm")

        assert "First: " in alarm["AlarmDescription"]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
        assert len(alarm["AlarmDescription"]) < 1024


def test_the_protected_table_is_made_after_it(changed: Package) -> None:
    depends = changed.template["Resources"]["ImagesTable"]["DependsOn"]

    assert {"EraserPolicy", "EraserEventSourceMappingSQSErasuresQueue"} <= set(depends)


def test_a_stage_without_erasures_has_nothing_of_them(default: Package) -> None:
    names = [*default.template["Resources"], *default.template["Outputs"]]

    assert [name for name in names if "eras" in name.lower()] == []
    assert "ERASURES" not in json.dumps(default.template)


def test_with_events_the_eraser_knows_the_bus(changed: Package) -> None:
    variables = changed.properties("EraserLambdaFunction")["Environment"]["Variables"]
    assert variables["EVENT_BUS"] == changed.properties("ImagesBus")["Name"]
