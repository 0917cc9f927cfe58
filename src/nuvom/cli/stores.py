"""Whether a store can be worked with from here, said before it is opened: opening is what makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nuvom.errors import SettingsError, StoreUnusable
from nuvom.stores.registry import open_store

if TYPE_CHECKING:
    from nuvom._settings import Settings


def refuse_private(settings: Settings) -> None:
    """Raise SettingsError for a store that no other process can see."""
    if settings.url.startswith("memory:"):
        raise SettingsError(
            "memory:// lives in one process and ends with it; leave NUVOM_URL and --url out for a file "
            "in the project, or say --url sqlite:///nuvom.db"
        )


def require_present(settings: Settings) -> None:
    """Raise StoreUnusable where the store's file does not exist, so that a look at it does not make one."""
    path = file_of(settings)
    if path is None or path.exists():
        return
    open_store(settings.url, root=settings.root)  # says what is wrong with the URL; it opens no file before its use
    chosen = settings.chosen.get("url", "the default")
    raise StoreUnusable(
        f"there is no store at {path} ({chosen}); go to the project's folder, say which with --url or NUVOM_URL, "
        "or make it: `nuvom run` or `nuvom migrate`"
    )


def file_of(settings: Settings) -> Path | None:
    """Return the file of an embedded store, None for any other."""
    scheme, _, rest = settings.url.partition("://")
    place = rest.partition("?")[0]
    if scheme != "sqlite" or not place.startswith("/"):
        return None
    return (settings.root or Path.cwd()) / place[1:]
