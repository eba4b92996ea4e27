"""Limits the total time of all SQL statements of one run."""

from time import monotonic

TOTAL_SECONDS = 6.0


class TooLong(Exception):
    """Raised if the SQL statements of a run took longer than the limit. The message is shown on the
    page.
    """


class TimeLimit:
    """A limit for the total time since the creation of the object."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self.seconds = seconds
        self._started = monotonic()

    def check(self) -> None:
        """Raises TooLong after the time limit."""
        if monotonic() - self._started > self.seconds:
            raise TooLong(
                f"Stopped: all statements together took longer than {self.seconds:g} seconds, the "
                "limit of the cookbook. Nothing was changed. Choose smaller values."
            )
