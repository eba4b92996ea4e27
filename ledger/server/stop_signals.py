"""The signals that stop long-running commands, such as `serve` and `work`."""

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ToldToStop(KeyboardInterrupt):
    """Raised by such a signal, in place of KeyboardInterrupt itself. If a KeyboardInterrupt leaves
    an `exec()` of a text, by which dataclasses and named tuples are made, Python ends the process
    as if SIGINT had killed it, even if the exception was caught.
    """
