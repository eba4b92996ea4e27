"""The time that all statements of one run may take together."""

from time import monotonic

TOTAL_SECONDS = 6.0


class TooLong(Exception):
    """The statements of a run took longer than the total limit; the text is for the page."""


class TimeLimit:
    """A limit of the total time, which starts when the object is created."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self.seconds = seconds
        self._started = monotonic()

    def check(self) -> None:
        """Raises TooLong if the time is over."""
        if monotonic() - self._started > self.seconds:
            raise TooLong(
                f"Stopped: all statements together took longer than {self.seconds:g} seconds, the "
                "limit of the cookbook. Nothing was changed. Choose smaller values."
            )
