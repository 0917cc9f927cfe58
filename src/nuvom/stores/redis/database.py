"""One server: its scripts, its clock, and what errors mean."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from nuvom._clock import SYSTEM_CLOCK, Clock, from_us, to_us
from nuvom._crashpoint import reached
from nuvom._joined import current
from nuvom.errors import StoreUnavailable
from nuvom.stores.redis.address import Address
from nuvom.stores.redis.failures import is_lost, translated
from nuvom.stores.redis.scripts import Script, load

_PATIENCE = 15.0  # seconds that a service waits for an answer before it takes the network for dead: half a lease
_STALE = 10.0  # seconds after which the server is asked again what time it is

Argument = bytes | str | int | float


class Database:
    """The connections to a server, and what is run there.

    Args:
        address: where it is.
        clock: what `now` counts by; the system's stands for the server's own, as every process sees it.
        busy_timeout: how many seconds a caller waits for an answer; None: as a service does.
    """

    def __init__(self, address: Address, *, clock: Clock, busy_timeout: float | None) -> None:
        self.address = address
        self._patience = _PATIENCE if busy_timeout is None else busy_timeout
        self._clock = None if clock is SYSTEM_CLOCK else clock
        self._lock = threading.Lock()
        self._client: redis.Redis | None = None
        self._closed = False
        self._seen: tuple[int, float] | None = None  # the server's clock, and this host's monotonic one then

    @property
    def client(self) -> redis.Redis:
        """The driver's client, which connects when it is first used."""
        if self._closed:
            raise StoreUnavailable(f"the store {self.address.url} was closed")
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = self.connect()
        return self._client

    def connect(self) -> redis.Redis:
        """Return a client of its own, which never repeats what it sent: only who asked knows whether that is right."""
        return redis.Redis.from_url(
            self.address.driver_url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=self._patience,
            socket_connect_timeout=min(5.0, self._patience),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    @property
    def given_now(self) -> bytes:
        """What scripts are told of the time: nothing, so that they ask the server; in a test its virtual clock."""
        return b"" if self._clock is None else b"%d" % to_us(self._clock.now())

    def now(self) -> datetime:
        """Return the server's wall time, to some milliseconds: it is asked now and then, and never runs ahead."""
        return from_us(self.now_us())

    def now_us(self) -> int:
        """Return the same as microseconds since 1970."""
        if self._clock is not None:
            return to_us(self._clock.now())
        seen = self._seen
        if seen is None or time.monotonic() - seen[1] > _STALE:
            seconds, microseconds = self.command("TIME")
            self._seen = seen = int(seconds) * 1_000_000 + int(microseconds), time.monotonic()
        return seen[0] + int((time.monotonic() - seen[1]) * 1_000_000)

    def read(self, name: str, *arguments: Argument) -> Any:
        """Run a script that changes nothing; once more where its answer was lost."""
        return self._run(load(name), arguments, changes=False)

    def write(self, name: str, *arguments: Argument) -> Any:
        """Run a script, all of it or nothing.

        Raises:
            StoreUnavailable: the server is away; with `unknown` where its answer did not come.
        """
        return self._run(load(name), arguments, changes=True)

    def command(self, *words: Argument) -> Any:
        """Run a command that changes nothing."""
        try:
            return _called(self.client, *words)
        except exceptions.RedisError as error:
            raise translated(error, self.address.url) from error

    def close(self) -> None:
        """Close every connection; using the database afterwards raises StoreUnavailable."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _run(self, script: Script, arguments: tuple[Argument, ...], *, changes: bool) -> Any:
        if changes:
            current(self)
            reached("store.commit")
        said = (script.sha, 1, self.address.prefix, self.given_now, *arguments)
        try:
            answer = self._evaluated(script, said)
        except exceptions.RedisError as error:
            if changes or not is_lost(error):
                raise translated(error, self.address.url, sent=changes) from error
            try:
                answer = self._evaluated(script, said)
            except exceptions.RedisError as again:
                raise translated(again, self.address.url) from again
        if changes:
            reached("store.committed")
        return answer

    def _evaluated(self, script: Script, said: tuple[Any, ...]) -> Any:
        try:
            return _called(self.client, "EVALSHA", *said)
        except exceptions.NoScriptError:  # a server that is new, or was told to forget its scripts
            return _called(self.client, "EVAL", script.source, *said[1:])


def _called(client: redis.Redis, *words: Argument) -> Any:
    return client.execute_command(*words)  # type: ignore[no-untyped-call]  # the driver's own lacks them
