"""The connection is cut at each request of each operation, before the server has it and before its answer is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nuvom.stores.base import Store
from tests.faults.cuts import assert_done_once
from tests.faults.operations import OPERATIONS, Trial
from tests.faults.proxy import When
from tests.faults.redis.proxy import Proxy


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_cut_at_any_request_is_done_or_not_and_repeated_it_is_done_once(
    operation: Callable[[Store], Trial], when: When, direct: Store, store: Store, proxy: Proxy
) -> None:
    assert_done_once(operation, direct, store, proxy, when, for_good=True)
