"""`nuvom cron`: an expression in words, its next runs and its clock changes, without any store."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project

PARIS = ("--tz", "Europe/Paris", "--from", "2026-03-28")


def test_explain_says_the_words_the_zone_the_kind_and_the_next_runs(project: Project) -> None:
    answer = project.inside("cron", "explain", "30 2 * * *", *PARIS, "--count", "2")
    lines = [line.rstrip() for line in answer.out.splitlines()]
    assert answer.code == 0
    assert lines[1] == "in words    At 02:30, every day"
    assert lines[2] == "zone        Europe/Paris"
    assert lines[3].startswith("clock       fixed times: one that a clock change skips runs right after it")
    assert lines[4] == "in a year   02:30 does not exist on 2026-03-29: runs at 03:00 CEST"
    assert lines[5].strip() == "02:30 comes twice on 2026-10-25: runs the first time only"
    assert [line.split("  ")[0] for line in lines[-2:]] == ["in 2 h 30 m", "in 1 d 2 h"]
    assert lines[-1].endswith("for 02:30, skipped by the clock")


def test_explain_as_json_has_the_same_for_programs(project: Project) -> None:
    found = project.inside("cron", "explain", "*/30 2 * * *", *PARIS, "--count", "1", "--json").json
    assert found["kind"] == "wildcard"
    assert found["words"] == "At 02:00 and 02:30, every day"
    assert [change["kind"] for change in found["clock_changes"]] == ["skipped", "twice"]
    assert found["clock_changes"][0]["at"] == "2026-03-29T01:00:00+00:00"
    assert found["next"] == [
        {
            "run_at": "2026-03-28T01:00:00+00:00",
            "local": "2026-03-28T02:00:00+01:00",
            "in_seconds": 7200.0,
            "clock_change": None,
        }
    ]


def test_explain_shows_the_warnings_of_the_expression(project: Project) -> None:
    assert "matches either one runs (POSIX)" in project.inside("cron", "explain", "0 0 13 * FRI").out
    assert project.inside("cron", "explain", "0 0 13 * FRI", "--json").json["warnings"]


def test_explain_says_when_no_clock_change_touches_it(project: Project) -> None:
    assert "no clock change touches it" in project.inside("cron", "explain", "0 9 * * *", *PARIS).out


def test_next_lists_as_many_runs_as_asked_for(project: Project) -> None:
    found = project.inside("cron", "next", "0 9 * * MON", "3", *PARIS, "--json").json
    assert [run["local"] for run in found] == [
        "2026-03-30T09:00:00+02:00", "2026-04-06T09:00:00+02:00", "2026-04-13T09:00:00+02:00",
    ]  # fmt: skip
    assert len(project.inside("cron", "next", "0 9 * * MON").out.splitlines()) == 11


def test_from_without_an_offset_is_a_time_of_the_zone(project: Project) -> None:
    words = ("cron", "next", "0 9 * * *", "1", "--tz", "Asia/Tokyo", "--json", "--from")
    [local] = project.inside(*words, "2026-01-01T08:59").json
    [utc] = project.inside(*words, "2025-12-31T23:59Z").json
    assert local == utc
    assert local["in_seconds"] == 60


def test_h_is_spread_by_the_name(project: Project) -> None:
    runs = {project.inside("cron", "next", "H * * * *", "1", "--name", name, *PARIS).out for name in "abcdefgh"}
    assert len(runs) > 1


@pytest.mark.parametrize("command", ["explain", "next"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("*/90 * * * *",), "use interval=timedelta(minutes=90)\n  */90 * * * *\n  ^"),
        (("0 24 * * *",), "write 0\n  0 24 * * *\n    ^"),
        (("0 0 30 2 *",), "no date ever matches"),
        (("H * * * *",), "say --name nightly\n  H * * * *\n  ^"),
        (("0 0 * * *", "--tz", "europe/paris"), "--tz 'europe/paris' is not a usable time zone"),
        (("0 0 * * *", "--tz", "EST"), "write 'America/New_York'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    project: Project, command: str, words: tuple[str, ...], message: str
) -> None:
    answer = project.inside("cron", command, *words)
    assert answer.code == 2
    assert answer.out == ""
    assert message in answer.err
    assert answer.err.startswith("nuvom: ")


def test_a_beginning_that_is_no_time_is_a_wrong_use(project: Project) -> None:
    answer = project.inside("cron", "next", "0 0 * * *", "--from", "soon")
    assert (answer.code, answer.out) == (2, "")
    assert "'soon' is no time" in answer.err


def test_no_store_is_opened(project: Project) -> None:
    assert project.inside("cron", "explain", "@daily", "--url", "sqlite:////nowhere/at/all.db").code == 0
    assert not project.file.parent.exists()
