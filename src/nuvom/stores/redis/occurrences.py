"""Rows of the ledger as the server keeps them: by keys whose texts are in the order of times, as words and a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nuvom._clock import to_us
from nuvom._ids import is_uuid, raw, text
from nuvom._schedule import Occurrence
from nuvom.stores.rows import read_occurrence

FIRST, LAST = "", ":"  # before and after every nominal time that a key can have
_MICROSECOND = timedelta(microseconds=1)
_DIGITS = 18  # microseconds until the year 9999
_TURNED = str.maketrans("0123456789", "9876543210")
_ID = 36


class Key(NamedTuple):
    """What a row is the only one of."""

    schedule_id: str
    nominal: int
    source: str


def write_key(schedule_id: str, nominal_us: int, source: str) -> str:
    """Return the key of a row."""
    return f"{schedule_id}|{write_nominal(nominal_us)}|{source}"


def write_nominal(microseconds: int) -> str:
    """Return a nominal time as keys have it: their order is that of the times, also of those before 1970."""
    if microseconds < 0:
        return "0" + f"{-microseconds:0{_DIGITS}}".translate(_TURNED)
    return f"1{microseconds:0{_DIGITS}}"


def read_key(key: bytes) -> Key:
    """Return what a key says."""
    said = key.decode()
    nominal, source = said[_ID + 1 : _ID + 2 + _DIGITS], said[_ID + 3 + _DIGITS :]
    digits = nominal[1:]
    return Key(said[:_ID], int(digits) if nominal[0] == "1" else -int(digits.translate(_TURNED)), source)


def write_row(row: Occurrence) -> list[str]:
    """Return a row as `Ledger.record` of ledger.lua takes it: its key, its words, and its reason if it has one."""
    job_id = "-" if row.job_id is None else row.job_id
    lateness = "-" if row.lateness is None else row.lateness // _MICROSECOND
    last = "-" if row.last is None else to_us(row.last)
    utc_offset = "-" if row.utc_offset is None else row.utc_offset
    told = [
        write_key(text(raw(row.schedule_id)), to_us(row.nominal), row.source),
        f"{row.outcome.value} {job_id} {lateness} {last} {row.count} {utc_offset}",
    ]
    return told if row.reason is None else [*told, row.reason]


def read_row(told: Sequence[Any]) -> Occurrence:
    """Return a row as `Ledger.told` of ledger.lua tells it: its key, its text, and how its job is, if that speaks."""
    key, said, *job = told
    recorded_at, outcome, job_id, lateness, last, count, utc_offset, *own, reason = said.split(b" ", 10)
    status, started_at, finished_at = job or own
    schedule_id, nominal, source = read_key(key)
    return read_occurrence(
        (
            raw(schedule_id),
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
            _number(started_at),
            _number(finished_at),
            _number(utc_offset),
        )
    )


def known_id(schedule_id: str) -> str | None:
    """Return an id as keys have it; None for text that is none."""
    return schedule_id.lower() if is_uuid(schedule_id) else None


def bound(at: datetime | None, instead: str) -> str:
    """Return the bound of a page as keys have it."""
    return instead if at is None else write_nominal(to_us(at))


def _number(word: bytes) -> int | None:
    return None if word == b"-" else int(word)
