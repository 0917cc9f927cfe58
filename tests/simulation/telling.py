"""How a trace tells a call: what matters of each value, in a line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nuvom._job import ClaimedJob, NewJob, Outcome
from nuvom._schedule import ScheduleEnvelope
from nuvom.stores.values import PlanItem, Upserted, WorkerInfo

_LONGEST = 120


def told(face: str, method: str, args: tuple[Any, ...], answer: Any) -> str:
    """Return a call and its answer as text."""
    return f"{face}.{method}({', '.join(map(short, args))}) -> {short(answer)}"


def short(value: Any) -> str:
    """Return a value as short text."""
    match value:
        case ScheduleEnvelope():
            next_run = value.state.value if value.next_run is None else f"next {short(value.next_run)}"
            return f"<{value.name or value.id[-6:]} of generation …{value.generation % 1_000_000:06d}, {next_run}>"
        case PlanItem():
            rows = ", ".join(f"{short(row.nominal)} {row.outcome}" for row in value.occurrences)
            return f"{short(value.envelope)} [{rows}] then {short(value.next_run)}"
        case Upserted():
            return f"{value.change} {short(value.envelope)}"
        case Outcome():
            return f"<job {value.job.id[-6:]} attempt {value.job.attempt} {value.verdict}>"
        case NewJob() | ClaimedJob():
            return f"<job {value.id[-6:]} {value.arguments.decode()}>"
        case WorkerInfo():
            return f"<{value.kind} {value.id[-6:]}>"
        case datetime():
            return f"{value:%d %H:%M:%S.%f}"
        case list() | tuple() if not hasattr(value, "_fields"):
            return f"[{', '.join(map(short, value[:4]))}{', …' if len(value) > 4 else ''}]"
        case str() if len(value) > 30:
            return f"…{value[-6:]}"
        case _:
            text = str(value)
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
