"""Whether two URLs name one store, however they are spelled: a lease in the one is seen in the other."""

from __future__ import annotations

import os
from contextlib import suppress
from uuid import uuid4

from nuvom import __version__
from nuvom.errors import SettingsError, StoreError
from nuvom.stores.base import Store
from nuvom.stores.paired.store import PairedStore
from nuvom.stores.values import WorkerInfo

PROBE = "nuvom probe"  # the host of a lease that serves nothing; one whose process was killed is in nobody's way


def are_one(one: Store, other: Store) -> bool:
    """Tell whether two stores, which have their tables, are the same."""
    probe = WorkerInfo(id=uuid4().hex, kind="worker", host=PROBE, pid=os.getpid(), version=__version__, queues=())
    one.workers.register(probe)
    try:
        return any(each.id == probe.id for each in other.workers.list())
    finally:
        one.workers.unregister(probe.id)


def refuse_one(store: Store, *, only_made: bool) -> None:
    """Refuse a pair that is one store under two URLs; one of which a part is away is left for later.

    Args:
        store: of any kind.
        only_made: whether to look only where both have all tables already, because a look may make them.

    Raises:
        SettingsError: both are one, and a schedule could not be told from its fence.
    """
    if not isinstance(store, PairedStore):
        return
    one = False
    with suppress(StoreError):
        one = not (only_made and store.pending().names) and are_one(store.queue, store.keeper)
    if one:
        raise SettingsError("NUVOM_SCHEDULER names the store that has the jobs, in other words: leave it out")
