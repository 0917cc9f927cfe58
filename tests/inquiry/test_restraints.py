"""Why a run that was dispatched has not started: its queue is paused, or its flow is full."""

from __future__ import annotations

from nuvom.inquiry.job_words import filled
from nuvom.stores.values import Flow
from tests.inquiry.conftest import MINUTE, START, Stage, add


def test_why_says_that_the_queue_is_paused(stage: Stage) -> None:
    stage.add.options(name="often").bind(1).schedule(interval=60)
    stage.app.queues.pause("default", "night")
    stage.time.advance("61s")
    told = stage.app.schedules.why("often", "last").text
    assert "still queued: queue `default` is paused since" in told
    assert "(night); `nuvom queues resume default`" in told


def test_why_says_what_a_held_run_waits_for(stage: Stage) -> None:
    task = stage.app.task(name="tasks.one", concurrency=1)(add)
    task.options(name="often").bind(1).schedule(interval=60)
    stage.app.queues.pause("default")
    task.delay(2)
    stage.time.advance("61s")
    told = stage.app.schedules.why("often", "last").text
    assert "held: 1 of 1 of tasks.one run (1 of them are about to start)" in told


def test_a_flow_that_lets_nobody_start_says_why() -> None:
    full = Flow("tasks.send:42", 5, None, 0, 5, None)
    assert filled(full, START) == "5 of 5 of tasks.send:42 run"
    spent = Flow("tasks.send", None, "100/1m", 0, 3, START + MINUTE)
    assert filled(spent, START) == "tasks.send has used up its rate of 100/1m; the next may start in 1 m"
    assert filled(Flow("tasks.send", None, "1/1m", 1, 0, None), START) == "1 of tasks.send are about to start"
    assert filled(None, START) == "its flow is about to be opened"
