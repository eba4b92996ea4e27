"""The end of a command whose output nobody reads any more, as after `| head -3`."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

ENDED_BY_PIPE = 141  # how shells report SIGPIPE, by which other programs end then


@contextmanager
def ends_without_reader() -> Iterator[None]:
    """Ends the process without a message if the reader of its output is gone. A broken pipe of
    another kind stays an error.
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
    """Returns whether all output was read, or can be."""
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
    """Sends what is left to /dev/null, or Python would report it at the exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
