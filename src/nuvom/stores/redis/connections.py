"""Connections to the server that takes writes: a few that are used again, opened by whoever needs one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from redis import exceptions
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from nuvom.errors import StoreBusy, StoreUnavailable, StoreUnusable
from nuvom.stores import forks
from nuvom.stores.redis.address import Address, Layout, Node
from nuvom.stores.redis.failures import translated

PATIENCE = 15.0  # seconds that a service waits for an answer before it takes the network for dead: half a lease
_CONNECTING = 5.0  # seconds
_LEAST = 0.05  # seconds, as no answer comes within none


class Wire(Protocol):
    """A connection of the driver, whose own methods have no types."""

    def connect(self) -> None:
        """Connect, where it is not."""
        ...

    def disconnect(self) -> None:
        """End it; in a process that did not open it, only this process's number of it."""
        ...

    def send_command(self, *words: bytes | str | float) -> None:
        """Send a command."""
        ...

    def read_response(self) -> Any:
        """Wait for an answer."""
        ...

    def can_read(self) -> bool:
        """Tell whether something came."""
        ...


class NotSent(exceptions.ConnectionError):
    """A connection ended before all of a command was sent, so that the server cannot have done it."""


class Connections:
    """The connections of one process.

    Args:
        address: where to.
        busy_timeout: how many seconds a caller waits for one of them, and for an answer; None: as a service does.
    """

    def __init__(self, address: Address, busy_timeout: float | None) -> None:
        self.address = address
        self.patience: float = PATIENCE if busy_timeout is None else max(_LEAST, busy_timeout)
        self._closed = False
        self._learnt: list[Node] = []  # nodes of a cluster beside those that the URL names
        self._owner: Node | None = None  # the node of a cluster that was last known to have the slot
        self._begin_anew()
        forks.watch(self)

    def take(self) -> tuple[Wire, bool]:
        """Return a connection and whether it is a new one; give it back with `give` or `discard`.

        Raises:
            StoreUnavailable: none can be had.
            StoreUnusable: the server refuses this user, or is none that could keep a store.
        """
        if not self._free.acquire(timeout=self.patience):
            raise StoreBusy(
                f"all {self.address.pool} connections to {self.address.url} were in use for {self.patience:.1f} s: "
                "add ?pool=… to NUVOM_URL"
            )
        try:
            while (connection := self._newest_idle()) is not None:
                if _is_alive(connection):
                    return connection, False
                connection.disconnect()
            return self.open(self.patience), True
        except BaseException:
            self._free.release()
            raise

    def give(self, connection: Wire) -> None:
        """Take a connection back on which nothing is left to be answered."""
        if self._closed:
            connection.disconnect()
        else:
            self._idle.append(connection)
        self._free.release()

    def discard(self, connection: Wire, *, all_of_them: bool) -> None:
        """Take a connection back that is of no more use; with all others, where what ended it ended them, too."""
        connection.disconnect()
        if all_of_them:
            self.close_connections()
        self._free.release()

    def open(self, patience: float) -> Wire:
        """Return a connection of the caller's own, which only the caller closes.

        Args:
            patience: seconds that it may take, and that each of its answers may take.
        """
        if self._closed:
            raise StoreUnavailable(f"the store {self.address.url} was closed")
        try:
            return self._found(patience)
        except exceptions.RedisError as error:
            raise translated(error, self.address.url) from error

    def moved(self, node: Node | None) -> None:
        """Note which node of a cluster has the slot, as another one said; None: it is to be asked."""
        self._owner = node
        self.close_connections()

    def close(self) -> None:
        """Close every connection; taking one afterwards raises StoreUnavailable."""
        self._closed = True
        self.close_connections()

    def close_connections(self) -> None:
        """Close those that are idle; the next use opens others."""
        while (connection := self._newest_idle()) is not None:
            connection.disconnect()

    def hold(self, seconds: float) -> bool:
        """Do nothing before a fork: the parent goes on with its connections, and the child abandons them."""
        return False

    def let_go(self) -> None:
        """Do nothing: nothing was held."""

    def abandon(self) -> None:
        """In the child of a fork: let go of what is the parent's without a word to the server."""
        inherited = self._idle
        self._begin_anew()
        for connection in inherited:
            connection.disconnect()  # the driver sees that another process opened it, and only lets go of its number

    def _begin_anew(self) -> None:
        self._idle: deque[Wire] = deque()
        self._free = threading.Semaphore(self.address.pool)

    def _newest_idle(self) -> Wire | None:
        try:
            return self._idle.pop()
        except IndexError:  # there is none; asked before, another thread could take the last one in between
            return None

    def _found(self, patience: float) -> Wire:
        match self.address.layout:
            case Layout.SERVER:
                node = self.address.nodes[0] if self.address.nodes else None
                return self._connected(node, self.address.options, patience)
            case Layout.SENTINEL:
                return self._told_by_a_sentinel(patience)
            case Layout.CLUSTER:
                return self._owner_of_the_slot(patience)

    def _connected(self, node: Node | None, options: Any, patience: float) -> Wire:
        said: dict[str, Any] = {
            "protocol": 2,
            "driver_info": None,
            "socket_timeout": patience,
            "socket_connect_timeout": min(_CONNECTING, patience),
            **options,
        }
        kind: Any = UnixDomainSocketConnection
        if node is None:
            said["path"] = self.address.path
        else:
            kind = SSLConnection if self.address.tls else Connection
            said["host"], said["port"] = node
        connection: Wire = kind(**said)
        try:
            connection.connect()
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def _told_by_a_sentinel(self, patience: float) -> Wire:
        """Connect to the server that sentinels take for the primary, if it takes itself for that, too."""
        missing: Exception | None = None
        for sentinel in self.address.nodes:
            try:
                asked = self._connected(sentinel, {**self.address.sentinel_options, **self._tls_options()}, patience)
                try:
                    found = call(asked, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.address.group)
                finally:
                    asked.disconnect()
            except exceptions.RedisError as error:
                missing = error
                continue
            if not found:
                missing = StoreUnusable(
                    f"{self.address.url}: the sentinel {sentinel} knows no server {self.address.group!r}; see its "
                    "`sentinel monitor`"
                )
                continue
            connection = self._connected(_node_of(found), self.address.options, patience)
            if call(connection, "ROLE")[0] == b"master":
                return connection
            connection.disconnect()
            missing = StoreUnavailable(f"{self.address.url}: {_node_of(found)} is no primary any more, or not yet")
        assert missing is not None  # noqa: S101  there is a sentinel
        raise missing

    def _tls_options(self) -> dict[str, Any]:
        return {name: value for name, value in self.address.options.items() if name.startswith("ssl_")}

    def _owner_of_the_slot(self, patience: float) -> Wire:
        """Connect to the node of the cluster that has the slot of the prefix; any other node knows which that is."""
        if self._owner is not None:
            try:
                return self._connected(self._owner, self.address.options, patience)
            except (exceptions.ConnectionError, exceptions.TimeoutError):
                self._owner = None
        lost: Exception | None = None
        for node in self._known:
            try:
                asked = self._connected(node, self.address.options, patience)
                try:
                    slots = call(asked, "CLUSTER", "SLOTS")
                    slot = call(asked, "CLUSTER", "KEYSLOT", self.address.prefix)
                finally:
                    asked.disconnect()
                self._note_nodes(slots, node)
                self._owner = _owner(slots, slot, node)
                if self._owner is None:
                    lost = StoreUnavailable(f"{self.address.url}: no node of the cluster has the slot {slot}")
                    continue
                return self._connected(self._owner, self.address.options, patience)
            except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
                self._owner = None
                lost = error
        assert lost is not None  # noqa: S101  there is a node
        raise lost

    @property
    def _known(self) -> list[Node]:
        return [*self._learnt, *(node for node in self.address.nodes if node not in self._learnt)]

    def _note_nodes(self, slots: Any, asked: Node) -> None:
        self._learnt = list(dict.fromkeys(_node_of(each, asked) for _, _, *nodes in slots for each in nodes))


def call(connection: Wire, *words: bytes | str | float, meanwhile: Callable[[], None] | None = None) -> Any:
    """Send a command and return its answer.

    Args:
        connection: where to.
        words: the command.
        meanwhile: what is done while the server is at work.

    Raises:
        NotSent: the server did nothing.
        RedisError: it refused, or it is not known whether it did it.
    """
    try:
        connection.send_command(*words)
    except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
        raise NotSent(str(error)) from error
    if meanwhile is not None:
        meanwhile()
    return connection.read_response()


def _node_of(found: Any, asked: Node | None = None) -> Node:
    """Return a node as sentinels and clusters write it; one without a host is where the question went."""
    host, port = found[0], found[1]
    return Node(host.decode() if host else asked.host if asked else "", int(port))


def _owner(slots: Any, slot: int, asked: Node) -> Node | None:
    return next((_node_of(nodes[0], asked) for first, last, *nodes in slots if first <= slot <= last), None)


def _is_alive(connection: Wire) -> bool:
    """Tell whether nothing came while a connection was idle: only an end or an error comes unasked."""
    try:
        return not connection.can_read()
    except (exceptions.RedisError, OSError):
        return False
