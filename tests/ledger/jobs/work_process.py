"""`manage.py work` as a process of its own."""

import signal
import subprocess
import threading

from tests.ledger.processes import LONG, MANAGE


class WorkProcess:
    """`manage.py work`, and the lines that it has printed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*MANAGE, "work"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.strip())

    def said(self, words: str, times: int = 1) -> bool:
        return sum(words in line for line in list(self.lines)) >= times

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after this signal."""
        self.process.send_signal(number)
        code = self.process.wait(LONG)
        self._reader.join(LONG)
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        if self.process.stderr is not None:
            self.process.stderr.close()
