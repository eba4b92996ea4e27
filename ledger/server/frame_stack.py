"""Calls an application so that its Python frames are in one chunk of memory.

Note [One chunk of frames]: CPython 3.11 and later store the frames of a thread in chunks of 16 KiB.
A call that begins a new chunk maps memory, and its return unmaps the memory. If a loop calls
functions at the end of a chunk, each call maps and unmaps memory. A page of 50 entries as JSON then
took up to three times as long, depending on the number of middleware classes. A frame of
FRAME_SLOTS makes CPython map a chunk of 128 KiB. The remaining 70 KiB are enough for about 300
nested calls.

Source: `push_chunk` and `DATA_STACK_CHUNK_SIZE` in CPython's `Python/pystate.c`.
"""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

# The smallest frame for which CPython maps 128 KiB. CPython adds 1,000 slots of 8 bytes to the
# frame, and doubles the size of the chunk until the frame fits.
FRAME_SLOTS = 7_200


def in_one_chunk(application: WSGIApplication) -> WSGIApplication:
    """Returns an application that calls `application` from a frame of FRAME_SLOTS."""

    def call(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return application(environ, start_response)

    call.__code__ = call.__code__.replace(co_stacksize=FRAME_SLOTS)
    return call
