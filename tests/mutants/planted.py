"""The bugs that are planted: each a change of one text in one file, and the tests that must find it."""

from __future__ import annotations

from typing import NamedTuple

STORE = "src/nuvom/stores/sqlite"
SQL = f"{STORE}/sql"
CONFORMANCE = "tests/conformance/test_sqlite.py"


class Mutant(NamedTuple):
    """A bug: `old`, which the file has exactly once, becomes `new`."""

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]  # what pytest is given


def kit(words: str) -> tuple[str, ...]:
    return CONFORMANCE, "-k", words


MUTANTS = (
    # Outcomes and leases.
    Mutant(
        "an outcome is fenced without its worker",
        f"{SQL}/finish_succeeded.sql",
        "AND worker = ?6",
        "AND ?6 IS NOT NULL",
        kit("outcome"),
    ),
    Mutant(
        "an outcome is fenced without its attempt",
        f"{SQL}/finish_succeeded.sql",
        "AND attempt = ?5",
        "AND ?5 > 0",
        ("tests/faults/test_causes.py", "-k", "fenced_by_id"),
    ),
    Mutant(
        "a dead worker may claim",
        f"{SQL}/claim_queue.sql",
        "lease_until > :monotonic",
        ":monotonic IS NOT NULL",
        kit("nothing_is_claimed"),
    ),
    Mutant(
        "a lease that ran out is extended again",
        f"{SQL}/heartbeat.sql",
        "lease_until > :monotonic",
        ":monotonic IS NOT NULL",
        kit("lease"),
    ),
    Mutant(
        "leases count the wall clock",
        f"{STORE}/workers.py",
        '"lease_until": self._database.monotonic_us() + self._lease',
        '"lease_until": self._database.now_us() + self._lease',
        kit("lease or clock"),
    ),
    Mutant(
        "the supervisor does not beat",
        "src/nuvom/worker/heart.py",
        "self._store.workers.heartbeat(ids)",
        "()",
        ("tests/faults/test_causes.py", "-k", "rescue_by_age"),
    ),
    Mutant(
        "a lost job is no suspect",
        f"{SQL}/lose_free.sql",
        "suspect = 1",
        "suspect = 0",
        kit("suspect or loss"),
    ),
    Mutant(
        "one crash too many is allowed",
        f"{STORE}/losses.py",
        "if crashes < row.max_crashes:",
        "if crashes <= row.max_crashes:",
        kit("crashes"),
    ),
    Mutant(
        "an error is not counted",
        f"{SQL}/finish_retry.sql",
        "errors = errors + 1",
        "errors = errors",
        kit("retry or errors"),
    ),
    Mutant(
        "a process outlives its supervisor",
        "src/nuvom/_child.py",
        "        self.stop(0.0)\n        time.sleep(self._patience)",
        "        return\n        time.sleep(self._patience)",
        ("tests/faults/test_crash_points.py", "-k", "leaves_no_process"),
    ),
    # Time.
    Mutant(
        "promotion ignores the time",
        f"{SQL}/promote.sql",
        "run_at <= :now",
        ":now IS NOT NULL",
        kit("promot or delayed"),
    ),
    Mutant(
        "a job starts a millisecond early",
        f"{SQL}/insert_job.sql",
        "WHEN ?5 > ?14 THEN 'delayed'",
        "WHEN ?5 > ?14 + 1000 THEN 'delayed'",
        kit("delayed or early"),
    ),
    Mutant(
        "an occurrence is dispatched a millisecond early",
        "src/nuvom/scheduler/service.py",
        "        now = self._store.now()\n        at = ",
        "        now = self._store.now() + 1000 * datetime.resolution\n        at = ",
        ("tests/scheduler/test_service.py", "-k", "early"),
    ),
    Mutant(
        "a time in a gap is lost",
        "src/nuvom/triggers/cron.py",
        "if not (self._cron.fixed_time and 0 < stretch.jump <= LONGEST_MADE_UP):",
        "if not stretch.jump > LONGEST_MADE_UP:",
        ("tests/triggers/test_clock_changes.py",),
    ),
    Mutant(
        "a fixed time in a fold runs twice",
        "src/nuvom/triggers/cron.py",
        "max(-stretch.jump, 0) if self._cron.fixed_time else 0",
        "0",
        ("tests/triggers/test_clock_changes.py",),
    ),
    Mutant(
        "catch_up=latest runs the oldest",
        "src/nuvom/scheduler/plan.py",
        "due.newest(CATCH_UP_LIMIT if policy is CatchUp.ALL else 1)",
        "due.newest(CATCH_UP_LIMIT)[:None if policy is CatchUp.ALL else 1]",
        ("tests/scheduler/test_plan.py", "-k", "catch_up"),
    ),
    # Dispatch.
    Mutant(
        "a plan of an older generation is applied",
        f"{SQL}/advance.sql",
        "generation = ?2",
        "?2 IS NOT NULL",
        kit("generation"),
    ),
    Mutant(
        "a plan for another next run is applied",
        f"{SQL}/advance.sql",
        "next_run = ?3",
        "?3 IS NOT NULL",
        kit("plan"),
    ),
    Mutant(
        "a one-off of an older generation is ended",
        f"{SQL}/end_schedule.sql",
        "generation = ?2 AND",
        "?2 IS NOT NULL AND",
        kit("end_of_a_one_off"),
    ),
    Mutant(
        "a one-off that was moved is ended",
        f"{SQL}/end_schedule.sql",
        "(next_run = ?3 AND state = 'active')",
        "state = 'active'",
        kit("end_of_a_one_off"),
    ),
    Mutant(
        "a transaction is committed although its dispatch failed",
        f"{STORE}/database.py",
        "            _roll_back(connection)\n            if isinstance(error, sqlite3.Error)",
        "            self._commit(connection)\n            if isinstance(error, sqlite3.Error)",
        ("tests/stores/sqlite/test_schedules.py", "-k", "fails_in_the_middle"),
    ),
    Mutant(
        "the job of an occurrence has a new id each time",
        "src/nuvom/_ids.py",
        'blake2b(f"{schedule_id}|{nominal_us}|{source}".encode(), digest_size=10).digest()',
        "os.urandom(10)",
        ("tests/faults/test_causes.py", "-k", "leader"),
    ),
    Mutant(
        "a dead process keeps its lease until it runs out",
        "src/nuvom/worker/child.py",
        "if self.worker_id is None or self.ended_at is not None:",
        "if self.worker_id is None or self.sentence is None:",
        ("tests/worker/test_processes.py", "-k", "replaced_at_once"),
    ),
    Mutant(
        "a stopped process is said to live",
        "src/nuvom/worker/supervisor.py",
        "child.worker_id and not child.stopped]",
        "child.worker_id]",
        ("tests/worker/test_processes.py", "-k", "a_stopped_process"),
    ),
    Mutant(
        "one failed beat is the last",
        "src/nuvom/worker/heart.py",
        "except Exception:",
        "except ArithmeticError if self._closing else ():",
        ("tests/faults/test_causes.py", "-k", "failed_heartbeat"),
    ),
    Mutant(
        "a job is pushed although its row was there",
        f"{STORE}/ledger.py",
        "if is_new and row.job_id",
        "if row.job_id",
        kit("row_that_is_there or dispatched_once or dispatched_again"),
    ),
    Mutant(
        "a delivery of an older definition is accepted",
        f"{STORE}/ledger.py",
        "if item.envelope.generation < generation:",
        "if item.envelope.generation < generation - (1 << 62):",
        (
            "tests/conformance/test_sqlite.py",
            "tests/scheduler/test_split_changes.py",
            "-k",
            "fence or replace or deliver",
        ),
    ),
    Mutant(
        "generations start anew with each life",
        "src/nuvom/_identity.py",
        "return max(last + 1, to_us(now))",
        "return to_us(now)",
        kit("generation"),
    ),
    Mutant(
        "what rests hides what is due",
        "src/nuvom/scheduler/service.py",
        "limit = self._batch + resting",
        "limit = self._batch",
        ("tests/scheduler/test_service.py", "-k", "hides"),
    ),
    Mutant(
        "jobs of unknown tasks hide the others",
        "src/nuvom/worker/unknown.py",
        "if until > monotonic) if self._until else ()",
        "if until > monotonic)[:0]",
        ("tests/worker/test_runner.py", "-k", "unknown_task"),
    ),
    # What is promised and kept.
    Mutant(
        "a push does not reach the disk",
        f"{STORE}/jobs.py",
        "with self._database.write(durable=True) as connection:\n            now_us, endings",
        "with self._database.write(durable=False) as connection:\n            now_us, endings",
        ("tests/faults/test_power_cut.py", "-k", "syncs"),
    ),
    Mutant(
        "a push wakes nobody",
        f"{STORE}/jobs.py",
        "if inserted.ready or endings.released else []",
        "if inserted.ready and not jobs else []",
        ("tests/stores/sqlite/test_wakeups.py", "-k", "ports_of_dead"),
    ),
    Mutant(
        "a worker tells nobody where it listens",
        "src/nuvom/worker/lease.py",
        "address=self.listener.address",
        "address=None",
        ("tests/faults/test_storage.py", "-k", "subscription"),
    ),
    Mutant(
        "a commit of unknown fate is told as failed",
        f"{STORE}/failures.py",
        "unknown=committing)",
        "unknown=False)",
        ("tests/faults/test_storage.py", "-k", "fate"),
    ),
    Mutant(
        "a row is pruned while its job is open",
        f"{SQL}/delete_occurrence.sql",
        "AND finished_at IS NULL",
        "AND finished_at IS NULL AND 0",
        ("tests/stores/sqlite/test_prune.py", "-k", "retried"),
    ),
    Mutant(
        "a job is pruned without its outcome in the ledger",
        f"{STORE}/prune.py",
        'connection.executemany(load("copy_outcome"), over)',
        "pass",
        kit("forgotten"),
    ),
    # Policies, pauses and requests.
    Mutant(
        "open runs are not counted again where a run is dispatched",
        f"{STORE}/ledger.py",
        "item.envelope.overlap) != item.blocked",
        "item.envelope.overlap) is None",
        kit("open_runs_say or blocked_it"),
    ),
    Mutant(
        "a backfill counts as an open run",
        f"{SQL}/blocked.sql",
        "AND backfill = 0",
        "AND backfill >= 0",
        kit("backfill_blocks"),
    ),
    Mutant(
        "a held run does not block another one",
        f"{SQL}/blocked.sql",
        "AND waits_for = 'key'",
        "AND waits_for = 'nobody'",
        kit("held_run_blocks"),
    ),
    Mutant(
        "a run by hand waits for the others",
        "src/nuvom/_requests.py",
        "job._replace(waits=False, expires_at=None)",
        "job._replace(expires_at=None)",
        ("tests/app/test_managing.py", "-k", "ignores_overlap"),
    ),
    Mutant(
        "a request is a run each time",
        f"{SQL}/insert_request.sql",
        "WHERE schedule_id = ?1 AND source = ?3 AND source <> ''",
        "WHERE schedule_id = ?1 AND source = ?3 AND source = ''",
        kit("request_is_one_run"),
    ),
    Mutant(
        "what was dispatched is backfilled again",
        f"{SQL}/insert_backfill.sql",
        "outcome = 'dispatched'",
        "outcome = 'missed'",
        kit("not_backfilled"),
    ),
    Mutant(
        "a job past its expiry is claimed",
        f"{SQL}/claim_queue.sql",
        "expires_at > :now",
        "expires_at > 0",
        kit("not_started_in_time"),
    ),
    Mutant(
        "a retry gives up",
        f"{SQL}/claim_queue.sql",
        "OR attempt > 0",
        "OR attempt > 1",
        kit("retry_is_not_stopped"),
    ),
    Mutant(
        "a pause leaves no rows",
        "src/nuvom/scheduler/resuming.py",
        "    rows = dropped_rows(due, _dropped(envelope, due.first))\n    following",
        "    rows: list[Occurrence] = []\n    following",
        ("tests/app/test_managing.py", "-k", "TestPause"),
    ),
    Mutant(
        "an update overwrites what others changed",
        f"{STORE}/schedules.py",
        "if stored is None or stored.generation != envelope.generation:",
        "if stored is None:",
        (CONFORMANCE, "tests/app/test_managing.py", "-k", "lost_race or with_the_change"),
    ),
    Mutant(
        "jitter reaches the next occurrence",
        "src/nuvom/_schedule.py",
        "None if following is None else following - nominal",
        "None",
        ("tests/scheduler/test_policies.py", "-k", "never_reaches"),
    ),
    Mutant(
        "a grace counts from the nominal time",
        "src/nuvom/scheduler/due.py",
        "near = self.trigger.before(moment) if self.envelope.jitter else None",
        "near = None",
        ("tests/scheduler/test_policies.py", "-k", "counts_from_the_run_time"),
    ),
    Mutant(
        "max_runs is one too many",
        "src/nuvom/scheduler/plan.py",
        "envelope.run_count + runs >= envelope.max_runs",
        "envelope.run_count + runs > envelope.max_runs",
        ("tests/scheduler/test_policies.py", "-k", "policies_say"),
    ),
    Mutant(
        "a change of times forgets what was due",
        "src/nuvom/_changing.py",
        "rows = () if envelope.same_times(wanted) else passed_over(envelope, now, MOVED)",
        "rows = ()",
        ("tests/app/test_managing.py", "-k", "times_change"),
    ),
    Mutant(
        "a new tz database brings back a local time that ran",
        "src/nuvom/scheduler/retiming.py",
        "_local(envelope, first) <= start.local",
        "_local(envelope, first) < start.local",
        ("tests/scheduler/test_retiming.py", "-k", "comes_again"),
    ),
)
