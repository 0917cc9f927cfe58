"""Whether a store can be worked with from here, said before it is opened: opening is what makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nuvom.errors import SettingsError, StoreUnusable
from nuvom.stores.opening import schedule_url
from nuvom.stores.registry import open_store

if TYPE_CHECKING:
    from nuvom._settings import Settings


def refuse_private(settings: Settings) -> None:
    """Raise SettingsError for a store that no other process can see."""
    if (schedule_url(settings) or "").startswith("memory:"):
        raise SettingsError(
            "NUVOM_SCHEDULER=memory:// lives in one process and ends with it; say sqlite:///schedules.db, the URL of a "
            "server, or nothing for schedules beside the jobs"
        )
    if settings.url.startswith("memory:"):
        raise SettingsError(
            "memory:// lives in one process and ends with it; leave NUVOM_URL and --url out for a file "
            "in the project, or say --url sqlite:///nuvom.db"
        )


def require_present(settings: Settings) -> None:
    """Raise StoreUnusable where the store's file does not exist, so that a look at it does not make one."""
    for name, url in (("url", settings.url), ("scheduler", schedule_url(settings))):
        if url is not None:
            _require(settings, url, settings.chosen.get(name, "the default"))


def _require(settings: Settings, url: str, chosen: str) -> None:
    path = file_of(settings, url)
    if path is None or path.exists():
        return
    open_store(url, root=settings.root)  # says what is wrong with the URL; it opens no file before its use
    raise StoreUnusable(
        f"there is no store at {path} ({chosen}); go to the project's folder, say which with --url or NUVOM_URL, "
        "or make it: `nuvom run` or `nuvom migrate`"
    )


def file_of(settings: Settings, url: str | None = None) -> Path | None:
    """Return the file of an embedded store, by default the one that has the jobs; None for any other."""
    scheme, _, rest = (url or settings.url).partition("://")
    place = rest.partition("?")[0]
    if scheme != "sqlite" or not place.startswith("/"):
        return None
    return (settings.root or Path.cwd()) / place[1:]
