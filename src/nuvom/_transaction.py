"""`nuvom.transaction`: what is said inside goes through a connection of the caller's and shares its fate."""

from __future__ import annotations

from types import TracebackType

from nuvom import _joined
from nuvom._async import in_thread
from nuvom.stores.base import Store


class Transaction:
    """A block; `with` and `async with` are the same, and each of them can be entered once.

    Args:
        store: where jobs are kept.
        connection: the caller's own.
    """

    __slots__ = ("_block", "_connection", "_store")

    def __init__(self, store: Store, connection: object) -> None:
        self._store = store
        self._connection = connection
        self._block: _joined.Block | None = None

    def __enter__(self) -> None:
        self._begin(self._store.join(self._connection))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._block is not None:
            _joined.end(self._block)

    async def __aenter__(self) -> None:
        block = self._store.join(self._connection)
        if block.theirs.asynchronous:
            await in_thread(block.theirs.check)
        self._begin(block)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _begin(self, block: _joined.Block) -> None:
        if self._block is not None:
            raise RuntimeError("this block was entered before; write nuvom.transaction(…) anew for another")
        self._block = block
        _joined.begin(block)
