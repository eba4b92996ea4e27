"""The signals that stop long-running commands, such as `serve` and `work`."""

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ToldToStop(KeyboardInterrupt):
    """An exception that the handlers of these signals raise instead of KeyboardInterrupt.
    Dataclasses and named tuples call `exec()` with a string. If KeyboardInterrupt leaves such an
    `exec()`, Python ends the process as if SIGINT had killed it, even if code catches the
    exception.
    """
