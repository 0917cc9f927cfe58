"""A change of a stored schedule: what is given replaces what was, and the rest stays. Pure but for its warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, NamedTuple

from nuvom import _options
from nuvom._identity import changed_parts
from nuvom._options import RECURRING, Options
from nuvom._schedule import CatchUp, Overlap, ScheduleEnvelope, ScheduleState, ScheduleType
from nuvom._times import NAMES, Times, Zone, at_next, aware, check_policies, on_grid, trigger_fields, with_next_run
from nuvom.errors import InvalidTrigger

_FIELDS = ("catch_up", "grace", "overlap", "jitter", "starts_at", "ends_at", "max_runs", "metadata")
_JOB_OPTIONS = ("queue", "priority", "max_crashes", "unique", "expires_in", *_options.EXECUTION)
CHANGES = ("args", "kwargs", *NAMES, *_FIELDS, *_JOB_OPTIONS)
_WITHOUT: dict[str, Any] = {
    "catch_up": CatchUp.LATEST,
    "overlap": Overlap.ALLOW,
    "jitter": timedelta(0),
    "metadata": {},
}


class Context(NamedTuple):
    """What a change is made in: the time, what the settings say of zones, and how arguments become JSON."""

    now: datetime
    zone: Zone
    encode: Callable[[list[Any], Mapping[str, Any]], tuple[bytes, str | None]]  # and the value of the task's key


def updated(envelope: ScheduleEnvelope, changes: Mapping[str, Any], context: Context) -> ScheduleEnvelope:
    """Return a schedule with `changes`; None takes an option back. Its next run moves only with its times or bounds.

    Raises:
        TypeError: a change has no such name, or does not fit the kind of schedule.
        ValueError: a value cannot be used; the message names it and the remedy.
    """
    _check_names(changes)
    said = _options.checked(**{name: changes[name] for name in (*_FIELDS, *_JOB_OPTIONS) if name in changes})
    arguments, kin = _arguments(envelope, changes, context)
    changed = replace(
        envelope,
        arguments=arguments,
        defaults=replace(envelope.defaults, kin=kin),
        options=_job_options(envelope, changes, said),
        **{name: _value(name, said, context.zone) for name in _FIELDS if name in changes},
        **_times(envelope, changes, context),
    )
    _check_kind(changed, changes)
    check_policies(changed.catch_up, changed.overlap)
    changed = _with_times(envelope, changed, context.now)
    if envelope.origin == "code":
        overridden = {*envelope.overridden, *changed_parts(envelope, changed)}
        changed = replace(changed, overridden=tuple(sorted(overridden)))
    return changed


def _check_names(changes: Mapping[str, Any]) -> None:
    if not changes:
        raise TypeError("update() needs something to change, such as interval=60 or queue='slow'")
    for name in changes:
        if name in ("name", "id"):
            raise TypeError(f"{name} is a schedule's identity and stays; make a new schedule and cancel this one")
        if name not in CHANGES:
            near = get_close_matches(name, CHANGES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(CHANGES)}"
            raise TypeError(f"update() has no option {name!r}; {hint}")


def _value(name: str, said: Options, zone: Zone) -> Any:
    value = getattr(said, name)
    if value is None:
        return _WITHOUT.get(name)
    return aware(value, zone, name) if name in ("starts_at", "ends_at") else value


def _job_options(envelope: ScheduleEnvelope, changes: Mapping[str, Any], said: Options) -> Mapping[str, Any]:
    kept = {name: value for name, value in envelope.options.items() if name not in changes}
    given = {name: getattr(said, name) for name in _JOB_OPTIONS if changes.get(name) is not None}
    return {**kept, **given}


def _arguments(envelope: ScheduleEnvelope, changes: Mapping[str, Any], context: Context) -> tuple[bytes, str | None]:
    if "args" not in changes and "kwargs" not in changes:
        return envelope.arguments, envelope.defaults.kin
    args, kwargs = changes.get("args"), changes.get("kwargs")
    return context.encode(
        envelope.args if args is None else list(args), envelope.kwargs if kwargs is None else dict(kwargs)
    )


def _times(envelope: ScheduleEnvelope, changes: Mapping[str, Any], context: Context) -> dict[str, Any]:
    given = {name: changes[name] for name in NAMES if name in changes}
    if not given:
        return {}
    zone = envelope.timezone_name if envelope.cron is not None else "UTC"
    if set(given) == {"timezone_name"}:
        given["cron"] = envelope.cron
        if envelope.cron is None:
            raise InvalidTrigger("timezone_name", given["timezone_name"], f"{_called(envelope)} is read in no zone")
    if given.get("cron") is not None:
        given.setdefault("timezone_name", zone)
    times = Times(**given)
    times.check()
    blank = dict.fromkeys(("at", "interval", "cron", "anchor"))
    return {**blank, "timezone_name": "UTC", **trigger_fields(times, context.now, context.zone)}


def _check_kind(changed: ScheduleEnvelope, changes: Mapping[str, Any]) -> None:
    if changed.schedule_type is not ScheduleType.ONE_OFF:
        return
    defaults = {f.name: f.default for f in fields(ScheduleEnvelope)}
    for name in RECURRING:
        if getattr(changed, name) != defaults[name]:
            remedy = "" if name in changes else f"; take it back with {name}=None"
            raise TypeError(f"option {name}={getattr(changed, name)!s} does not fit {_called(changed)}{remedy}")


def _called(envelope: ScheduleEnvelope) -> str:
    return {"one_off": "a one-off", "interval": "an interval"}.get(envelope.schedule_type, "a cron schedule")


def _with_times(before: ScheduleEnvelope, changed: ScheduleEnvelope, now: datetime) -> ScheduleEnvelope:
    if before.state is ScheduleState.QUARANTINED or not before.same_times(changed):
        changed = with_next_run(on_grid(replace(changed, times_since=now)), now)
        if changed.next_run is None:
            raise InvalidTrigger(
                "ends_at", changed.ends_at, "leaves nothing to run: it is over before the next run; cancel it instead"
            )
        if before.state is ScheduleState.QUARANTINED:
            return replace(changed, state=ScheduleState.ACTIVE, note=None)
        return changed
    changed = replace(changed, anchor=before.anchor)  # the same interval said again does not move its grid
    if before.jitter != changed.jitter:
        changed = at_next(changed, changed.next_nominal, changed.trigger)
    return changed
