"""The processes that work, and what they said."""

import json
import subprocess
import sys
import threading
from collections import defaultdict
from typing import IO, Any

from ledger.env import BASE_DIR
from tests.ledger.processes import LONG, wait_until

ANSWERS = ("done", "refused")


class Journal:
    """Starts processes that work and keeps each line that they print, in order for each."""

    def __init__(
        self, seed: int, settings: dict[str, str], processes: int, errors: IO[str]
    ) -> None:
        self.seed, self.settings, self.errors = seed, settings, errors
        self.lines: list[dict[str, Any]] = []
        self.processes: list[subprocess.Popen[str]] = []
        self.killed: set[int] = set()
        self.readers: list[threading.Thread] = []
        for _ in range(processes):
            self.start()

    def start(self) -> None:
        number = len(self.processes)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.faults.work", str(self.seed), str(number)],
            cwd=BASE_DIR,
            env=self.settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.processes.append(process)
        reader = threading.Thread(target=self._read, args=[process])
        reader.start()
        self.readers.append(reader)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):  # a killed process may leave a part
                self.lines.append(json.loads(line))

    @property
    def steps(self) -> int:
        return sum(line["event"] in ANSWERS for line in list(self.lines))

    def wait_for(self, more: int) -> None:
        enough = self.steps + more
        wait_until(lambda: self.steps >= enough)

    def kill_one(self, which: int) -> None:
        """Kills one of the processes that live, and starts another in its place."""
        living = [each for each in self.processes if each.pid not in self.killed]
        victim = living[which % len(living)]
        self.killed.add(victim.pid)
        victim.kill()
        self.start()

    def stop(self) -> None:
        """Ends all. Nothing waits for ever: each answers within LONG seconds."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
        for process, reader in zip(self.processes, self.readers, strict=True):
            code = process.wait(LONG)
            reader.join(LONG)
            if process.stdout is not None:
                process.stdout.close()
            assert code == 0 or process.pid in self.killed, "a process failed: see its traceback"

    def by_key(self) -> dict[str, list[dict[str, Any]]]:
        """What was said of each step, in order."""
        found = defaultdict[str, list[dict[str, Any]]](list)
        for line in self.lines:
            found[line["key"]].append(line)
        return found
