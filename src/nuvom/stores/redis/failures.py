"""What the server's and the driver's errors mean to a caller."""

from __future__ import annotations

import redis
from redis import exceptions

from nuvom.errors import StoreError, StoreFull, StoreUnavailable, StoreUnusable


def is_lost(error: redis.RedisError) -> bool:
    """Tell whether the connection is gone or its answer did not come: what was asked may have been done."""
    return isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError) and not isinstance(
        error, exceptions.BusyLoadingError | exceptions.AuthenticationError | exceptions.MaxConnectionsError
    )


def translated(error: redis.RedisError, location: str, *, sent: bool = False) -> StoreError:
    """Return the store's error for the server's.

    Args:
        error: what the driver raised.
        location: the store, without a password.
        sent: whether something that changes the store was sent and not answered.
    """
    said = str(error).strip().split("\n")[0]
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return StoreUnusable(f"{location} refuses this user ({said}); see the user and password of NUVOM_URL")
    if is_lost(error):
        return StoreUnavailable(f"{location} is away: {said}", unknown=sent)
    if isinstance(error, exceptions.OutOfMemoryError) or "OOM " in said:
        return StoreFull(f"no memory left for {location}: raise maxmemory; what is stored is intact ({said})")
    if isinstance(error, exceptions.BusyLoadingError | exceptions.ReadOnlyError | exceptions.MasterDownError):
        return StoreUnavailable(f"{location} cannot be written to now: {said}")
    return StoreError(f"{location} refused an operation: {said}")
