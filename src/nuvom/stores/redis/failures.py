"""What the server's and the driver's errors mean to a caller, by the word that they begin with.

Where a script was refused halfway through, nothing was changed before: servers look at memory, role and disk before the
first change of a script, and a store looks at its rights before its first script.
"""

from __future__ import annotations

import re

from redis import exceptions

from nuvom.errors import StoreBusy, StoreError, StoreFull, StoreUnavailable, StoreUnusable

# In a script's error the word stands behind where it happened; a server before 7.0 puts a dash before it.
_WORD = re.compile(
    r"\b(OOM|READONLY|MISCONF|NOREPLICAS|NOPERM|BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|WRONGPASS"
    r"|UNKILLABLE|CROSSSLOT|WRONGTYPE)\b"
)

_FILES_OF_TLS = ("No such file", "PEM lib", "KEY_VALUES_MISMATCH")  # are read where a connection is made
_FORBIDDEN = ("ACL failure in script", "can't run this command")  # the same in scripts, as Valkey and Redis 6 say it


def word_of(error: exceptions.RedisError) -> str:
    """Return the word by which the server says what kind of error it is, empty where it says none."""
    code = getattr(error, "status_code", None)
    if code and code != "ERR":
        return str(code)
    said = str(error)
    if any(each in said for each in _FORBIDDEN):
        return "NOPERM"
    found = _WORD.search(said)
    return found.group(1) if found else ""


def is_lost(error: exceptions.RedisError) -> bool:
    """Tell whether the connection is gone or no answer came that can be read: what was asked may have been done."""
    lost = exceptions.ConnectionError | exceptions.TimeoutError | exceptions.InvalidResponse
    return isinstance(error, lost) and not isinstance(
        error, exceptions.BusyLoadingError | exceptions.AuthenticationError
    )


def is_elsewhere(error: exceptions.RedisError) -> bool:
    """Tell whether another server takes writes now: this one did nothing."""
    return word_of(error) in ("READONLY", "MOVED", "MASTERDOWN")


def translated(error: exceptions.RedisError, location: str, *, sent: bool = False) -> StoreError:
    """Return the store's error for the server's.

    Args:
        error: what the driver raised.
        location: the store, without a password.
        sent: whether something that changes the store was sent and not answered.
    """
    said = str(error).strip().split("\n")[0]
    word = word_of(error)
    if isinstance(error, exceptions.AuthenticationError) or word in ("NOAUTH", "WRONGPASS"):
        return StoreUnusable(f"{location} refuses this user ({said}); see the user and password of NUVOM_URL")
    if "max number of clients" in said:
        return StoreUnavailable(f"{location} has no room for another connection ({said}); raise its maxclients")
    if "invalid username-password pair" in said or "without any password" in said:
        return StoreUnusable(f"{location} refuses this user ({said}); see the user and password of NUVOM_URL")
    if is_lost(error):
        return _lost(error, said, location, sent=sent)
    return _refused(word, said, location)


def _lost(error: exceptions.RedisError, said: str, location: str, *, sent: bool) -> StoreError:
    if isinstance(error, exceptions.InvalidResponse):
        return StoreUnavailable(
            f"{location} does not answer as Redis does ({said}); see whether its port is that of another server",
            unknown=sent,
        )
    tls = location.startswith(("rediss", "valkeys"))
    if "certificate" in said.lower() or (tls and any(each in said for each in _FILES_OF_TLS)):
        return StoreUnusable(f"{location}: TLS failed ({said}); see ssl_ca_certs and its like in NUVOM_URL")
    hint = "; see whether this port speaks TLS" if tls and said == "Timeout connecting to server" else ""
    return StoreUnavailable(f"{location} is away: {said}{hint}", unknown=sent)


def _refused(word: str, said: str, location: str) -> StoreError:
    match word:
        case "OOM":
            return StoreFull(f"no memory left for {location}: raise its maxmemory; what is stored is intact ({said})")
        case "MISCONF":
            return StoreFull(
                f"{location} cannot write to its disk, and takes nothing until it can: free some space ({said})"
            )
        case "READONLY":
            return StoreUnavailable(
                f"{location} is a replica, which takes no writes ({said}); name the primary, or the sentinels with "
                "redis+sentinel://"
            )
        case "MASTERDOWN" | "LOADING" | "CLUSTERDOWN" | "TRYAGAIN":
            return StoreUnavailable(f"{location} takes no commands now: {said}")
        case "NOREPLICAS":
            return StoreUnavailable(f"{location} has fewer replicas than min-replicas-to-write ({said})")
        case "BUSY" | "UNKILLABLE":
            return StoreBusy(f"{location} runs a script of somebody's that does not end ({said}); see SCRIPT KILL")
        case "MOVED":
            return StoreUnusable(f"{location} is a node of a cluster: write redis+cluster://… in NUVOM_URL")
        case "ASK":
            return StoreUnavailable(f"{location}: the slot of the store is being moved to another node ({said})")
        case "NOPERM":
            return StoreUnusable(f"{location}: {said}; give this user what docs/redis.md names")
        case "CROSSSLOT":
            return StoreUnusable(f"{location} does not keep the keys of one hash tag together ({said})")
        case "WRONGTYPE":
            return StoreError(
                f"{location} refused an operation: what is under a key of its prefix is not the store's ({said}); give "
                "whatever else writes there another prefix"
            )
        case _:
            return _other(said, location)


def _other(said: str, location: str) -> StoreError:
    if "cluster support disabled" in said:
        return StoreUnusable(f"{location} is no cluster: write redis://… in NUVOM_URL ({said})")
    if "unknown command" in said.lower():
        return StoreUnusable(
            f"{location} does not know a command that a store needs ({said}): Redis 6.2 or newer, or Valkey"
        )
    if "DB index is out of range" in said:
        return StoreUnusable(f"{location}: there is no such database on this server ({said})")
    return StoreError(f"{location} refused an operation: {said}")
