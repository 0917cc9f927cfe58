"""Claims: ready jobs become a worker's, in one script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import orjson

from nuvom._clock import from_us, to_us
from nuvom._job import ClaimedJob, JobError
from nuvom.errors import StoreError
from nuvom.stores.redis.bodies import ClaimedJobs
from nuvom.stores.redis.database import Argument, Database
from nuvom.stores.rows import write_error
from nuvom.stores.values import Claim, Order


def claim(database: Database, wanted: Claim) -> list[ClaimedJob]:
    """Turn ready jobs into running ones of `wanted.worker`; see `JobStore.claim`."""
    if wanted.limit <= 0:
        return []
    queues = b"" if wanted.queues is None else orjson.dumps(list(dict.fromkeys(wanted.queues)))
    latest = b"" if wanted.ready_by is None else to_us(wanted.ready_by)
    if wanted.order is Order.SUSPECT:
        answer = database.write("claim_suspect", wanted.worker, queues, as_json(wanted.excluding), latest)
    else:
        how = "fair" if wanted.order is Order.FAIR else "best"
        answer = _resumed(
            database.write, "claim", wanted.worker, wanted.limit, queues, as_json(wanted.excluding), how, latest
        )
    return _decoded(database, wanted.worker, answer) if answer else []


def _resumed(run: Callable[..., Any], script: str, *words: Argument) -> Any:
    """Run a script that stops after a while and says where it is to go on, until it has an answer."""
    after: bytes = b""
    while True:
        match run(script, *words, after):
            case bytes(after) | [bytes(after)]:
                continue
            case answer:
                return answer


def as_json(names: Collection[str]) -> bytes:
    """Return names as scripts take them; nothing for none."""
    return orjson.dumps(list(names)) if names else b""


def _decoded(database: Database, worker: str, answer: Sequence[Any]) -> list[ClaimedJob]:
    started_us, changing, bodies = answer
    decode = ClaimedJobs(from_us(int(started_us))).job
    jobs: list[ClaimedJob] = []
    for each, body in zip(changing, bodies, strict=True):
        try:
            jobs.append(decode(each, body))
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            with suppress(StoreError):  # it stays the worker's until that leaves; the others must not be lost with it
                database.write("fail_corrupt", worker, each[0], each[6] if len(each) > 6 else 1, _corrupt(error))
    return jobs


def _corrupt(error: Exception) -> bytes:
    return write_error(JobError("corrupt", message=f"the stored job does not decode: {error}"))


def has_ready(
    database: Database, queues: tuple[str, ...] | None, excluding: Collection[str], ready_by: int | None
) -> bool:
    """Tell whether a claim of the same would find something, suspects included."""
    return bool(_resumed(database.read, "has_ready", *_asked(queues, excluding, ready_by)) == 1)


def has_suspects(database: Database, queues: tuple[str, ...] | None, ready_by: int | None) -> bool:
    """Tell whether a suspect is ready."""
    return bool(database.read("has_suspects", *_asked(queues, (), ready_by)) == 1)


def _asked(queues: tuple[str, ...] | None, excluding: Collection[str], ready_by: int | None) -> list[Argument]:
    wanted = b"" if queues is None else orjson.dumps(list(dict.fromkeys(queues)))
    return [wanted, as_json(excluding), b"" if ready_by is None else ready_by]
