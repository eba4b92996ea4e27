"""The signals that stop long-running commands, such as `serve` and `work`."""

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ToldToStop(KeyboardInterrupt):
    """An exception that the handlers of STOP_SIGNALS raise instead of KeyboardInterrupt.

    If KeyboardInterrupt leaves an `exec()` with a string, Python ends the process even if code
    catches the exception. Dataclasses and named tuples call such an `exec()`.
    """
