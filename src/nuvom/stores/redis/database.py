"""One server: its scripts, its clock, and what errors mean."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from redis import exceptions

from nuvom._clock import SYSTEM_CLOCK, Clock, from_us, to_us
from nuvom._crashpoint import reached
from nuvom._joined import current
from nuvom.errors import StoreUnusable
from nuvom.stores import forks
from nuvom.stores.redis import meta
from nuvom.stores.redis.address import Address, Layout, Node
from nuvom.stores.redis.connections import Connections, NotSent, Wire, call
from nuvom.stores.redis.failures import is_elsewhere, is_lost, translated, word_of
from nuvom.stores.redis.scripts import Script, load

_STALE = 10.0  # seconds after which the server is asked again what time it is, and whether it is still the same store

Argument = bytes | str | int | float

_EMPTIED = (
    "%s lost all that it kept since this process began: it was emptied (FLUSHALL, FLUSHDB), or began anew without what "
    "it had on disk; the jobs and schedules that it held are gone, and this process goes on with what comes now"
)
_FORBIDDEN = (
    "%s: this user may not run %s on keys that begin with %s, so that scripts would end halfway; docs/redis.md says "
    "what it needs"
)

log: logging.Logger = logging.getLogger("nuvom.redis")


class Database:
    """The connections to a server, and what is run there.

    Args:
        address: where it is.
        clock: what `now` counts by; the system's stands for the server's own, as every process sees it.
        busy_timeout: how many seconds a caller waits for an answer; None: as a service does.
    """

    def __init__(self, address: Address, *, clock: Clock, busy_timeout: float | None) -> None:
        self.address: Address = address
        self.connections: Connections = Connections(address, busy_timeout)
        self._clock = None if clock is SYSTEM_CLOCK else clock
        self._checked = False
        self._born: bytes | None = None
        self._seen: tuple[int, float] | None = None  # the server's clock, and this host's monotonic one then
        self._begin_anew()
        forks.watch(self)

    @property
    def channel(self) -> bytes:
        """What wake-ups are published on."""
        return self.address.prefix + b"wake"

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
            return self.look().now_us
        return seen[0] + int((time.monotonic() - seen[1]) * 1_000_000)

    def look(self, *, only: bool = False) -> meta.Meta:
        """Ask a server what time it is and which store it keeps, and say so where that is another one than before.

        Args:
            only: whether a store that is not there yet stays so.

        Raises:
            SchemaTooNew: a release wrote there that this one cannot work beside.
        """
        said = (meta.SCHEMA, meta.COMPATIBLE_FROM, "" if only else uuid4().hex)
        found = meta.read_meta(self._evaluated(load("look"), said, changes=False))
        self._seen = found.now_us, time.monotonic()
        meta.refuse_newer(found, self.address.url)
        with self._lock:
            born, self._born = self._born, found.born or None
        if born is not None and born != found.born:
            log.error(_EMPTIED, self.address.url)
        return found

    def check(self) -> None:
        """See once that the server can keep a store, and that this release and user can use what is there.

        Raises:
            StoreUnusable: they cannot.
        """
        if self._checked:
            return
        meta.refuse_old(meta.read_version(meta.read_info(self._repeated(_info, changes=False))), self.address.url)
        self.look()
        if missing := self._evaluated(load("rights"), (uuid4().hex,), changes=False):
            words = ", ".join(each.decode() for each in missing)
            raise StoreUnusable(_FORBIDDEN % (self.address.url, words, self.address.prefix.decode()))
        self._checked = True

    def read(self, name: str, *arguments: Argument) -> Any:
        """Run a script that changes nothing; once more where its answer was lost."""
        self.check()
        return self._evaluated(load(name), arguments, changes=False)

    def write(self, name: str, *arguments: Argument) -> Any:
        """Run a script, all of it or nothing.

        Raises:
            StoreUnavailable: the server is away; with `unknown` where its answer did not come.
        """
        return self._written(name, arguments)

    def write_each(self, name: str, told: Iterator[Sequence[Argument]]) -> Iterator[Any]:
        """Run a script once with each of some arguments; what comes next is made while the server is at work."""
        following = [next(told, None)]

        def go_on() -> None:
            if not following:  # else this one is sent again
                following.append(next(told, None))

        while (arguments := following.pop()) is not None:
            yield self._written(name, arguments, go_on)

    def _written(self, name: str, arguments: Sequence[Argument], meanwhile: Callable[[], None] | None = None) -> Any:
        current(self)
        self.check()
        reached("store.commit")
        answer = self._evaluated(load(name), arguments, changes=True, meanwhile=meanwhile)
        reached("store.committed")
        return answer

    def command(self, *words: Argument) -> Any:
        """Run a command that changes nothing."""
        return self._repeated(lambda connection: call(connection, *words), changes=False)

    def close(self) -> None:
        """Close every connection; using the database afterwards raises StoreUnavailable."""
        self.connections.close()

    def hold(self, seconds: float) -> bool:
        """Do nothing before a fork: the lock is never held for long."""
        return False

    def let_go(self) -> None:
        """Do nothing: nothing was held."""

    def close_connections(self) -> None:
        """Do nothing: nothing was held."""

    def abandon(self) -> None:
        """In the child of a fork: leave behind a lock that a thread may hold that is not in this process."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()

    def _evaluated(
        self,
        script: Script,
        arguments: Sequence[Argument],
        *,
        changes: bool,
        meanwhile: Callable[[], None] | None = None,
    ) -> Any:
        said = (script.sha, 1, self.address.prefix, self.given_now, *arguments)

        def evaluate(connection: Wire) -> Any:
            try:
                return call(connection, "EVALSHA", *said, meanwhile=meanwhile)
            except exceptions.NoScriptError:  # a server that is new, or was told to forget its scripts
                return call(connection, "EVAL", script.source, *said[1:])

        return self._repeated(evaluate, changes=changes)

    def _repeated(self, attempt: Callable[[Wire], Any], *, changes: bool) -> Any:
        """Take a connection and let `attempt` use it; once more where that cannot do anything twice."""
        for repeats in (True, False):
            connection, new = self.connections.take()
            try:
                answer = attempt(connection)
            except exceptions.RedisError as error:
                self._give_back(connection, error)
                if not (repeats and self._may_repeat(error, new=new, changes=changes)):
                    sent = changes and not isinstance(error, NotSent)
                    raise translated(error, self.address.url, sent=sent) from error
            except BaseException:
                self.connections.discard(connection, all_of_them=False)
                raise
            else:
                self.connections.give(connection)
                return answer
        raise AssertionError("unreachable")

    def _give_back(self, connection: Wire, error: exceptions.RedisError) -> None:
        if is_elsewhere(error):
            self.connections.discard(connection, all_of_them=True)
            self.connections.moved(_named_by(error, connection))
        elif is_lost(error):
            self.connections.discard(connection, all_of_them=True)
            self._checked = False  # what answers next may be another server, or the same one without what it kept
        else:
            self.connections.give(connection)

    def _may_repeat(self, error: exceptions.RedisError, *, new: bool, changes: bool) -> bool:
        """Tell whether what failed may be done on another connection: it was not done, or does nothing."""
        if isinstance(error, NotSent):
            return True
        if is_elsewhere(error):  # by now another server may be found, unless this one just was
            return self.address.layout is not Layout.SERVER or (not new and word_of(error) == "READONLY")
        # Who has waited in vain for as long as a caller waits does not wait as long again.
        return not changes and is_lost(error) and not isinstance(error, exceptions.TimeoutError)


def _info(connection: Wire) -> Any:
    """Ask what a server is; nothing where this user may not."""
    try:
        return call(connection, "INFO", "server")
    except exceptions.NoPermissionError:
        return b""


def _named_by(error: exceptions.RedisError, connection: Wire) -> Node | None:
    """Return the node that a cluster's server named instead of itself, None where it named none."""
    if not isinstance(error, exceptions.MovedError):
        return None
    return Node(error.host or getattr(connection, "host", ""), int(error.port))
