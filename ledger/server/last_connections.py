"""Lets nobody connect to a listening socket any more, while it still gives out who has connected.

Closing it would reset the connections that no process has accepted yet, and whoever connects
between the last accept and the close. So the kernel is asked first to drop what begins a
connection: a client sends that again after a second, and is then refused. Some kernels let only
root ask for that. There the queue of connections becomes as short as possible: one may be reset.
"""

import ctypes
import socket
import struct
import sys
from contextlib import suppress

SO_ATTACH_FILTER = 26  # Linux
# Classic BPF over the TCP header: drop packets with SYN and without ACK, take all others.
DROP_SYN = (
    (0x30, 0, 0, 13),  # load byte 13, the flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK of them
    (0x15, 0, 1, 0x02),  # SYN alone? Otherwise skip one
    (0x06, 0, 0, 0),  # return 0 bytes of the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # return all of it
)


def take_no_more(listener: socket.socket) -> None:
    """Does so on Linux; elsewhere nothing."""
    if sys.platform != "linux":
        return
    try:
        _drop_syn(listener)
    except OSError:
        with suppress(OSError):
            listener.listen(0)  # one waits, and what begins another is dropped


def _drop_syn(listener: socket.socket) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in DROP_SYN))
    listener.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("HP", len(DROP_SYN), ctypes.addressof(program)),
    )
