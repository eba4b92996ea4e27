"""Ends a command when the reader of its output has ended, for example after `| head -3`."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

ENDED_BY_PIPE = 141  # the exit code that shells report for a program that SIGPIPE has ended


@contextmanager
def ends_without_reader() -> Iterator[None]:
    """Ends the process without a message if the program that reads its output has ended. Other
    broken pipes are still errors.
    """
    try:
        yield
    except BrokenPipeError:
        if not (closed := [stream for stream in _streams() if _has_no_reader(stream)]):
            raise
        for stream in closed:
            _discard(stream)
    except BaseException:
        _flush()
        raise
    else:
        if _flush():
            return
    sys.exit(ENDED_BY_PIPE)


def _flush() -> bool:
    """Flushes the output streams. Returns False if a stream has no reader any more."""
    was_read = True
    for stream in _streams():
        try:
            stream.flush()
        except BrokenPipeError:
            _discard(stream)
            was_read = False
    return was_read


def _streams() -> list[TextIO]:
    return [stream for stream in (sys.stdout, sys.stderr) if stream is not None]


def _has_no_reader(stream: TextIO) -> bool:
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # POLLERR and POLLHUP are always reported
    return bool(poll.poll(0))


def _discard(stream: TextIO) -> None:
    """Sends the remaining output to /dev/null, because Python would otherwise print an error at
    exit.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
