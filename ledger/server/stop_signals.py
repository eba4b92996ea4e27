"""The signals that end a command that goes on until it is told to stop."""

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ToldToStop(KeyboardInterrupt):
    """Raised by such a signal. Not KeyboardInterrupt itself: where that leaves an `exec()` of text,
    of which dataclasses and named tuples are made, Python ends the process as one that SIGINT
    killed, also if it was caught.
    """
