"""What PostgreSQL's errors mean to a caller, by their class (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

import re

import psycopg

from nuvom.errors import StoreBusy, StoreError, StoreFull, StoreUnavailable, StoreUnusable

_AGAIN = ("40001", "40P01")  # serialization_failure, deadlock_detected: rolled back, and worth repeating at once
_LOCKED = "55P03"  # lock_not_available
_ENDED = "57014"  # query_canceled, by statement_timeout or by hand
_READ_ONLY = "25006"  # on a standby; what the address leads to by now may be another server
# Connection exceptions, the server is told to stop, its system fails; it ended a session that paused in a transaction.
_LOST = ("08", "57P", "58", _READ_ONLY, "25P03", "25P04")


class NoAnswer(psycopg.OperationalError):
    """The server may be alive, but its answer did not come in the time that was given to it."""


def is_passing(error: psycopg.Error) -> bool:
    """Tell whether the server rolled a transaction back for another's sake, so that repeating it may do."""
    return error.sqlstate in _AGAIN


def is_lost(error: psycopg.Error) -> bool:
    """Tell whether the connection is gone, or of no more use."""
    state = error.sqlstate
    return state.startswith(_LOST) if state else isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def translated(error: psycopg.Error, location: str, *, committing: bool = False) -> StoreError:
    """Return the store's error for PostgreSQL's; while committing, a lost connection leaves open whether it happened.

    Args:
        error: what the driver raised.
        location: the database, without a password.
        committing: whether the transaction's end was asked for and not answered.
    """
    said = str(error).strip().split("\n")[0]
    state = error.sqlstate or ""
    if state in _AGAIN or state == _LOCKED:
        return StoreBusy(f"{location} is locked by another transaction ({said}); repeat, or see pg_stat_activity")
    if state == _ENDED:
        return StoreBusy(f"{location} took too long ({said}); give this role a longer statement_timeout, or repeat")
    if state == "53100":
        return StoreFull(f"no room left for {location}: free some disk space on its server; what is stored is intact")
    if state == _READ_ONLY:
        return StoreUnavailable(
            f"{location} is read-only, a standby or one that was told so ({said}); name the primary, or all hosts "
            "with ?target_session_attrs=read-write"
        )
    if state.startswith("53"):
        return StoreUnavailable(f"{location} has no room for another connection or its memory ({said})")
    if refusal := _refusal(said, location):
        return refusal
    if is_lost(error):
        return StoreUnavailable(f"{location} is away: {said}", unknown=committing)
    return _refused(state, said, location)


def _refusal(said: str, location: str) -> StoreError | None:
    """Return what a refused connection means: libpq hands on only the server's words, in English unless it was told."""
    if "FATAL:" not in said:
        return None
    if any(each in said for each in ("authentication failed", "no pg_hba.conf entry", "no password supplied")):
        return StoreUnusable(f"{location} refuses this user ({said}); see the user and password of NUVOM_URL")
    if re.search(r'(role|database) ".*" does not exist', said):
        return StoreUnusable(f"{location}: {said}; make it, or see what NUVOM_URL names")
    return None


def _refused(state: str, said: str, location: str) -> StoreError:
    match state:
        case "3F000" | "42P01" | "42703" | "42883":
            return StoreUnusable(f"{location} does not have the tables of this release ({said}): run `nuvom migrate`")
        case "42501":
            return StoreUnusable(f"{location}: {said}; grant this role what it needs: see docs/postgresql.md")
        case _:
            return StoreError(f"{location} refused a statement ({state}): {said}")
