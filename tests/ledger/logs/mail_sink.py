"""A mail server that keeps what it is sent."""

import email
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message


class _Mails(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    kept: list[str]
    refuses = False


class _Conversation(socketserver.StreamRequestHandler):
    """As much of SMTP as Django speaks."""

    server: _Mails

    def handle(self) -> None:
        if self.server.refuses:
            self._say("554 no service for violet.visitor@example.com")
            return
        self._say("220 mail.example")
        while line := self.rfile.readline():
            word = line.decode().split()[0].upper()
            if word == "EHLO":
                self._say("250-mail.example\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                self._say("235 welcome")
            elif word == "DATA":
                self._say("354 go on")
                self._read()
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _read(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.decode())
        self.server.kept.append("".join(lines))
        self._say("250 kept")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class MailSink:
    def __init__(self, server: _Mails) -> None:
        self._server = server
        self.port: int = server.server_address[1]

    def refuse(self) -> None:
        """From now on."""
        self._server.refuses = True

    def accept(self) -> None:
        self._server.refuses = False

    @property
    def mails(self) -> list[Message]:
        return [email.message_from_string(text) for text in self._server.kept]

    def last(self, pattern: str) -> str:
        """What the pattern's group matches in the last mail."""
        found = re.search(pattern, _text_of(self.mails[-1]), re.MULTILINE)
        assert found, _text_of(self.mails[-1])
        return found[1]


def _text_of(mail: Message) -> str:
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    return body.decode().replace("\r\n", "\n")


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    with _Mails(("127.0.0.1", 0), _Conversation) as server:
        server.kept = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield MailSink(server)
        finally:
            server.shutdown()
            thread.join()
