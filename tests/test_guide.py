"""The founding guide, sentence by sentence: what it says of schedules is what the software does."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import nuvom
from nuvom import Nuvom, ScheduleEnvelope, ScheduleType, current_job, testing
from nuvom.testing import Memory
from tests.waiting import until

app = Nuvom("memory://")
starts: list[tuple[datetime, tuple[int, int]]] = []
Run = Callable[[str], list[ScheduleEnvelope]]
NOW = datetime(2025, 8, 20, 10, 0, 0, 250_000, tzinfo=UTC)  # a Wednesday


@app.task
def add(x: int, y: int) -> int:
    starts.append((app.now(), (x, y)))
    return x + y


@app.task
def fail(x: int, y: int) -> int:
    raise RuntimeError("as it was told")


@app.task(store_result=True)
def when() -> str:
    return str(current_job().scheduled_for)


@pytest.fixture(params=["memory", "postgresql", "redis"])
def memory(request: pytest.FixtureRequest) -> Iterator[Memory]:
    """The app in memory, and the same on servers under the same clock."""
    starts.clear()
    if request.param == "memory":
        with testing.memory(app, now=NOW) as memory:
            yield memory
        return
    clock = testing.VirtualClock(NOW)
    with app.swapped(server_of(request), clock):
        yield Memory(app, clock)


@pytest.fixture(params=["embedded", "postgresql", "redis"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The variables of a project in `tmp_path`: none of Nuvom's, or where its server is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUVOM_", "PYTEST_"))}
    if request.param == "embedded":
        return kept
    return {**kept, "NUVOM_URL": server_of(request)}


def server_of(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty store on the server that a fixture's parameter names."""
    url: str = request.getfixturevalue({"postgresql": "postgres_url", "redis": "redis_url"}[request.param])
    return url


@pytest.fixture
def url(environment: dict[str, str], tmp_path: Path) -> str:
    """Where the project's store is, as its programs find it."""
    return environment.get("NUVOM_URL", f"sqlite:////{tmp_path}/.nuvom/nuvom.db")


