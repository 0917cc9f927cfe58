"""Instants as triggers take and give them: aware datetimes outside, whole seconds since 1970 (UTC) inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nuvom.errors import InvalidTrigger

DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = EPOCH.toordinal()
SECOND = timedelta(seconds=1)
FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // SECOND
LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // SECOND


def require_aware(moment: datetime) -> None:
    """Raise ValueError for a naive datetime, TypeError for what is no datetime."""
    if not isinstance(moment, datetime):
        raise TypeError(f"expected an aware datetime, got {moment!r}")
    if moment.utcoffset() is None:
        raise ValueError(f"{moment!r} is naive: give it a zone, for example tzinfo=datetime.UTC")


def to_utc(moment: datetime, field: str) -> datetime:
    """Return `moment` in UTC; raises InvalidTrigger naming `field` when it is naive or has no UTC form."""
    if not isinstance(moment, datetime):
        raise InvalidTrigger(field, moment, "is no datetime; give an aware one")
    if moment.utcoffset() is None:
        raise InvalidTrigger(field, moment, "is naive; give it a zone, for example tzinfo=datetime.UTC")
    try:
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError:
        raise InvalidTrigger(field, moment, "lies outside years 1 to 9999 in UTC; give a time inside them") from None


def floor_second(moment: datetime) -> int:
    """Return the last whole second that is not later than `moment`, in seconds since 1970."""
    elapsed = moment - EPOCH
    return elapsed.days * DAY + elapsed.seconds


def ceil_second(moment: datetime) -> int:
    """Return the first whole second that is not earlier than `moment`, in seconds since 1970."""
    return -((EPOCH - moment) // SECOND)


def from_second(second: int) -> datetime:
    """Return the aware UTC datetime of a whole second since 1970."""
    return EPOCH + timedelta(0, second)
