"""What is counted in the consumer's log."""

from ops.cli.start.log import count_outcomes


def test_outcomes_are_counted_over_all_environments(tmp_path):
    (tmp_path / "consumer-1.log").write_text('{"outcome": "done"}\n{"outcome": "duplicate", "object": "b/ñ"}\n')
    (tmp_path / "consumer-2.log").write_text('{"outcome": "duplicate"}\n')

    assert count_outcomes(tmp_path) == {"done": 1, "duplicate": 2}


def test_what_is_not_an_outcome_is_passed_over(tmp_path):
    lines = ["START", '{"level": "INFO"}', "{not json", '"outcome": "x"', '{"outcome": "done"}', "[1]", '{"outco']
    (tmp_path / "consumer-1.log").write_bytes("\n".join(lines).encode() + b"\xff\xfe")

    assert count_outcomes(tmp_path) == {"done": 1}


def test_without_a_log_nothing_is_counted(tmp_path):
    assert count_outcomes(tmp_path / "none") == {}
