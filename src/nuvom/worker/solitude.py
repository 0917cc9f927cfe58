"""When a suspect gets its process to itself: a job that was running when a process died must not take others along."""

from __future__ import annotations

from enum import Enum, auto

_LOOK = 1.0  # seconds between looks for suspects while there is other work
_LONGEST_REST = 60.0


class Phase(Enum):
    """What the process does about suspects."""

    OPEN = auto()  # it runs whatever comes
    EMPTYING = auto()  # it claims nothing until what runs has ended
    ALONE = auto()  # it runs one suspect


class Solitude:
    """Empties the process for a suspect, with a patience that doubles: long jobs delay a suspect, but not for ever.

    Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self.phase: Phase = Phase.OPEN
        self._patience = 1.0
        self._look_at = 0.0
        self._until = 0.0

    def wants_look(self, now: float) -> bool:
        """Whether it is time to look for suspects."""
        return self.phase is Phase.OPEN and now >= self._look_at

    def look_soon(self) -> None:
        """Look at the next occasion: something hints at a suspect."""
        self._look_at = min(self._look_at, self._until)

    def looked(self, now: float, *, found: bool) -> None:
        """Note what a look found; a find empties the process."""
        if found:
            self.phase, self._until = Phase.EMPTYING, now + self._patience
        else:
            self._look_at, self._patience = now + _LOOK, 1.0

    def claimed(self, now: float, *, got: bool) -> None:
        """Note what the claim of a suspect gave, in an empty process."""
        if got:
            self.phase, self._patience = Phase.ALONE, 1.0
        else:
            self._rest(now)

    def ended(self) -> None:
        """Note that the suspect's outcome is recorded; the next one may follow at once."""
        self.phase, self._look_at = Phase.OPEN, 0.0

    def gave_up(self, now: float) -> bool:
        """Whether the process has been emptying for too long, and goes on with other work for a while."""
        if now < self._until:
            return False
        self._rest(now)
        return True

    def left(self, now: float) -> float:
        """Return how long the process goes on emptying."""
        return max(0.0, self._until - now)

    def _rest(self, now: float) -> None:
        self.phase = Phase.OPEN
        self._look_at = self._until = now + min(self._patience, _LONGEST_REST)
        self._patience *= 2
