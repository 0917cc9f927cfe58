"""`nuvom jobs`: listings, one job, running again and cancelling in bulk."""

from __future__ import annotations

from datetime import datetime

import pytest

from nuvom import Nuvom
from tests.cli.conftest import Project

PROMISED = (
    "id task status attempt result error queue priority created_at run_at started_at finished_at "
    "schedule_id schedule_name scheduled_for args kwargs metadata"
).split()


@pytest.fixture
def ran(app: Nuvom) -> Nuvom:
    """One job that succeeded, two that failed, one that waits."""
    app.registry["tasks.add"].delay(1, b=2)
    app.registry["tasks.fail"].delay("no paper")
    app.registry["tasks.fail"].delay("no ink")
    app.drain()
    app.registry["tasks.add"].options(queue="later", metadata={"order": 7}).delay(5)
    return app


def test_jobs_list_json_is_one_array_newest_first_with_the_promised_fields(project: Project, ran: Nuvom) -> None:
    found = project.inside("jobs", "list", "--json").json
    assert [job["status"] for job in found] == ["queued", "failed", "failed", "succeeded"]
    assert all(set(PROMISED) <= job.keys() for job in found)
    newest, _, no_paper, oldest = found
    assert (newest["queue"], newest["metadata"], newest["args"]) == ("later", {"order": 7}, [5])
    assert (oldest["result"], oldest["error"], oldest["attempt"]) == (3, None, 1)
    assert (no_paper["error"]["kind"], no_paper["error"]["message"]) == ("error", "no paper")
    assert datetime.fromisoformat(newest["created_at"]).utcoffset() is not None


def test_jobs_list_has_the_ids_whole_and_the_errors_for_people(project: Project, ran: Nuvom) -> None:
    answer = project.inside("jobs", "list")
    lines = answer.out.splitlines()
    assert [word in lines[0] for word in ("id", "task", "status", "queue")] == [True] * 4
    assert all(job.id in answer.out for job in ran.jobs.list())
    assert "no paper" in answer.out
    assert (answer.code, answer.err) == (0, "")


def test_jobs_list_names_the_type_of_an_error_that_says_nothing(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("")
    app.drain()
    assert "ValueError" in project.inside("jobs", "list").out


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--status", "failed"], 2),
        (["--task", "tasks.add"], 2),
        (["--queue", "later"], 1),
        (["--limit", "3"], 3),
        (["--schedule", "nightly"], 0),
        (["--status", "queued", "--task", "tasks.fail"], 0),
    ],
)
def test_jobs_list_takes_filters_and_a_limit(project: Project, ran: Nuvom, words: list[str], number: int) -> None:
    assert len(project.inside("jobs", "list", "--json", *words).json) == number


def test_an_empty_listing_is_an_empty_array_and_a_word_on_stderr(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    assert project.inside("jobs", "list", "--json").json == []
    answer = project.inside("jobs", "list")
    assert (answer.code, answer.out, answer.err) == (0, "", "no jobs\n")


def test_each_attempt_that_ended_without_success_is_shown_to_people_with_its_times(
    project: Project, ran: Nuvom
) -> None:
    [failed] = [job for job in ran.jobs.list() if job.error and job.error.message == "no ink"]
    shown = project.inside("jobs", "show", failed.id).out
    attempt = shown.partition("\nattempt 1 ended ")[2]
    assert {line.split()[0] for line in attempt.splitlines()[1:] if line[:1].strip()} >= {
        "started_at",
        "worker",
        "error",
    }
    assert "no ink" in attempt


def test_jobs_show_json_is_one_object_with_the_earlier_attempts(project: Project, ran: Nuvom) -> None:
    job = ran.jobs.list(status="failed")[0]
    shown = project.inside("jobs", "show", job.id, "--json").json
    assert (shown["id"], shown["status"], shown["error"]["message"]) == (job.id, "failed", "no ink")
    assert [attempt["attempt"] for attempt in shown["attempts"]] == [1]


def test_jobs_show_has_the_traceback_for_people(project: Project, ran: Nuvom) -> None:
    job = ran.jobs.list(status="failed")[0]
    assert "raise ValueError(reason)" in project.inside("jobs", "show", job.id).out


def test_jobs_show_finds_a_job_by_the_text_that_was_its_id(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].options(id="order-7").delay(1)
    assert project.inside("jobs", "show", "order-7", "--json").json["metadata"] == {"id": "order-7"}


def test_an_unknown_job_is_named_as_it_was_said(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    answer = project.inside("jobs", "show", "order-8")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("nuvom: no job 'order-8': ")


def test_retry_runs_a_named_job_again(project: Project, ran: Nuvom) -> None:
    job = ran.jobs.list(status="failed")[0]
    assert project.inside("jobs", "retry", job.id).out == "retried 1 job\n"
    assert ran.job(job.id).status() == "queued"


def test_bulk_retry_takes_the_failed_ones_that_fit(project: Project, ran: Nuvom) -> None:
    answer = project.inside("jobs", "retry", "--task", "tasks.fail", "--yes", "--json")
    assert (answer.code, answer.json["retried"], answer.json["left"]) == (0, 2, {})
    assert len(ran.jobs.list(status="failed")) == 0


def test_retry_of_a_waiting_job_leaves_it_and_says_so(project: Project, ran: Nuvom) -> None:
    [job] = ran.jobs.list(status="queued")
    answer = project.inside("jobs", "retry", job.id)
    assert (answer.code, answer.out) == (1, "retried 0 jobs\n")
    assert answer.err == f"left {job.id}: it is not final\n"


def test_bulk_cancel_counts_first_and_does_nothing_unless_it_is_confirmed(project: Project, ran: Nuvom) -> None:
    answer = project.inside("jobs", "cancel", "--queue", "later")
    assert (answer.code, answer.err) == (2, "nuvom: cancel 1 job? say so with --yes; nothing was done\n")
    assert len(ran.jobs.list(status="queued")) == 1
    assert project.inside("jobs", "cancel", "--queue", "later", "--yes").out == "cancelled 1 job\n"
    assert len(ran.jobs.list(status="cancelled")) == 1


def test_cancel_of_a_final_and_of_an_unknown_job_says_what_each_is(project: Project, ran: Nuvom) -> None:
    job = ran.jobs.list(status="succeeded")[0]
    answer = project.inside("jobs", "cancel", job.id, "ghost", "--json")
    assert answer.code == 1
    assert answer.json["cancelled"] == 0
    assert answer.json["left"][job.id] == "it is final"


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_all_jobs_at_once_must_be_said(project: Project, ran: Nuvom, command: str) -> None:
    before = project.inside("jobs", "list", "--json").json
    for words in ([], ["some-id", "--task", "tasks.add"]):
        answer = project.inside("jobs", command, *words)
        assert answer.code == 2
        assert "Error: Invalid value" in answer.err
    assert project.inside("jobs", "list", "--json").json == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jobs", "list", "--status", "faild"], "'faild' is no status; one of queued, running"),
        (["jobs", "list", "--limit", "0"], "--limit"),
        (["jobs", "list", "--limit", "many"], "--limit"),
        (["jobs", "show"], "Missing argument"),
        (["jobs", "lst"], "No such command 'lst'"),
        (["job", "list"], "No such command 'job'"),
        (["jobs", "list", "--stauts", "failed"], "No such option: --stauts"),
    ],
)
def test_a_typo_is_a_wrong_use_that_is_named(project: Project, app: Nuvom, words: list[str], message: str) -> None:
    app.store.migrate()
    answer = project.inside(*words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
