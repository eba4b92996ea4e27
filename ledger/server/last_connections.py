"""Blocks new connections to a listening socket, but still accepts connections that have already
begun.

If the socket were closed, the kernel would reset connections that no process has accepted yet.
Therefore the kernel first drops SYN packets, which begin a connection. A client sends its SYN
packet again after a second, and is then refused. Some kernels allow this filter only to root. On
these kernels the queue of connections is made as short as possible, and one connection may be
reset.
"""

import ctypes
import socket
import struct
import sys
from contextlib import suppress

SO_ATTACH_FILTER = 26  # the number of this option on Linux
# A classic BPF program for the TCP header. It drops packets with SYN and without ACK, and accepts
# all other packets.
DROP_SYN = (
    (0x30, 0, 0, 13),  # load byte 13, which contains the flags
    (0x54, 0, 0, 0x12),  # keep the bits SYN and ACK
    (0x15, 0, 1, 0x02),  # only SYN? If not, skip the next instruction
    (0x06, 0, 0, 0),  # return 0 bytes of the packet, so that the kernel drops it
    (0x06, 0, 0, 0xFFFFFFFF),  # return the whole packet
)


def take_no_more(listener: socket.socket) -> None:
    """Blocks new connections to the socket `listener` on Linux. Does nothing on other systems."""
    if sys.platform != "linux":
        return
    try:
        _drop_syn(listener)
    except OSError:
        with suppress(OSError):
            listener.listen(0)  # one connection can wait, and the kernel drops further SYN packets


def _drop_syn(listener: socket.socket) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in DROP_SYN))
    listener.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("HP", len(DROP_SYN), ctypes.addressof(program)),
    )
