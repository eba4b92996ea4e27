"""Formats the address of a server, and checks that its port is free."""

import socket


def address_of(host: str, port: int) -> str:
    """Returns the host and the port as one text. An IPv6 host is in brackets, as in URLs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def check_is_free(host: str, port: int) -> None:
    """Raises OSError if a server cannot use this port. The host `::` also includes all IPv4
    addresses, as for gunicorn.
    """
    with socket.socket(family_of(host)) as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen()
