"""One run of the demo from its temporary folder to its exit code."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nuvom._clock import SYSTEM_CLOCK
from nuvom._default import app
from nuvom._identity import name_id
from nuvom._naming import make_importable
from nuvom._settings import find_root
from nuvom.cli.demo.home import Home, home
from nuvom.cli.demo.interruptions import Interrupted, Interruptions
from nuvom.cli.demo.promised import CRON, ONCE, REPORTS, TICK
from nuvom.cli.demo.screen import ELSEWHERE, INTRODUCTION, PROVEN, Screen
from nuvom.cli.demo.stage import DemoFailed, Stage
from nuvom.cli.demo.story import play
from nuvom.errors import NuvomError, SettingsError
from nuvom.stores.backends import cancel_in, due_in


def run_demo(*, keep: bool = False) -> int:
    """Run the demo.

    Args:
        keep: Whether its folder stays although all is well.

    Returns:
        0 when everything is accounted for, 1 when something is off, 128 + n when signal n ended it.
    """
    folder = Path(tempfile.mkdtemp(prefix="nuvom-demo-")).resolve()
    place = home(folder, os.environ)
    stays = True
    try:
        code = _perform(folder, place, keep=keep)
        stays = keep or code == 1
    except (BrokenPipeError, SystemExit, SettingsError):  # nobody reads on: rich, or a write, says so; or none began
        stays = keep
        raise
    finally:
        if not stays:
            shutil.rmtree(folder)
            place.drop()
    if stays and code != 1:
        print(f"Kept: {folder}{place.kept()}")
    return code


def _perform(folder: Path, place: Home, *, keep: bool) -> int:
    screen = Screen()
    if place.backend is not None:
        make_importable(find_root(Path.cwd()))  # a class of the caller's project
    # In a folder outside of any project, and in a store of its own: nothing of the caller's is touched.
    with (
        Interruptions() as interruptions,
        chdir(folder),
        app.swapped(place.url, SYSTEM_CLOCK, place.scheduler),
        _left_empty(place, keep=keep),
    ):
        screen.say(INTRODUCTION.format(store=place.words))
        if place.backend is not None:
            screen.say(ELSEWHERE.format(backend=app.scheduler_name))
        stage = Stage(app, place.variables, folder, screen, interruptions)
        try:
            found = play(stage)
        except Interrupted as interrupted:
            screen.say(f"\nStopped by {interrupted}.")
            return 128 + interrupted.number
        except (DemoFailed, NuvomError) as error:
            screen.failure([str(error)], stage.services, folder)
            return 1
        finally:
            for service in stage.services:
                service.kill()  # whoever is left, in whatever state
    screen.account(found)
    if found.problems:
        screen.failure(list(found.problems), stage.services, folder)
        return 1
    screen.say(PROVEN)
    return 0


@contextmanager
def _left_empty(place: Home, *, keep: bool) -> Iterator[None]:
    """Refuse a scheduler backend that holds schedules, and cancel the demo's own there in the end.

    Raises:
        SettingsError: it holds some, which the demo would run, or it cannot be used.
    """
    if place.backend is None:
        yield
        return
    found = due_in(app.backend, datetime(9999, 1, 1, tzinfo=UTC), 1)
    if found:
        raise SettingsError(
            f"NUVOM_SCHEDULER={app.scheduler_name!r} holds schedules (the earliest is {found[0].name or found[0].id}), "
            "and the demo would run them: give it an empty backend"
        )
    try:
        yield
    finally:
        for name in () if keep else (ONCE, TICK, CRON, REPORTS):
            cancel_in(app.backend, name_id(name))
