"""Pages of schedules that fit: scripts pass over in short steps what cannot, and the rest is looked at here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import orjson

from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.definitions import Stored, told
from nuvom.stores.values import ScheduleFilter

_STEP = 1_000  # schedules that one script looks at: some milliseconds


def pages(
    database: Database,
    read: Callable[[Sequence[Stored]], list[ScheduleEnvelope]],
    wanted: ScheduleFilter,
    limit: int,
    before: str | None,
) -> list[ScheduleEnvelope]:
    """Return at most `limit` schedules that fit, newest first.

    Args:
        database: where they are.
        read: makes envelopes of them.
        wanted: which ones.
        limit: how many.
        before: the id after which the page begins; None: at the newest.
    """
    found: list[ScheduleEnvelope] = []
    said = _said(wanted)
    fits = _fitting(wanted)
    place = b""
    while len(found) < limit:
        left = limit - len(found)
        place, page = database.read("list_schedules", before or "", place, said, left, _STEP)
        found += [envelope for envelope in read(told(page)) if fits(envelope)]
        if not place:
            break
    return found


def _said(wanted: ScheduleFilter) -> bytes:
    """Return what a script can tell apart: texts that the definitions of those that fit have in them.

    A definition is written in one way, and texts inside its texts have their quotation marks escaped: so what is found
    is the column itself. Of a pattern that is the beginning of the name.
    """
    texts = [
        f'"{column}":{_json(value)}'
        for column, value in (("task", wanted.task), ("origin", wanted.origin))
        if value is not None
    ]
    if wanted.name_like is not None:
        first, star, _ = wanted.name_like.partition("*")
        texts.append(f'"name":{_json(first)}'[: -1 if star else None])
    state = {} if wanted.state is None else {"state": wanted.state.value}
    return orjson.dumps({"texts": texts, **state})


def _json(value: str) -> str:
    return orjson.dumps(value).decode()


def _fitting(wanted: ScheduleFilter) -> Callable[[ScheduleEnvelope], bool]:
    """Return what tells whether a schedule fits."""
    pattern = None if wanted.name_like is None else re.compile(_pattern(wanted.name_like), re.DOTALL)

    def fits(envelope: ScheduleEnvelope) -> bool:
        return (
            wanted.task in {None, envelope.task}
            and wanted.state in {None, envelope.state}
            and wanted.origin in {None, envelope.origin}
            and (pattern is None or (envelope.name is not None and pattern.fullmatch(envelope.name) is not None))
            and all(_holds(envelope, name, value) for name, value in (wanted.metadata or {}).items())
        )

    return fits


def _holds(envelope: ScheduleEnvelope, name: str, value: object) -> bool:
    held = envelope.metadata.get(name, ...)
    return type(held) is type(value) and held == value


def _pattern(name_like: str) -> str:
    """Return a pattern in which only `*` is special as a regular expression."""
    return ".*".join(re.escape(part) for part in name_like.split("*"))
