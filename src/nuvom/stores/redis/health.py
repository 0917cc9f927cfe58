"""What `doctor` reads of a server: how it keeps what it was told, and what it may throw away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

from redis import exceptions

from nuvom.errors import StoreError
from nuvom.stores.ears import readable
from nuvom.stores.redis import meta
from nuvom.stores.redis.connections import PATIENCE, Wire, call
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.failures import translated
from nuvom.stores.redis.listener import number_of
from nuvom.stores.values import Health

_APART = 5.0  # seconds between two clocks from which people misread what they are shown
_AUDIBLE = 1.0  # seconds within which a wake-up must come
_SLOW = 0.05  # seconds that an answer should never take
_FULL = 0.9  # of the memory, or of the connections
_TRIES = 3  # of clock and answers; the quickest is the most exact
_ASKED = ("appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy", "min-replicas-to-write", "maxclients")

_Settings = dict[str, str]


class _Look(NamedTuple):
    """What one look found: a fact, and what is to be mended."""

    fact: str
    problems: tuple[str, ...] = ()
    dangers: tuple[str, ...] = ()


def health(database: Database) -> Health:
    """Say how the store is.

    Raises:
        StoreError: the server is away, or refuses this user.
    """
    found = database.look(only=True)
    connection = database.connections.open(PATIENCE)
    try:
        info = _info(connection)
        settings = _settings(connection)
        looks = {
            "durability": lambda: durability(settings, info),
            "memory": lambda: memory(settings, info),
            "replicas": lambda: _replicas(settings, info),
            "offset": lambda: _offset(connection),
            "latency": lambda: _latency(connection),
            "connections": lambda: _connections(settings, info, database),
            "rights": lambda: _rights(database),
            "wake-ups": lambda: _wake_ups(database, connection),
        }
        seen = {name: _guarded(name, look, database) for name, look in looks.items()}
    finally:
        connection.disconnect()
    version = meta.read_version(info)
    return Health(
        engine=version.name.lower(),
        version=version.number or "unknown",
        schema=found.schema,
        schema_needed=meta.SCHEMA,
        location=database.address.url,
        size=int(info.get("used_memory", "0")),
        problems=tuple(problem for look in seen.values() for problem in look.problems),
        dangers=tuple(danger for look in seen.values() for danger in look.dangers),
        facts={name: look.fact for name, look in seen.items() if look.fact},
    )


def durability(settings: _Settings, info: dict[str, str]) -> _Look:
    """Say what a server that is killed, or whose host loses power, has when it is back."""
    if not settings and not info:
        return _Look("unknown: this user may run neither CONFIG GET nor INFO; ask who runs the server")
    appends = settings.get("appendonly", "yes" if info.get("aof_enabled") == "1" else "no")
    problems = [
        f"{name} failed last: its disk may be full; see its log"
        for field, name in (("aof_last_write_status", "writing the AOF"), ("rdb_last_bgsave_status", "saving to disk"))
        if info.get(field, "ok") != "ok"
    ]
    if appends == "yes":
        synced = settings.get("appendfsync")
        fact = {
            "always": "every change is on disk before it is answered (appendfsync always): nothing is lost",
            "everysec": "changes are on disk within a second (appendfsync everysec): a power cut, or a server that is "
            "killed, loses at most what came within the last one",
            "no": "the system decides when changes are on disk (appendfsync no): a power cut may lose half a minute",
        }.get(synced or "", "changes are appended to a log; this user may not read how soon it is on disk (CONFIG GET)")
        return _Look("" if problems else fact, tuple(problems))
    saves = settings.get("save")
    if saves is None:
        lost = "all changes since the last snapshot, if there are any: this user may not read it (CONFIG GET)"
    elif saves:
        lost = f"all changes since the last snapshot (save {saves})"
    else:
        lost = "all jobs and schedules: it saves nothing to disk"
    problems.append(
        f"a server that is restarted loses {lost}; set appendonly yes, and appendfsync always where an accepted job "
        "must never be lost: see docs/redis.md"
    )
    return _Look("", tuple(problems))


def memory(settings: _Settings, info: dict[str, str]) -> _Look:
    """Say how much there is, and refuse a policy by which a server throws jobs away."""
    used = int(info.get("used_memory", "0"))
    most = int(settings.get("maxmemory", info.get("maxmemory", "0")))
    policy = settings.get("maxmemory-policy", info.get("maxmemory_policy"))
    text = f"{used >> 20} MiB used"
    if policy is None:
        return _Look(f"{text}; this user may not read maxmemory-policy, which must be noeviction")
    if policy.startswith("allkeys"):
        danger = f"maxmemory-policy {policy} throws away jobs and schedules once memory is short: set it to noeviction"
        return _Look("", dangers=(danger,))
    if most and used > _FULL * most:
        return _Look("", (f"{text} of {most >> 20} MiB: raise maxmemory, or keep less (NUVOM_KEEP_JOBS)",))
    bound = (
        f"of {most >> 20} MiB" if most else "without a bound: set maxmemory, so that the system does not end the server"
    )
    # What ends by itself is only what is counted for people and who waits for a result; see the test of that.
    eviction = policy if policy == "noeviction" else f"{policy}, which can throw away counts of throughput and no job"
    return _Look(f"{text} {bound}; {eviction}")


def _replicas(settings: _Settings, info: dict[str, str]) -> _Look:
    if info.get("role") == "slave":
        return _Look("", ("it is a replica, which takes no writes: name the primary, or sentinels",))
    if "connected_slaves" not in info:
        return _Look("unknown: this user may not run INFO")
    count = int(info["connected_slaves"])
    if not count:
        return _Look("none")
    least = settings.get("min-replicas-to-write", "unknown")
    lag = max(
        (int(word.partition("=")[2]) for name, said in info.items() if name.startswith("slave")
         for word in said.split(",") if word.startswith("lag=")),
        default=0,
    )  # fmt: skip
    return _Look(
        f"{count}, {lag} s behind at most; min-replicas-to-write {least}; what one lacks is lost at a failover"
    )


def _offset(connection: Wire) -> _Look:
    answers = []
    for _ in range(_TRIES):
        began, wall = time.monotonic(), time.time()
        seconds, microseconds = call(connection, "TIME")
        took = time.monotonic() - began
        answers.append((took, int(seconds) + int(microseconds) / 1_000_000 - wall - took / 2))
    _, apart = min(answers)
    fact = f"the server's clock, which rules, is {abs(apart):.3f} s {'ahead of' if apart > 0 else 'behind'} this host's"
    if abs(apart) > _APART:
        return _Look("", (f"{fact}: see to chrony or ntpd on both",))
    return _Look(fact)


def _latency(connection: Wire) -> _Look:
    took = []
    for _ in range(_TRIES):
        began = time.monotonic()
        call(connection, "PING")
        took.append(time.monotonic() - began)
    text = f"{min(took) * 1_000:.1f} ms until an answer"
    if min(took) > _SLOW:
        return _Look("", (f"{text}: look at SLOWLOG GET and LATENCY DOCTOR, and at the way there",))
    return _Look(text)


def _connections(settings: _Settings, info: dict[str, str], database: Database) -> _Look:
    if "connected_clients" not in info:
        return _Look("unknown: this user may not run INFO")
    count, most = int(info["connected_clients"]), int(settings.get("maxclients", info.get("maxclients", "0")))
    text = f"{count} of {most}" if most else str(count)
    if most and count > _FULL * most:
        return _Look("", (f"{text} connections are in use: raise maxclients, or lower ?pool= of each process",))
    return _Look(f"{text}, at most {database.address.pool} + 1 of each process")


def _rights(database: Database) -> _Look:
    database.check()
    return _Look("this user may run all that scripts call")


def _wake_ups(database: Database, connection: Wire) -> _Look:
    """Send a wake-up to nobody, and see whether it comes."""
    word = f"doctor-{uuid4().hex}".encode()
    ear = database.connections.open(_AUDIBLE)
    try:
        call(ear, "SUBSCRIBE", database.channel)
        call(connection, "PUBLISH", database.channel, word)
        said = time.monotonic()
        while (left := said + _AUDIBLE - time.monotonic()) > 0:
            readable([number_of(ear)], left)
            while ear.can_read():
                if ear.read_response()[2] == word:
                    return _Look(f"by a subscription, {(time.monotonic() - said) * 1_000:.1f} ms after they were said")
    finally:
        ear.disconnect()
    return _Look("", (f"a wake-up did not come within {_AUDIBLE:g} s: what is in between keeps it",))


def _guarded(name: str, look: Callable[[], _Look], database: Database) -> _Look:
    """Look, and go on where that fails: what one look is refused says nothing about the others."""
    try:
        return look()
    except StoreError as error:
        return _Look("", (f"{name}: {error}",))
    except exceptions.RedisError as error:
        return _Look("", (f"{name}: {translated(error, database.address.url)}",))


def _info(connection: Wire) -> dict[str, str]:
    """Return all that INFO says; nothing where this user may not run it."""
    with suppress(exceptions.ResponseError):
        return meta.read_info(call(connection, "INFO"))
    return {}


def _settings(connection: Wire) -> _Settings:
    """Return the settings that matter; services that run servers for others often show none."""
    return dict(_each_setting(connection))


def _each_setting(connection: Wire) -> Iterator[tuple[str, str]]:
    for name in _ASKED:
        with suppress(exceptions.ResponseError):
            answer = [word.decode() for word in call(connection, "CONFIG", "GET", name)]
            yield from zip(answer[::2], answer[1::2], strict=True)
