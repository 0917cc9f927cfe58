"""Schedules, ledger, tasks, flows and paused queues as they move to and from a Redis server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from nuvom._ids import raw, text
from nuvom.stores import schedule_rows
from nuvom.stores.redis.definitions import definition_of, head_of, read_fence, row_of, told
from nuvom.stores.redis.occurrences import write_key
from nuvom.stores.redis.terms import read_task, terms, write_task
from nuvom.stores.rows import task_defaults
from nuvom.stores.transfer import FenceRow, FlowRow, Key, OccurrenceRow, PausedQueue, ReportedTask, Row
from nuvom.stores.values import TaskRow

_JSON_TEXT = [
    schedule_rows.COLUMNS.index(column) for column in ("options", "defaults", "metadata", "unknown", "overridden")
]
_START = re.compile(r"(\d+):(\d+)")


def read_fences(keys: Sequence[Key], found: Any) -> list[Row]:
    """Return fences of what they say and of their definitions."""
    rows: list[Row] = []
    for key, fence, definition in zip(keys, *found, strict=True):
        if fence is not None:
            kept = read_fence(text(key[0]), fence, definition or b"").envelope
            ended_at = _number(fence.split(b" ", 1)[0])
            said = schedule_rows.to_definition(kept).encode()
            rows.append(FenceRow(key[0], kept.generation, kept.state.value, said, ended_at))
    return rows


def write_fence(row: Row) -> tuple[str, str, str, str]:
    """Return a fence as copy_fences.lua takes it."""
    fence = FenceRow(*row)
    envelope = schedule_rows.from_definition(
        fence.schedule_id, fence.generation, fence.state, fence.definition.decode()
    )
    return text(fence.schedule_id), _word(fence.ended_at), head_of(envelope), definition_of(envelope)


def read_schedules(_: Sequence[Key], found: Any) -> list[Row]:
    """Return schedules of ids, heads and definitions."""
    return [_encoded(row_of(stored)) for stored in told(found)]


def write_schedule(row: Row) -> tuple[str, str, str, str]:
    """Return a schedule as copy_schedules.lua takes it."""
    envelope = schedule_rows.from_row(row)
    name = "" if envelope.name is None else f"+{envelope.name}"
    return envelope.id, head_of(envelope), name, definition_of(envelope)


def read_occurrences(keys: Sequence[Key], found: Any) -> list[Row]:
    """Return rows of the ledger of their texts."""
    rows: list[Row] = []
    for (schedule_id, nominal, source), said in zip(keys, found, strict=True):
        if said is not None:
            words = said.split(b" ", 10)
            recorded_at, outcome, job_id, lateness, last, count, utc_offset, status, started, finished, reason = words
            rows.append(
                OccurrenceRow(
                    schedule_id,
                    nominal,
                    source,
                    outcome.decode(),
                    None if reason == b"-" else reason[1:].decode(),
                    None if job_id == b"-" else raw(job_id.decode()),
                    _number(lateness),
                    int(recorded_at),
                    _number(last),
                    int(count),
                    None if status == b"-" else status.decode(),
                    _number(started),
                    _number(finished),
                    _number(utc_offset),
                )
            )
    return rows


def write_occurrence(row: Row) -> tuple[str, str]:
    """Return a row of the ledger as its key and text."""
    said = OccurrenceRow(*row)
    words = (
        said.recorded_at,
        said.outcome,
        "-" if said.job_id is None else text(said.job_id),
        _word(said.lateness),
        _word(said.last),
        said.count,
        _word(said.utc_offset),
        said.job_status or "-",
        _word(said.job_started_at),
        _word(said.job_finished_at),
        "-" if said.reason is None else f"+{said.reason}",
    )
    return write_key(text(said.schedule_id), said.nominal, said.source), " ".join(map(str, words))


def read_tasks(keys: Sequence[Key], found: Any) -> list[Row]:
    """Return tasks of their JSON."""
    return [_task(read_task(key[0], said)) for key, said in zip(keys, found, strict=True) if said is not None]


def write_task_row(row: Row) -> tuple[str, str]:
    """Return a task as its name and JSON."""
    task = ReportedTask(*row)
    said = (
        task.queue, task.priority, task.max_crashes, task.expires_in, task.concurrency, task.rate, task.uniqueness,
        task.flow_key,
    )  # fmt: skip
    reported = TaskRow(name=task.name, canonical=task.canonical, defaults=task_defaults(said), signature=task.signature)
    return task.name, write_task(reported)


def read_flows(keys: Sequence[Key], found: Any) -> list[Row]:
    """Return flows of their fields, and of when they open."""
    rows: list[Row] = []
    for key, (task, concurrency, rate, openings, starts, opens_at, shut_at) in zip(keys, found, strict=True):
        if task is not None:
            counted = [[int(end), int(number)] for end, number in _START.findall((starts or b"").decode())]
            rows.append(
                FlowRow(
                    key[0],
                    task.decode(),
                    _number(concurrency),
                    None if rate is None else rate.decode(),
                    int(openings or 0),
                    orjson.dumps(counted).decode() if counted else None,
                    None if opens_at is None else int(float(opens_at)),
                    None if opens_at is None or shut_at is None else int(float(shut_at)),
                )
            )
    return rows


def write_flow(row: Row) -> tuple[str, str, bytes]:
    """Return a flow as copy_flows.lua takes it."""
    flow = FlowRow(*row)
    starts = () if flow.starts is None else orjson.loads(flow.starts)
    fields = {
        "concurrency": flow.concurrency,
        "rate": flow.rate,
        "openings": flow.openings or None,
        "starts": " ".join(f"{end}:{number}" for end, number in starts) or None,
        "opens_at": flow.opens_at,
        "shut_at": flow.shut_at,
    }
    if flow.rate is not None:
        limits = terms(task_defaults(("", 0, 0, None, None, flow.rate, None, None)))
        fields |= {"limit": limits["limit"], "period": limits["period"]}
    said = {name: str(value) for name, value in fields.items() if value is not None}
    return flow.flow, flow.task, orjson.dumps(said)


def read_queues(keys: Sequence[Key], found: Any) -> list[Row]:
    """Return paused queues of since when they are, and what is said about it."""
    rows: list[Row] = []
    for key, said in zip(keys, found, strict=True):
        if said is not None:
            since, separator, note = said.decode().partition(" ")
            rows.append(PausedQueue(key[0], int(since), note if separator else None))
    return rows


def write_queue(row: Row) -> tuple[str, str]:
    """Return a paused queue as its name and what is kept of it."""
    paused = PausedQueue(*row)
    return paused.queue, str(paused.since) if paused.note is None else f"{paused.since} {paused.note}"


def _task(row: TaskRow) -> ReportedTask:
    said = row.defaults
    return ReportedTask(
        row.name,
        row.canonical,
        said.queue,
        said.priority,
        said.max_crashes,
        None if said.expires_in is None else int(said.expires_in * 1_000_000),
        said.concurrency,
        said.rate,
        said.unique,
        said.key,
        row.signature,
    )


def _encoded(row: Row) -> Row:
    values = list(row)
    for place in _JSON_TEXT:
        values[place] = values[place].encode() if isinstance(values[place], str) else values[place]
    return tuple(values)


def _number(word: bytes | None) -> int | None:
    return None if word is None or word == b"-" else int(word)


def _word(number: int | None) -> str:
    return "-" if number is None else str(number)
