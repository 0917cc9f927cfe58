"""The database file itself: made private, recognised again, and missed when somebody takes it away."""

from __future__ import annotations

import os
from pathlib import Path

from nuvom._settings import DEFAULT_FILE
from nuvom.errors import StoreUnusable

_DEFAULT_FOLDER = Path(DEFAULT_FILE).parent.name


class DatabaseFile:
    """A file by its path and, once it was opened, by its inode: what is open may no longer be what the path names."""

    def __init__(self, path: Path) -> None:
        self.path: Path = path.absolute()
        self._name = str(self.path)
        self._inode: tuple[int, int] | None = None

    @property
    def uri(self) -> str:
        """What opens this file and never makes one."""
        return f"{self.path.as_uri()}?mode=rw"

    def prepare(self, *, make: bool) -> None:
        """Make the file if it never was there, and remember which one it is.

        Args:
            make: whether it may be made.

        Raises:
            StoreUnusable: it was deleted since it was first opened, or it cannot be made.
        """
        try:
            found = self.path.exists()
        except OSError as error:
            raise StoreUnusable(
                f"{self.path} cannot be reached: {error.strerror}; may this user enter its folder?"
            ) from error
        if not found:
            if self._inode is not None:
                raise StoreUnusable(
                    f"{self.path} was deleted while it was in use; put it back, or restart to begin with an empty one"
                )
            if not make:
                raise StoreUnusable(f"{self.path} does not exist, and NUVOM_AUTO_MIGRATE is off: run `nuvom migrate`")
            self._make()
        if self.path.is_dir():
            raise StoreUnusable(f"{self.path} is a folder; name a file in it")
        self._inode = self._found()

    def moved(self) -> bool:
        """Tell whether the path no longer names the file that was opened."""
        return self._found() != self._inode

    def log_size(self) -> int:
        """Return how many bytes the write-ahead log beside it has."""
        try:
            return os.stat(f"{self._name}-wal").st_size  # noqa: PTH116 - twice as fast, and it runs after every push
        except OSError:
            return 0

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._name)  # noqa: PTH116 - twice as fast, and it runs before every commit
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _make(self) -> None:
        folder = self.path.parent
        try:
            _make_folder(folder)
            # Never opened where it exists: closing it would drop the locks of this process's connections (fcntl(2)).
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if not self.path.exists():  # the folder's name is taken by something else
                raise StoreUnusable(f"{folder} is not a folder, so {self.path.name} cannot be made in it") from None
        except FileNotFoundError:
            raise StoreUnusable(f"the folder of {self.path} does not exist; make it: `mkdir -p {folder}`") from None
        except OSError as error:
            raise StoreUnusable(
                f"{self.path} cannot be made: {error.strerror}; name a place you may write to"
            ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if folder.is_dir():
            return
        raise
    if folder.name == _DEFAULT_FOLDER:
        (folder / ".gitignore").write_text("*\n")  # gitignore(5): nothing in a project's own store is its source
