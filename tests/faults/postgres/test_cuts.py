"""The connection is cut at each request of each operation, before the server has it and before its answer is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nuvom.stores.base import Store
from tests.faults.cuts import assert_done_once
from tests.faults.operations import OPERATIONS, Trial
from tests.faults.postgres.proxy import Proxy
from tests.faults.proxy import When

# The store may repeat what was cut before a connection that can be had again; and what it cannot repeat must be told.
AT_WORST: tuple[tuple[When, bool], ...] = (("before", True), ("after", False))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_cut_at_any_request_is_done_or_not_and_repeated_it_is_done_once(
    operation: Callable[[Store], Trial], direct: Store, store: Store, proxy: Proxy
) -> None:
    for when, for_good in AT_WORST:
        assert_done_once(operation, direct, store, proxy, when, for_good=for_good)
