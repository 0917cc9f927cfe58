"""The store that settings name: one, or jobs in one and schedules in another."""

from __future__ import annotations

from functools import partial
from typing import Any

from nuvom import _settings
from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._settings import Settings
from nuvom.stores.base import Store
from nuvom.stores.registry import check_url, names_store, open_store


def checked(said: dict[str, Any]) -> dict[str, Any]:
    """Return what an app was told, `url` and `scheduler` among it.

    Raises:
        SettingsError: a name is unknown or a value cannot be used; so at the line that says it, before the first use.
    """
    _settings.check(said)
    for name, url in said.items():
        if url is not None and (name == "url" or (name == "scheduler" and names_store(url))):
            check_url(url)
    return said


def open_named(
    settings: Settings, *, clock: Clock = SYSTEM_CLOCK, busy_timeout: float | None = 5.0, only_jobs: bool = False
) -> Store:
    """Return the store that settings name; nothing is opened before it is used.

    Args:
        settings: of an app, resolved.
        clock: the store's clock.
        busy_timeout: seconds to wait for a locked store; None waits as long as it takes.
        only_jobs: leave out the store that has the schedules, where that is another one.

    Raises:
        SettingsError: a URL names no store, or both name the same.
    """
    lease, root, auto_migrate = settings.lease.total_seconds(), settings.root, settings.auto_migrate
    opened = partial(open_store, busy_timeout=busy_timeout, lease=lease, root=root, auto_migrate=auto_migrate)
    schedules = None if only_jobs else schedule_url(settings)
    if schedules is None:
        return opened(settings.url, clock=clock)
    from nuvom.stores.paired.store import open_pair

    return open_pair(opened, settings.url, schedules, clock)


def open_schedules(settings: Settings, queue: Store, busy_timeout: float) -> Store:
    """Return the other store of a pair for a look by the clock of the one that has the jobs; it makes no tables.

    Args:
        settings: of an app, which name such a store.
        queue: the store that has the jobs.
        busy_timeout: seconds to wait for an answer.
    """
    from nuvom.stores.paired.store import StoreClock

    return open_store(
        str(schedule_url(settings)),
        clock=StoreClock(queue.now, SYSTEM_CLOCK),
        busy_timeout=busy_timeout,
        lease=settings.lease.total_seconds(),
        root=settings.root,
        auto_migrate=False,
    )


def schedule_url(settings: Settings) -> str | None:
    """Return the URL of the store that has the schedules; None where they are beside the jobs, or kept by a backend."""
    said = settings.scheduler
    return said if said is not None and names_store(said) else None
