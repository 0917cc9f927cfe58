"""The connection is cut at each request of each operation, before the server has it and before its answer is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from nuvom.errors import StoreUnavailable
from nuvom.stores.base import Store
from tests.faults.postgres.operations import OPERATIONS, Trial
from tests.faults.redis.proxy import Cut, Proxy, When

PATIENCE = 5.0  # seconds that a caller waits
MOST = 30  # requests of an operation

Act = Callable[[Store], object]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_cut_at_any_request_is_done_or_not_and_repeated_it_is_done_once(
    operation: Callable[[Store], Trial], when: When, direct: Store, store: Store, proxy: Proxy
) -> None:
    act, look = operation(direct)
    act(store)
    wanted = look(direct)
    for cut_at in each_request(proxy, when):
        act, look = operation(direct)
        untouched = look(direct)
        cut = cut_at()
        error = failure_of(act, store)
        if not cut.came.is_set():
            proxy.cuts.remove(cut)
            break
        proxy.accept()
        if error is not None:
            assert error.unknown or look(direct) == untouched, f"{error}, at {cut.request}"
            act(store)
        assert look(direct) == wanted, cut.request


def each_request(proxy: Proxy, when: When) -> Iterator[Callable[[], Cut]]:
    """Yield what cuts at the first request from then on, at the second, and so on, and lets nobody in again."""
    for number in range(1, MOST):
        yield lambda number=number: proxy.cut_at(number, when, for_good=True)
    raise AssertionError(f"more than {MOST} requests")


def failure_of(act: Act, store: Store) -> StoreUnavailable | None:
    began = time.monotonic()
    try:
        act(store)
    except StoreUnavailable as error:
        return error
    else:
        return None
    finally:
        assert time.monotonic() - began < PATIENCE