def ago(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class TestConcepts:
    def test_schedule_works_just_like_delay_but_defers_execution(self, memory: Memory) -> None:
        add.delay(1, 2)
        add.schedule(3, 4, in_=timedelta(seconds=30))
        memory.run_due()
        assert starts == [(NOW, (1, 2))]
        memory.advance(30)
        assert starts[1:] == [(ago(30), (3, 4))]

    def test_jobs_are_stored_in_a_scheduler_backend_and_run_when_they_become_due(self, memory: Memory) -> None:
        envelope = add.schedule(3, 4, in_=timedelta(seconds=30))
        assert app.backend.get(envelope.id) == envelope
        assert memory.jobs() == []
        memory.advance(29.9)
        assert memory.jobs() == []
        memory.advance(0.1)
        assert [job.status for job in memory.jobs()] == ["succeeded"]

    def test_the_envelope_contains_task_arguments_type_next_run_and_metadata(self, memory: Memory) -> None:
        envelope = add.options(metadata={"for": "guide"}).schedule(5, y=7, interval=300)
        assert envelope.task == "tests.test_guide.add"
        assert (envelope.args, envelope.kwargs) == ([5, 7], {})
        assert envelope.schedule_type is ScheduleType.INTERVAL
        assert envelope.next_run == ago(300)
        assert envelope.metadata == {"for": "guide"}

    def test_schedules_are_stored_separately_from_the_main_job_queue(self, memory: Memory) -> None:
        add.schedule(5, 7, in_=timedelta(seconds=30))
        assert memory.jobs() == []
        assert len(memory.schedules()) == 1

    def test_the_scheduler_service_reads_due_envelopes_and_pushes_jobs(self, memory: Memory) -> None:
        due = add.schedule(1, 1, at=NOW)
        later = add.schedule(2, 2, in_=timedelta(hours=1))
        memory.run_due()
        assert [job.schedule_id for job in memory.jobs()] == [due.id]
        assert memory.schedules() == [later]

    def test_one_off_is_removed_after_dispatch(self, memory: Memory) -> None:
        envelope = add.schedule(5, 7, in_=timedelta(seconds=30))
        assert envelope.schedule_type == "one_off"
        memory.advance(30)
        assert app.backend.get(envelope.id) is None

    def test_interval_is_rescheduled_automatically(self, memory: Memory) -> None:
        envelope = add.schedule(2, 3, interval=10)
        assert envelope.schedule_type == "interval"
        memory.advance(35)
        assert [at for at, _ in starts] == [ago(10), ago(20), ago(30)]
        assert app.schedule(envelope.id).next_run == ago(40)

    def test_cron_computes_its_next_fire_time_according_to_the_time_zone(self, memory: Memory) -> None:
        envelope = add.schedule(2, 3, cron="0 9 * * *", timezone_name="America/New_York")
        assert envelope.schedule_type == "cron"
        assert envelope.next_run == datetime(2025, 8, 20, 13, 0, tzinfo=UTC)
        memory.advance("4h")
        assert [at for at, _ in starts] == [datetime(2025, 8, 20, 13, 0, tzinfo=UTC)]
        assert app.schedule(envelope.id).next_run == datetime(2025, 8, 21, 13, 0, tzinfo=UTC)


class TestReference:
    def test_schedule_has_the_founding_signature(self) -> None:
        parameters = inspect.signature(nuvom.Task.schedule).parameters
        assert list(parameters) == ["self", "args", "at", "in_", "interval", "cron", "timezone_name", "kwargs"]
        assert parameters["args"].kind is inspect.Parameter.VAR_POSITIONAL
        assert parameters["kwargs"].kind is inspect.Parameter.VAR_KEYWORD
        named = [parameters[name] for name in ("at", "in_", "interval", "cron", "timezone_name")]
        assert {parameter.kind for parameter in named} == {inspect.Parameter.KEYWORD_ONLY}
        assert [parameter.default for parameter in named] == [None, None, None, None, "UTC"]

    def test_arguments_are_passed_to_the_task_when_executed(self, memory: Memory) -> None:
        add.schedule(5, y=7, at=NOW)
        memory.run_due()
        assert starts == [(NOW, (5, 7))]

    def test_at_is_an_absolute_aware_datetime(self, memory: Memory) -> None:
        at = datetime(2025, 8, 20, 14, 0, tzinfo=timezone(timedelta(hours=2)))
        assert add.schedule(5, 7, at=at).next_run == datetime(2025, 8, 20, 12, 0, tzinfo=UTC)

    def test_in_is_relative_to_now(self, memory: Memory) -> None:
        assert add.schedule(5, 7, in_=timedelta(minutes=2)).next_run == ago(120)

    @pytest.mark.parametrize("interval", [0, -1, 0.05, float("nan"), float("inf"), True])
    def test_interval_must_be_greater_than_zero(self, memory: Memory, interval: Any) -> None:
        with pytest.raises(ValueError, match="interval"):
            add.schedule(5, 7, interval=interval)
        assert memory.schedules() == []

    def test_cron_is_a_standard_cron_string(self, memory: Memory) -> None:
        assert add.schedule(1, 2, cron="0 9 * * MON").next_run == datetime(2025, 8, 25, 9, 0, tzinfo=UTC)

    def test_time_zone_defaults_to_utc(self, memory: Memory) -> None:
        assert add.schedule(1, 2, cron="0 9 * * *").timezone_name == "UTC"

    @pytest.mark.parametrize(
        "times",
        [
            {},
            {"at": NOW, "in_": timedelta(1)},
            {"interval": 5, "cron": "* * * * *"},
            {"at": NOW, "in_": timedelta(1), "interval": 5, "cron": "* * * * *"},
        ],
    )
    def test_exactly_one_time_must_be_provided(self, memory: Memory, times: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="exactly one") as caught:
            add.schedule(1, 2, **times)
        assert all(name in str(caught.value) for name in times)

    def test_schedule_returns_the_envelope(self, memory: Memory) -> None:
        assert isinstance(add.schedule(1, 2, interval=5), ScheduleEnvelope)

    def test_the_envelope_is_storable_by_any_backend(self, memory: Memory) -> None:
        import json

        envelope = add.schedule(1, 2, interval=5)
        again = ScheduleEnvelope.from_dict(json.loads(json.dumps(envelope.to_dict())))
        assert again == envelope


EXAMPLES = {
    "one-off": """
        from datetime import datetime, timezone, timedelta
        from tasks import add

        # Absolute time
        add.schedule(5, 7, at=datetime(2025, 8, 25, 12, 0, tzinfo=timezone.utc))

        # Relative time
        add.schedule(5, 7, in_=timedelta(seconds=30))
        """,
    "interval": """
        from tasks import add

        # Run every 5 minutes
        add.schedule(2, 3, interval=300)
        """,
    "cron": """
        from tasks import add

        # Run every Monday at 9 AM UTC
        add.schedule(1, 2, cron="0 9 * * MON")
        """,
}
TASKS = """
from nuvom import task

@task
def add(x: int, y: int) -> int:
    return x + y
"""


class TestExamples:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        (tmp_path / "tasks.py").write_text(TASKS)
        (tmp_path / "pyproject.toml").write_text("")
        return tmp_path

    @pytest.fixture
    def run(self, project: Path, environment: dict[str, str], url: str) -> Run:
        def run(example: str) -> list[ScheduleEnvelope]:
            script = project / "example.py"
            script.write_text(textwrap.dedent(EXAMPLES[example]))
            subprocess.run([sys.executable, "-W", "error", script], cwd=project, env=environment, check=True)
            with Nuvom(url) as found:
                return found.schedules.list()[::-1]

        return run

    def test_one_off(self, run: Run) -> None:
        before = datetime.now(UTC)
        absolute, relative = run("one-off")
        assert absolute.next_run == datetime(2025, 8, 25, 12, 0, tzinfo=UTC)
        assert relative.next_run is not None
        assert timedelta(seconds=30) <= relative.next_run - before < timedelta(seconds=60)
        assert absolute.args == relative.args == [5, 7]

    def test_interval(self, run: Run) -> None:
        [envelope] = run("interval")
        assert (envelope.interval, envelope.args) == (300, [2, 3])

    def test_cron(self, run: Run) -> None:
        [envelope] = run("cron")
        assert envelope.next_run is not None
        assert (envelope.next_run.weekday(), envelope.next_run.hour, envelope.next_run.minute) == (0, 9, 0)


class TestSchedulerService:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        (tmp_path / "tasks.py").write_text(TASKS)
        (tmp_path / "pyproject.toml").write_text("")
        return tmp_path

    def test_nuvom_runscheduler_dispatches_and_reschedules_with_several_instances(
        self, project: Path, environment: dict[str, str], url: str
    ) -> None:
        command = [sys.executable, "-m", "nuvom", "runscheduler"]
        with Nuvom(url) as found:
            ticking = found.task(tick).schedule(interval=0.2)
            once = found.task(tick).schedule(in_=timedelta(seconds=0.1))
            services = [subprocess.Popen(command, cwd=project, env=environment) for _ in range(2)]
            try:
                until(lambda: sum(service.kind == "scheduler" for service in found.workers.list()) == 2)
                until(lambda: len(found.schedules.runs(ticking.id)) >= 5 and found.schedules.get(once.id, None) is None)
            finally:
                for service in services:
                    service.send_signal(signal.SIGTERM)
                assert [service.wait(timeout=10) for service in services] == [0, 0]
            rows = found.schedules.runs(ticking.id)
            jobs = found.jobs.list(schedule_id=ticking.id, limit=1_000)
            assert len(rows) == len({row.nominal for row in rows})
            assert {row.job_id for row in rows if row.job_id} == {job.id for job in jobs}
            assert len(found.jobs.list(schedule_id=once.id)) == 1


def tick() -> None: ...


class TestAdvancedNotes:
    def test_cron_can_be_evaluated_in_any_iana_time_zone(self, memory: Memory) -> None:
        envelope = add.schedule(1, 2, cron="30 12 * * *", timezone_name="Asia/Kathmandu")
        assert envelope.next_run == datetime(2025, 8, 21, 6, 45, tzinfo=UTC)

    def test_a_naive_at_is_assumed_utc_with_a_warning_at_the_callers_line(self, memory: Memory) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            envelope = add.schedule(1, 2, at=datetime(2025, 8, 25, 12, 0))  # noqa: DTZ001  what is tested
        assert envelope.next_run == datetime(2025, 8, 25, 12, 0, tzinfo=UTC)
        [warning] = caught
        assert warning.category is nuvom.NaiveDatetimeWarning
        assert Path(warning.filename).name == "test_guide.py"

    def test_interval_tasks_are_rescheduled_even_if_the_previous_run_failed(self, memory: Memory) -> None:
        fail.schedule(1, 2, interval=10)
        memory.advance(30)
        assert [job.status for job in memory.jobs()] == ["failed"] * 3

    def test_backends_can_persist_envelopes_to_disk_or_memory(self, memory: Memory, tmp_path: Path) -> None:
        with Nuvom(f"sqlite:////{tmp_path}/jobs.db") as first:
            kept = first.task(tick).schedule(interval=5)
        with Nuvom(f"sqlite:////{tmp_path}/jobs.db") as second:
            assert second.schedule(kept.id) == kept


class TestBestPractices:
    def test_interval_with_store_result_tracks_recurring_outcomes(self, memory: Memory) -> None:
        envelope = when.options(store_result=True).schedule(interval=60)
        memory.advance(120)
        results = [app.job(row.job_id).result() for row in app.schedules.runs(envelope.id) if row.job_id]
        assert results == [str(ago(120)), str(ago(60))]

    def test_cron_is_time_zone_aware(self, memory: Memory) -> None:
        paris = add.schedule(1, 2, cron="0 9 * * *", timezone_name="Europe/Paris")
        tokyo = add.schedule(1, 2, cron="0 9 * * *", timezone_name="Asia/Tokyo")
        assert paris.id != tokyo.id
        assert paris.next_run != tokyo.next_run
