"""Calls an application so that its Python frames lie in one chunk of memory.

Note [One chunk of frames]: CPython 3.11 and later put the frames of a thread into chunks of 16 KiB.
A call that begins a new chunk maps memory, and its return unmaps it. If a loop calls functions just
at the end of a chunk, each call does both: a page of 50 entries as JSON took up to three times as
long, depending on how many middlewares were above it. A frame of FRAME_SLOTS makes CPython map a
chunk of 128 KiB, and leaves 70 KiB of it, which is enough for about 300 calls below.
Source: `push_chunk` and `DATA_STACK_CHUNK_SIZE` in CPython's `Python/pystate.c`.
"""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

# The smallest frame for which CPython maps 128 KiB: it adds 1,000 slots of 8 bytes, and doubles.
FRAME_SLOTS = 7_200


def in_one_chunk(application: WSGIApplication) -> WSGIApplication:
    """Returns an application that calls this one from a frame of FRAME_SLOTS."""

    def call(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return application(environ, start_response)

    call.__code__ = call.__code__.replace(co_stacksize=FRAME_SLOTS)
    return call
