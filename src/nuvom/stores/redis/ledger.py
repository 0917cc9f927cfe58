"""The ledger beside the jobs: what became of each occurrence, and fences of schedules that are gone or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from nuvom._clock import to_us
from nuvom._ids import raw, text
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope
from nuvom.stores.redis.advancing import deliveries_as_json, pieces, refusals, told
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.definitions import definition_of, head_of, read_fence
from nuvom.stores.redis.occurrences import FIRST, LAST, bound, known_id, read_row, write_key, write_row
from nuvom.stores.values import Fence, Once, PlanItem, Refusal, Requested


class RedisLedger:
    """One row for each occurrence that came due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deliver(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Insert rows and jobs in a few scripts, for schedules kept elsewhere; returns what a fence refused."""
        answers = self._database.write_each("deliver", ([deliveries_as_json(part)] for part in pieces(items)))
        return [refused for answer in answers for refused in refusals(answer)]

    def request(self, item: PlanItem, once: Once) -> Requested:
        """Insert rows and jobs that somebody asked for; see `nuvom.stores.base.Ledger.request`."""
        reason, jobs = self._database.write("request", orjson.dumps(told(item)), once.value)
        refusal = Refusal(item.envelope.id, reason.decode()) if reason else None
        return Requested(frozenset(job.decode() for job in jobs), refusal)

    def requested(self, schedule_id: str, source: str) -> Occurrence | None:
        """Return a row of a request, the newest."""
        known = known_id(schedule_id)
        return self._first("requested", known, source) if known and source else None

    def fence(self, schedule_id: str) -> Fence | None:
        """Return the newest definition kept of a schedule that is gone or lives elsewhere."""
        known = known_id(schedule_id)
        if known is None:
            return None
        fence, definition = self._database.read("get_fence", known)
        return None if fence is None else read_fence(known, fence, definition or b"")

    def raise_fence(self, envelope: ScheduleEnvelope, expected: int | None, rows: Sequence[Occurrence] = ()) -> bool:
        """Keep a definition if the kept generation is `expected` (None: no fence); False: somebody was faster."""
        said = (
            text(raw(envelope.id)),
            "" if expected is None else expected,
            head_of(envelope),
            definition_of(envelope),
            1 if envelope.state.ended else "",
            orjson.dumps([write_row(row) for row in rows]),
        )
        return bool(self._database.write("raise_fence", *said))

    def fences(self, after: tuple[int, str], limit: int) -> list[Fence]:
        """Return fences by generation and id, those after this pair of them; none that are `done`."""
        generation, schedule_id = after
        found = self._database.read("fences", generation, schedule_id, limit) if limit > 0 else ((), (), ())
        return [
            read_fence(each.decode(), fence, definition or b"") for each, fence, definition in zip(*found, strict=True)
        ]

    def occurrences(
        self, schedule_id: str, limit: int, before: datetime | None = None, *, after: datetime | None = None
    ) -> list[Occurrence]:
        """Return rows, newest nominal first, with after <= nominal < before."""
        known = known_id(schedule_id)
        if known is None:
            return []
        rows = self._database.read("occurrences", known, bound(after, FIRST), bound(before, LAST), limit)
        return [read_row(row) for row in rows]

    def occurrence(self, schedule_id: str, nominal: datetime, source: str = "") -> Occurrence | None:
        """Return one row."""
        known = known_id(schedule_id)
        return self._first("occurrence", write_key(known, to_us(nominal), source)) if known else None

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which of these schedules may not start another run now, by the overlap that each has."""
        known = {each: overlap.value for each, overlap in asked.items() if known_id(each)}
        if not known:
            return frozenset()
        return frozenset(each.decode() for each in self._database.read("blocked", orjson.dumps(known)))

    def open_runs(self, schedule_id: str, limit: int) -> int:
        """Count a schedule's jobs that are not final, up to `limit`; backfills do not count."""
        known = known_id(schedule_id)
        return min(int(self._database.read("open_runs", known)), limit) if known else 0

    def _first(self, script: str, *words: str) -> Occurrence | None:
        rows = self._database.read(script, *words)
        return read_row(rows[0]) if rows else None
