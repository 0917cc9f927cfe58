"""One run of the demo from its temporary folder to its exit code."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

from nuvom._clock import SYSTEM_CLOCK
from nuvom._default import app
from nuvom.cli.demo.home import Home, home
from nuvom.cli.demo.interruptions import Interrupted, Interruptions
from nuvom.cli.demo.screen import INTRODUCTION, PROVEN, Screen
from nuvom.cli.demo.stage import DemoFailed, Stage
from nuvom.cli.demo.story import play
from nuvom.errors import NuvomError


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
        code = _perform(folder, place)
        stays = keep or code == 1
    except (BrokenPipeError, SystemExit):  # nobody reads on: rich, or a write, says so
        stays = keep
        raise
    finally:
        if not stays:
            shutil.rmtree(folder)
            place.drop()
    if stays and code != 1:
        print(f"Kept: {folder}{place.kept()}")
    return code


def _perform(folder: Path, place: Home) -> int:
    screen = Screen()
    screen.say(INTRODUCTION.format(store=place.words))
    # In a folder outside of any project, and in a store of its own: nothing of the caller's is touched.
    schedules = place.schedules and place.schedules.url
    with Interruptions() as interruptions, chdir(folder), app.swapped(place.url, SYSTEM_CLOCK, schedules):
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
