"""Wake-ups: one connection a process that subscribes for all of its sleepers, and a look at times while it is gone."""

from __future__ import annotations

import logging
import random
import socket
import time

from redis import exceptions

from nuvom.errors import StoreUnavailable
from nuvom.stores import ears
from nuvom.stores.redis.connections import Wire
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.failures import translated

log: logging.Logger = logging.getLogger("nuvom.redis")


class Hub(ears.Hub[Wire]):
    """The ears of one process, which hear what `Wake.say` of store.lua says."""

    def __init__(self, database: Database) -> None:
        self._database = database
        super().__init__(database.address.url, log)

    def _opened(self) -> Wire:
        return self._database.connections.open(ears.PATIENCE)

    def _end(self, connection: Wire) -> None:
        connection.disconnect()

    def _forsake(self, connection: Wire) -> None:
        connection.disconnect()  # only this process's number of it: the driver sees that another opened it

    def _subscribe(self, connection: Wire) -> bool:
        connection.send_command("SUBSCRIBE", self._database.channel)
        connection.read_response()
        return True

    def _hear(self, connection: Wire, bell: socket.socket) -> None:
        """Pass on what is said until the bell rings."""
        probe_at = time.monotonic() + ears.PROBE
        heard_at, asked_at = 0.0, None
        while not self._closed:
            until = probe_at if asked_at is None else asked_at + ears.PATIENCE
            ready = ears.readable([number_of(connection), bell.fileno()], until - time.monotonic())
            if bell.fileno() in ready:
                return
            if ready and time.monotonic() - heard_at < ears.BURST:
                time.sleep(ears.BURST)
            while connection.can_read():
                said = connection.read_response()
                if said[0] == b"message":
                    self._tell(said[2].decode(errors="replace"))
                elif said[0] == b"pong":
                    asked_at, probe_at = None, time.monotonic() + ears.PROBE * random.uniform(0.8, 1.2)
            heard_at = time.monotonic()
            # However much is heard: servers and what is in between end connections that say nothing.
            if asked_at is None and heard_at >= probe_at:
                connection.send_command("PING")
                asked_at = heard_at
            elif asked_at is not None and heard_at >= asked_at + ears.PATIENCE:
                raise StoreUnavailable(f"{self._url} does not answer who listens")

    def _translated(self, error: Exception) -> Exception:
        return translated(error, self._url) if isinstance(error, exceptions.RedisError) else error


def number_of(connection: Wire) -> int:
    """Return the number of a connection's socket, so that it is waited for together with the bell."""
    opened = getattr(connection, "_sock")  # noqa: B009  the driver can wait for it, but for nothing beside it
    if opened is None:
        raise StoreUnavailable("the connection was closed")
    number: int = opened.fileno()
    return number
