"""What changes schedules: `nuvom schedules create`, `pause`, `resume`, `trigger`, `update`, `cancel`, `backfill`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Answer, Project


@pytest.fixture
def fleet(app: Nuvom) -> Nuvom:
    """A cron in Paris, an interval of an hour and a one-off."""
    add = app.registry["tasks.add"]
    add.options(name="night", metadata={"team": "data", "n": 1}).schedule(
        1, cron="0 3 * * *", timezone_name="Europe/Paris"
    )
    add.options(name="hourly", metadata={"team": "shop"}).schedule(2, interval=3600)
    add.options(name="remind-42").schedule(3, b=4, in_=timedelta(minutes=10))
    return app


def called(project: Project, *words: str) -> Answer:
    return project.inside("schedules", *words)


def create(project: Project, shop: str, *words: str) -> Answer:
    return called(project, "create", "add", "1", "--app", shop, *words)


def lies_in_one_message(answer: Answer) -> bool:
    return "Traceback" not in answer.err and answer.err.count("nuvom: ") + answer.err.count("Error") <= 1


# create


def test_create_takes_all_that_a_call_may_say(project: Project, shop: str) -> None:
    answer = create(
        project, shop, "--kwarg", "b=2", "--cron", "0 3 * * *", "--tz", "Europe/Paris",
        "--name", "night", "--catch-up", "all", "--grace", "5m", "--jitter", "120", "--starts-at", "2027-01-01",
        "--ends-at", "2030-01-01T00:00Z", "--max-runs", "9", "--queue", "slow", "--priority", "7", "--retries", "2",
        "--max-crashes", "1", "--timeout", "90", "--unique", "done", "--expires-in", "1h", "--metadata", "team=data",
        "--json",
    )  # fmt: skip
    assert answer.err == ""
    made = answer.json
    assert (made["args"], made["kwargs"], made["name"]) == ([1, 2], {}, "night")
    assert (made["cron"], made["timezone_name"], made["catch_up"]) == ("0 3 * * *", "Europe/Paris", "all")
    assert (made["grace"], made["jitter"], made["max_runs"]) == (300, 120, 9)
    assert (made["starts_at"], made["ends_at"]) == ("2026-12-31T23:00:00+00:00", "2030-01-01T00:00:00+00:00")
    limits = {"timeout": 90, "unique": "done", "expires_in": 3600}
    assert made["options"] == {"queue": "slow", "priority": 7, "retries": 2, "max_crashes": 1, **limits}
    assert made["metadata"] == {"team": "data"}
    assert called(project, "show", "night", "--json").json == made


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--interval", "15m"], "interval", 900),
        (["--interval", "90"], "interval", 90),
        (["--at", "2031-05-01 12:00"], "at", "2031-05-01T12:00:00+00:00"),
        (["--at", "2031-05-01T12:00+02:00"], "at", "2031-05-01T10:00:00+00:00"),
        (["--in", "1h"], "schedule_type", "one_off"),
        (["--cron", "@daily"], "timezone_name", "UTC"),
        (["--interval", "1m", "--overlap", "skip"], "overlap", "skip"),
    ],
)
def test_create_takes_each_kind_of_time(
    project: Project, shop: str, words: list[str], field: str, value: object
) -> None:
    assert create(project, shop, *words, "--json").json[field] == value


def test_create_says_when_it_runs_next(project: Project, shop: str) -> None:
    answer = create(project, shop, "--interval", "1h", "--name", "hourly")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("scheduled hourly: next run ")
    assert " UTC, in " in answer.out


def test_create_reads_a_cron_in_the_zone_of_the_settings(project: Project, shop: str) -> None:
    project.monkeypatch.setenv("NUVOM_TIMEZONE", "Asia/Tokyo")
    assert create(project, shop, "--cron", "0 3 * * *", "--json").json["timezone_name"] == "Asia/Tokyo"


DAILY = ["--cron", "0 3 * * *"]


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ([], ["none was given", "--cron, --interval, --at, --in"]),
        ([*DAILY, "--interval", "1m"], ["--cron and --interval were given"]),
        (["--in", "1m", "--at", "2031-01-01"], ["--at and --in were given"]),
        (["--interval", "1m", "--tz", "Europe/Paris"], ["--interval has no zone", "--cron"]),
        (["--cron", "61 * * * *"], ["minute", "^"]),
        ([*DAILY, "--tz", "Europe/Pariss"], ["did you mean 'Europe/Paris'?"]),
        ([*DAILY, "--tz", "EST"], ["America/New_York"]),
        (["--interval", "0.01"], ["at least 0.1 seconds"]),
        (["--interval", "soon"], ["is not a duration"]),
        (["--at", "soon"], ["'soon' is no time"]),
        (["--at", "last"], ["'last' is no time"]),
        ([*DAILY, "--name", ""], ["name='' must be 1 to 200 printable characters"]),
        ([*DAILY, "--name", "x" * 201], ["must be 1 to 200 printable characters"]),
        ([*DAILY, "--name", "a\x1b[31m"], ["printable"]),
        ([*DAILY, "--name", "3e1b12fe-d311-55a2-8447-6996de693a7a"], ["looks like an id"]),
        ([*DAILY, "--catch-up", "some"], ["catch_up='some' must be one of 'latest'"]),
        ([*DAILY, "--overlap", "never"], ["overlap='never' must be one of 'allow'"]),
        ([*DAILY, "--catch-up", "all", "--overlap", "skip"], ["catch_up='all'", "overlap='skip'"]),
        (["--in", "1m", "--max-runs", "2"], ["max_runs=2", "one-off"]),
        ([*DAILY, "--max-runs", "0"], ["max_runs=0"]),
        ([*DAILY, "--priority", "9999"], ["priority=9999 must be between"]),
        ([*DAILY, "--starts-at", "2030-01-01", "--ends-at", "2029-01-01"], ["ends_at", "starts_at"]),
        ([*DAILY, "--ends-at", "2001-01-01"], ["ends_at", "leaves nothing to run"]),
        (
            [*DAILY, "--tz", "America/New_York", "--starts-at", "2026-03-08 02:30"],
            ["does not exist in America/New_York"],
        ),
        ([*DAILY, "--grace", "-1s"], ["grace"]),
        ([*DAILY, "--metadata", "team"], ["'team' must be KEY=VALUE"]),
        ([*DAILY, "--metadata", "a=1", "--metadata", "a=2"], ["'a' is given twice"]),
        ([*DAILY, "--kwarg", "c=1"], ["'c'"]),
    ],
)
def test_create_refuses_what_cannot_be_and_stores_nothing(
    project: Project, fleet: Nuvom, shop: str, words: list[str], messages: list[str]
) -> None:
    answer = create(project, shop, *words)
    assert (answer.code, answer.out) == (2, "")
    said = " ".join(answer.err.replace("│", "").split())
    assert [message for message in messages if message not in said] == []
    assert lies_in_one_message(answer)
    assert len(fleet.schedules.list()) == 3


def test_create_of_an_unknown_task_names_those_that_are_near(project: Project, fleet: Nuvom, shop: str) -> None:
    answer = called(project, "create", "ad", "1", *DAILY, "--app", shop)
    assert (answer.code, "did you mean 'add'?" in answer.err) == (1, True)


# pause and resume


def test_pause_and_resume_one(project: Project, fleet: Nuvom) -> None:
    answer = called(project, "pause", "night", "--note", "no tape")
    assert (answer.code, answer.out) == (0, "paused night: no tape\n")
    assert (fleet.schedules.get("night").state, fleet.schedules.get("night").note) == ("paused", "no tape")
    assert called(project, "list", "--state", "paused", "--json").json[0]["name"] == "night"
    assert called(project, "resume", "night").out.startswith("resumed night: next run ")
    assert fleet.schedules.get("night").state == "active"


def test_pause_and_resume_all(project: Project, fleet: Nuvom) -> None:
    assert called(project, "pause", "--all", "--note", "upgrade").out == "paused 3 schedules\n"
    assert called(project, "pause", "--all", "--json").json == {"paused": 0}
    assert called(project, "resume", "--all", "--json").json == {"resumed": 3}
    assert {schedule.state for schedule in fleet.schedules.list()} == {"active"}


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize("words", [[], ["night", "--all"]])
def test_a_name_and_all_exclude_each_other(project: Project, fleet: Nuvom, command: str, words: list[str]) -> None:
    answer = called(project, command, *words)
    assert (answer.code, "name one schedule or say --all" in answer.err) == (2, True)
    assert {schedule.state for schedule in fleet.schedules.list()} == {"active"}


def test_an_empty_note_is_refused(project: Project, fleet: Nuvom) -> None:
    answer = called(project, "pause", "night", "--note", "")
    assert (answer.code, answer.err) == (2, "nuvom: note='' must be 1 to 200 printable characters\n")


# trigger


def test_trigger_prints_the_job_and_a_repeated_request_is_the_same_one(project: Project, fleet: Nuvom) -> None:
    first = called(project, "trigger", "night", "--request", "mine")
    assert (first.code, first.err) == (0, "")
    assert called(project, "trigger", "night", "--request", "mine").out == first.out
    assert called(project, "trigger", "night").out != first.out
    assert called(project, "trigger", "night", "--json").json["schedule_name"] == "night"
    assert len(fleet.jobs.list()) == 3


def test_trigger_of_a_paused_schedule_runs_and_says_that_it_stays_paused(project: Project, fleet: Nuvom) -> None:
    fleet.schedules.pause("night")
    answer = called(project, "trigger", "night")
    assert (answer.code, answer.err) == (0, "nuvom: night is paused and stays so; this run is by hand\n")
    assert fleet.schedules.get("night").state == "paused"
    assert fleet.job(answer.out.strip()).status() == "queued"


# update


def test_update_changes_only_what_is_given(project: Project, fleet: Nuvom) -> None:
    before = fleet.schedules.get("night")
    answer = called(project, "update", "night", "--grace", "10m", "--queue", "slow", "--json")
    assert answer.json["grace"] == 600
    after = fleet.schedules.get("night")
    assert (after.grace, after.options) == (timedelta(minutes=10), {"queue": "slow"})
    assert (after.next_run, after.args, after.metadata) == (before.next_run, before.args, before.metadata)


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--cron", "0 5 * * *"], "cron", "0 5 * * *"),
        (["--cron", "0 5 * * *"], "timezone_name", "Europe/Paris"),
        (["--tz", "Asia/Tokyo"], "timezone_name", "Asia/Tokyo"),
        (["--interval", "90"], "interval", 90),
        (["--arg", "7", "--kwarg", "b=8"], "args", [7]),
        (["--starts-at", "2027-01-01"], "starts_at", "2026-12-31T23:00:00+00:00"),
        (["--clear", "metadata"], "metadata", {}),
        (["--jitter", "1m", "--clear", "catch-up"], "jitter", 60),
        (["--overlap", "skip"], "overlap", "skip"),
        (["--max-runs", "3"], "max_runs", 3),
    ],
)
def test_update_takes_each_option(project: Project, fleet: Nuvom, words: list[str], field: str, value: object) -> None:
    assert called(project, "update", "night", *words, "--json").json[field] == value


def test_update_takes_options_back(project: Project, fleet: Nuvom) -> None:
    called(project, "update", "night", "--grace", "5m", "--queue", "slow", "--timeout", "1m", "--expires-in", "1h")
    assert fleet.schedules.get("night").options == {"queue": "slow", "timeout": 60, "expires_in": 3600}
    back = [word for name in ("grace", "queue", "timeout", "expires-in") for word in ("--clear", name)]
    assert called(project, "update", "night", *back).out.startswith("updated night: ")
    assert (fleet.schedules.get("night").grace, fleet.schedules.get("night").options) == (None, {})


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ([], ["say what is to change"]),
        (["--grace", "5m", "--clear", "grace"], ["--grace and --clear grace exclude each other"]),
        (["--clear", "name"], ["'name' cannot be taken back; one of catch-up, grace"]),
        (["--cron", "0 5 * * *", "--interval", "1m"], ["interval and cron were given"]),
        (["--tz", "Mars/Olympus"], ["timezone_name='Mars/Olympus' is not a usable time zone"]),
        (["--catch-up", "all", "--overlap", "skip"], ["catch_up='all'", "overlap='skip'"]),
        (["--ends-at", "2001-01-01"], ["ends_at", "leaves nothing to run"]),
    ],
)
def test_update_refuses_what_cannot_be_and_changes_nothing(
    project: Project, fleet: Nuvom, words: list[str], messages: list[str]
) -> None:
    before = fleet.schedules.get("night")
    answer = called(project, "update", "night", *words)
    assert (answer.code, answer.out) == (2, "")
    said = " ".join(answer.err.replace("│", "").split())
    assert [message for message in messages if message not in said] == []
    assert fleet.schedules.get("night") == before


@pytest.mark.parametrize("command", [["update", "--queue", "slow"], ["pause"], ["resume"], ["trigger"]])
def test_a_cancelled_schedule_is_not_changed_any_more(project: Project, fleet: Nuvom, command: list[str]) -> None:
    fleet.schedules.cancel("night")
    answer = called(project, command[0], "night", *command[1:])
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("nuvom: schedule 'night' was cancelled")


@pytest.mark.parametrize("command", ["pause", "resume", "trigger", "update", "why", "audit"])
def test_an_unknown_schedule_is_named_with_those_that_are_near(project: Project, fleet: Nuvom, command: str) -> None:
    answer = called(project, command, "nihgt")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "nuvom: no schedule 'nihgt'; did you mean 'night'?\n"


# cancel


def test_cancel_by_metadata_is_counted_and_confirmed(project: Project, fleet: Nuvom) -> None:
    answer = called(project, "cancel", "--metadata", "team=data")
    assert (answer.code, answer.err) == (2, "nuvom: cancel 1 schedule? say so with --yes; nothing was done\n")
    assert (
        called(project, "cancel", "--metadata", "team=data", "--metadata", "n=1", "--yes").out
        == "cancelled 1 schedule\n"
    )
    assert {schedule.name for schedule in fleet.schedules.list()} == {"hourly", "remind-42"}


def test_list_by_metadata(project: Project, fleet: Nuvom) -> None:
    [found] = called(project, "list", "--metadata", "team=shop", "--json").json
    assert found["name"] == "hourly"
    assert called(project, "list", "--metadata", "n=2", "--json").json == []
    assert called(project, "list", "--metadata", "n=[1]").code == 2


# backfill


@pytest.fixture
def years(app: Nuvom) -> Nuvom:
    app.registry["tasks.add"].options(name="night").schedule(1, cron="0 3 * * *", timezone_name="Europe/Paris")
    app.registry["tasks.add"].options(name="quick").schedule(1, cron="* * * * *")
    return app


JUNE = ["2024-06-01", "2024-06-11"]


def test_backfill_shows_the_count_first(project: Project, years: Nuvom) -> None:
    answer = called(project, "backfill", "night", *JUNE)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "nuvom: run 10 occurrences of night from 2024-06-01 00:00:00 CEST (Europe/Paris) to "
        "2024-06-11 00:00:00 CEST (Europe/Paris) (not those that were dispatched)? "
        "say so with --yes; nothing was done\n"
    )
    assert "0 jobs pushed" in called(project, "backfill", "night", *JUNE, "--dry-run").out
    assert years.jobs.list() == []


def test_backfill_runs_each_time_once_and_again_when_asked(project: Project, years: Nuvom) -> None:
    done = called(project, "backfill", "night", *JUNE, "--yes", "--json").json
    assert (done["found"], done["pushed"]) == (10, 10)
    assert {job.scheduled_for.hour for job in years.jobs.list() if job.scheduled_for} == {1}
    assert called(project, "backfill", "night", *JUNE, "--yes").out.endswith(": 0 jobs pushed\n")
    again = called(project, "backfill", "night", *JUNE, "--yes", "--again", "--request", "r", "--pace", "1s", "--json")
    assert again.json["pushed"] == 10
    assert called(project, "backfill", "night", *JUNE, "-y", "--again", "--request", "r", "--json").json["pushed"] == 0


def test_an_enormous_backfill_must_be_meant(project: Project, years: Nuvom) -> None:
    answer = called(project, "backfill", "quick", "2020-01-01", "2024-01-01")
    assert (answer.code, answer.out) == (2, "")
    assert (
        "2,103,840 occurrences of quick from 2020-01-01 00:00:00 UTC to 2024-01-01 00:00:00 UTC are many" in answer.err
    )
    assert "--yes" in answer.err
    assert years.jobs.list() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2024-06-11", "2024-06-01"], "END='2024-06-01' is not later than START='2024-06-11'"),
        (["2024-06-01", "2024-06-01"], "is not later than START='2024-06-01'; exchange them"),
        (["2024-06-01", "soon"], "'soon' is no time"),
        (["2024-03-31 02:30", "2024-06-01"], "does not exist in Europe/Paris"),
        ([*JUNE, "--pace", "slowly", "--yes"], "pace='slowly' is not a duration"),
        ([*JUNE, "--request", "", "--yes"], "request=''"),
    ],
)
def test_backfill_refuses_a_range_that_cannot_be(
    project: Project, years: Nuvom, words: list[str], message: str
) -> None:
    answer = called(project, "backfill", "night", *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in " ".join(answer.err.replace("│", "").split())
    assert years.jobs.list() == []


def test_backfill_of_nothing_says_so(project: Project, years: Nuvom) -> None:
    future = datetime.now(UTC) + timedelta(days=300)
    answer = called(project, "backfill", "night", f"{future:%Y-%m-%d}", f"{future + timedelta(days=9):%Y-%m-%d}")
    assert (answer.code, "0 occurrences" in answer.out) == (0, True)


def test_backfill_of_a_one_off_is_refused(project: Project, fleet: Nuvom) -> None:
    answer = called(project, "backfill", "remind-42", *JUNE)
    assert (answer.code, "a one-off has no past to run" in answer.err) == (2, True)
