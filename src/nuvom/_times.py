"""From what `.schedule(...)` was given to an envelope that knows its next run. Pure but for the warnings it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nuvom import _caller
from nuvom._clock import from_us, to_us
from nuvom._duration import Duration, to_timedelta
from nuvom._identity import content_id, name_id
from nuvom._ids import is_uuid, named_id, new_id
from nuvom._job import TaskDefaults
from nuvom._options import RECURRING, Options
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope, ScheduleType, run_time, trigger_of
from nuvom.errors import InvalidTrigger, NaiveDatetimeWarning
from nuvom.triggers import CronTrigger, Trigger
from nuvom.triggers.zones import release

NAMES = ("at", "in_", "interval", "cron", "timezone_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of one call, as they were given."""

    at: datetime | None = None
    in_: Duration | None = None
    interval: Duration | None = None
    cron: str | None = None
    timezone_name: str | None = "UTC"

    def check(self) -> None:
        """Raise ValueError unless exactly one time is given, with a zone only where a zone has a meaning."""
        given = [name for name in NAMES[:4] if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} were given" if given else "none was given"
            raise ValueError(f"exactly one of at, in_, interval or cron must be given: {found}")
        if self.cron is None and self.timezone_name not in (None, "UTC"):
            raise InvalidTrigger(
                "timezone_name", self.timezone_name, f"{given[0]} has no zone; only cron is read in one"
            )

    def recurring(self) -> bool:
        """Whether these are the times of a schedule that repeats."""
        return self.interval is not None or self.cron is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What the settings say of zones."""

    default: str = "UTC"  # for timezone_name=None
    naive: str = "warn"  # or "error"


def build_envelope(
    task: str, arguments: bytes, times: Times, options: Options, defaults: TaskDefaults, *, now: datetime, zone: Zone
) -> ScheduleEnvelope:
    """Return the envelope of a call, its next run set.

    Raises:
        ValueError: the times cannot be used; the message names the field, its value and the remedy.
        TypeError: an option does not fit the kind of schedule.
    """
    times.check()
    _check_options(times, options)
    draft = ScheduleEnvelope(
        id="",
        task=task,
        arguments=arguments,
        name=options.name,
        catch_up=options.catch_up or CatchUp.LATEST,
        grace=options.grace,
        overlap=options.overlap or Overlap.ALLOW,
        jitter=options.jitter or timedelta(0),
        max_runs=options.max_runs,
        options=options.for_schedule(),
        defaults=defaults,
        metadata=options.job_id()[1],
        times_since=now,
        **_bounds(options, zone),
        **trigger_fields(times, now, zone),
    )
    return with_next_run(on_grid(replace(draft, id=_identity(draft, options, now))), now)


def _check_options(times: Times, options: Options) -> None:
    if times.recurring():
        options.refuse(("id",), "a recurring schedule", "give it a name, which is its identity")
    else:
        options.refuse(RECURRING, "a one-off", "it runs once, however late; only a grace makes it give up")
    if options.id is not None:
        options.refuse(("name",), "a schedule with an id", "either is its identity; give one of them")
    check_policies(options.catch_up, options.overlap)


def check_policies(catch_up: CatchUp | None, overlap: Overlap | None) -> None:
    """Raise ValueError where two policies contradict each other."""
    if catch_up is CatchUp.ALL and overlap not in (None, Overlap.ALLOW):
        raise ValueError(
            f"catch_up='all' runs many occurrences at once, which overlap={overlap.value!r} forbids; "
            "use overlap='allow', or catch_up='latest' or 'first'"
        )


def _bounds(options: Options, zone: Zone) -> dict[str, Any]:
    given = {"starts_at": options.starts_at, "ends_at": options.ends_at}
    return {name: aware(moment, zone, name) for name, moment in given.items() if moment is not None}


def on_grid(draft: ScheduleEnvelope) -> ScheduleEnvelope:
    """Let the grid of an interval begin at its starts_at, which is then its first run."""
    if draft.interval is None or draft.starts_at is None:
        return draft
    try:
        return replace(draft, anchor=draft.starts_at - timedelta(seconds=draft.interval))
    except OverflowError:
        raise InvalidTrigger("starts_at", draft.starts_at, "is too early for this interval") from None


def trigger_fields(times: Times, now: datetime, zone: Zone) -> dict[str, Any]:
    """Return the fields of an envelope that these times give; raises InvalidTrigger naming what cannot be used."""
    if times.at is not None:
        return {"schedule_type": ScheduleType.ONE_OFF, "at": aware(times.at, zone)}
    if times.in_ is not None:
        return {"schedule_type": ScheduleType.ONE_OFF, "at": _later(now, times.in_)}
    if times.interval is not None:
        return {"schedule_type": ScheduleType.INTERVAL, "interval": _interval(times.interval), "anchor": now}
    if not isinstance(times.cron, str):
        raise InvalidTrigger("cron", times.cron, 'must be text, such as "0 9 * * MON"')
    timezone_name = zone.default if times.timezone_name is None else times.timezone_name
    if not isinstance(timezone_name, str):
        raise InvalidTrigger("timezone_name", timezone_name, "must be text, such as 'Europe/Paris'")
    if not (times.cron.isascii() and timezone_name.isascii()):
        CronTrigger(times.cron, timezone_name)  # refuses it; an id cannot be made of every text
    return {"schedule_type": ScheduleType.CRON, "cron": times.cron, "timezone_name": timezone_name}


def aware(at: object, zone: Zone, field: str = "at") -> datetime:
    """Return a datetime in UTC; a naive one is read as UTC, with a warning or an error as the settings say."""
    if not isinstance(at, datetime):
        raise InvalidTrigger(field, at, "must be a datetime, such as datetime(2027, 8, 25, 12, 0, tzinfo=timezone.utc)")
    if at.utcoffset() is not None:
        try:
            return from_us(to_us(at))
        except OverflowError:
            raise InvalidTrigger(field, at, "lies outside of the years 1 to 9999 in UTC") from None
    remedy = "write datetime.now(timezone.utc) or .astimezone()"
    if zone.naive == "error":
        raise InvalidTrigger(field, at, f"has no time zone, and NUVOM_NAIVE=error; {remedy}")
    _caller.warn(
        f"{field}={at!r} has no time zone: read as {at:%H:%M} UTC{_elsewhere(at)}; {remedy}", NaiveDatetimeWarning
    )
    return at.replace(tzinfo=UTC)


def _elsewhere(at: datetime) -> str:
    try:
        local = at.replace(tzinfo=UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return ""
    return f", which is {local:%H:%M} here ({local.tzname()})" if local.utcoffset() else ""


def _later(now: datetime, delay: Duration) -> datetime:
    try:
        return max(now, now + to_timedelta(delay, "in_"))
    except OverflowError:
        raise InvalidTrigger("in_", delay, "ends after the year 9999") from None
    except ValueError as error:
        raise InvalidTrigger("in_", delay, str(error).partition(" ")[2]) from None


def _interval(interval: Duration) -> float:
    try:
        span = to_timedelta(interval, "interval")
    except ValueError as error:
        raise InvalidTrigger("interval", interval, str(error).partition(" ")[2]) from None
    if span < timedelta(seconds=0.1):
        raise InvalidTrigger("interval", interval, "must be at least 0.1 seconds; it counts seconds between runs")
    return span.total_seconds()


def _identity(draft: ScheduleEnvelope, options: Options, now: datetime) -> str:
    if draft.name is not None:
        return name_id(draft.name)
    if draft.schedule_type is not ScheduleType.ONE_OFF:
        return content_id(draft)
    if options.id is None:
        return new_id(now)
    return options.id.lower() if is_uuid(options.id) else named_id("job", options.id)


def with_next_run(draft: ScheduleEnvelope, now: datetime) -> ScheduleEnvelope:
    """Return a schedule with its first next run after `now`; None where its bounds leave nothing to run.

    Raises:
        InvalidTrigger: its trigger never comes.
    """
    trigger = trigger_of(draft)
    if draft.cron is not None:
        for warning in CronTrigger(draft.cron, draft.timezone_name, seed=draft.name or draft.id).warnings:
            _caller.warn(warning)
    first = draft.at if draft.schedule_type is ScheduleType.ONE_OFF else trigger.after(now)
    if first is None and draft.ends_at is None:
        raise InvalidTrigger(
            "cron" if draft.cron else "interval", draft.cron or draft.interval, "never comes before the year 9999"
        )
    tzdata = release() if draft.cron else None
    return replace(at_next(draft, first, trigger), tzdata=tzdata)


def at_next(envelope: ScheduleEnvelope, nominal: datetime | None, trigger: Trigger) -> ScheduleEnvelope:
    """Return a schedule whose next occurrence is `nominal`, at its run time."""
    run = nominal
    if nominal is not None and envelope.jitter:
        run = run_time(envelope, nominal, trigger.after(nominal))
    return replace(envelope, next_nominal=nominal, next_run=run)
