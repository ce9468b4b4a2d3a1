"""A stage is paused and resumed by its event source mapping, and messages wait meanwhile."""

import json

import pytest
from typer.testing import CliRunner

from ops.cli.main import make_app
from ops.cli.mapping import DISABLED, ENABLED, Switch, mapping_of
from ops.cli.queues import depth_of
from ops.errors import UsageError
from tests.ops.cli.embedded import jpeg, prefix_of, put, quiet_stage, stage_of, use, wait_for, wait_until


@pytest.fixture
def darkroom(stack, monkeypatch):
    """Runs the command on the running stack: its exit code, standard output and standard error."""
    use(monkeypatch, stack)
    return lambda *words: CliRunner().invoke(make_app(), [*words, "--stage", "local"])


@pytest.fixture
def paused(stack, darkroom):
    answer = darkroom("pause", "--json")
    wait_until(lambda: stack.player.paused)
    yield json.loads(answer.stdout)
    darkroom("resume")
    wait_until(lambda: not stack.player.paused)


def test_while_a_stage_is_paused_uploads_wait_and_after_it_they_flow(stack, darkroom, paused):
    stage = stage_of(stack)
    key, batches = f"{prefix_of(stage)}cat.jpg", stack.player.counts.batches
    etag = put(stage, key, jpeg())

    waits = json.loads(darkroom("pause", "--json").stdout)
    assert paused["was"] == ENABLED
    assert waits == {"state": DISABLED, "was": DISABLED, "waiting": 1, "in_flight": 0}
    assert stack.player.counts.batches == batches
    flows = json.loads(darkroom("resume", "--json").stdout)

    assert (flows["was"], flows["state"]) == (DISABLED, ENABLED)
    assert wait_for(stage, [(key, etag)], "DONE")[key].attempts == 1
    wait_until(lambda: depth_of(stage.client("sqs"), stage.queue_url).total == 0)


def test_a_pause_ends_with_the_command_that_ends_it(darkroom):
    try:
        result = darkroom("pause")
    finally:
        darkroom("resume")

    assert result.stderr.endswith("To receive messages again: darkroom resume --stage local\n")


def test_what_is_so_already_is_said(darkroom):
    result = darkroom("resume")

    assert result.exit_code == 0
    assert "The mapping is Enabled already. In the queue: 0 messages waiting, 0 in flight." in result.stderr
    assert result.stdout == ""


def test_the_mapping_is_read_as_it_was_deployed(stack):
    mapping = mapping_of(stage_of(stack))

    assert (mapping.state, mapping.maximum_concurrency, mapping.batch_size) == (ENABLED, 2, 10)


def test_a_stage_without_a_mapping_says_how_to_get_one(stack):
    with pytest.raises(UsageError, match=r"has 0 event source mappings .* npm run deploy -- --stage local"):
        mapping_of(quiet_stage(stack))


def test_another_functions_mapping_is_not_switched(stack):
    with pytest.raises(UsageError, match=r"another has 0 event source mappings"):
        mapping_of(stage_of(stack, ConsumerFunction="another"))


class Lambda:
    """Lambda's side of one mapping: it takes changes when it is settled, and each takes some looks."""

    def __init__(self, state, *next_states):
        self.states = [state, *next_states]
        self.updates = []
        self.now = 0.0

    def get_event_source_mapping(self, **_which):
        return {"State": self.states[0]}

    def update_event_source_mapping(self, *, UUID, Enabled):  # noqa: N803 - Lambda's names
        assert self.states[0] in (ENABLED, DISABLED), "ResourceConflictException"
        self.updates.append((UUID, Enabled))
        self.states = ["Enabling", "Enabling", ENABLED] if Enabled else ["Disabling", "Disabling", DISABLED]

    def pause(self, seconds):
        self.now += seconds
        if len(self.states) > 1:
            self.states.pop(0)

    def switch(self, timeout=60.0):
        return Switch(self, "uuid", timeout, lambda: self.now, self.pause)


@pytest.mark.parametrize(("before", "after"), [(ENABLED, DISABLED), (DISABLED, ENABLED)])
def test_it_waits_until_the_mapping_is_switched(before, after):
    answers = Lambda(before)

    assert answers.switch().to(after)
    assert answers.updates == [("uuid", after == ENABLED)]
    assert answers.states == [after]


def test_a_change_that_runs_already_is_waited_for():
    answers = Lambda("Updating", "Updating", ENABLED)

    assert answers.switch().to(DISABLED)
    assert answers.updates == [("uuid", False)]


def test_what_is_so_already_is_not_changed():
    answers = Lambda("Disabling", DISABLED)

    assert answers.switch().to(DISABLED)
    assert answers.updates == []


@pytest.mark.parametrize("states", [["Updating"], [ENABLED]])
def test_the_wait_is_bounded(states, monkeypatch):
    answers = Lambda(*states)
    monkeypatch.setattr(answers, "update_event_source_mapping", lambda **_which: None)

    assert not answers.switch(timeout=5).to(DISABLED)
    assert answers.now == 5


def test_a_switch_that_takes_too_long_is_a_failure(stack, darkroom, monkeypatch):
    monkeypatch.setattr(Switch, "to", lambda _switch, _state: False)

    result = darkroom("pause", "--timeout", "3")

    assert result.exit_code == 1
    assert "not Disabled after 3 s; to check it: darkroom status --stage local" in result.stderr
