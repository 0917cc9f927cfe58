"""An operation whose connection is cut at each of its requests in turn: it is done or not, and repeated done once."""

from __future__ import annotations

import time
from collections.abc import Callable

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from tests.faults.operations import Trial
from tests.faults.proxy import Proxy, When

PATIENCE = 5.0  # seconds that a caller waits
MOST = 60  # requests of an operation

Act = Callable[[Store], object]


def assert_done_once(
    operation: Callable[[Store], Trial], direct: Store, store: Store, proxy: Proxy, when: When, *, for_good: bool
) -> None:
    """Cut at the first request, at the second, and so on; `for_good` lets nobody in until the caller was told."""
    act, look = operation(direct)
    act(store)
    wanted = look(direct)
    for number in range(1, MOST):
        act, look = operation(direct)
        untouched = look(direct)
        cut = proxy.cut_at(number, when, for_good=for_good)
        error = _failure_of(act, store)
        if not cut.came.is_set():
            proxy.cuts.remove(cut)
            return
        if for_good:
            proxy.accept()
        if error is not None:
            assert error.unknown or look(direct) == untouched, f"{error}, at {cut.request}"
            act(store)
        assert look(direct) == wanted, cut.request
    raise AssertionError(f"more than {MOST} requests")


def _failure_of(act: Act, store: Store) -> StoreUnavailable | None:
    began = time.monotonic()
    try:
        act(store)
    except StoreUnavailable as error:
        return error
    else:
        return None
    finally:
        assert time.monotonic() - began < PATIENCE
