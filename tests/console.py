"""Reads the ```console blocks of a page in docs, so that tests run the commands of the page.

A line that begins with "$ " is a command, up to a comment. The command continues on the next line
while a quotation is open, or after a backslash. The lines below a command are its output, in this
order. A line "..." matches any lines. The words after `console` in the first line of a block define
where the test runs the block.
"""

import re
import shlex
from dataclasses import dataclass, field

from ledger.env import BASE_DIR

BLOCK = re.compile(r"^```console *(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
COMMENT = re.compile(r"\s{2,}# .*$")


@dataclass
class Step:
    """One command and its expected output."""

    command: str
    prints: list[str] = field(default_factory=list)

    def words(self) -> tuple[dict[str, str], list[str]]:
        """Returns the settings before the command, and the command with its arguments."""
        words, settings = shlex.split(self.command), {}
        while (parts := words[0].partition("=")) and parts[0].isupper() and parts[1]:
            settings[parts[0]] = parts[2]
            words = words[1:]
        return settings, words


@dataclass
class Block:
    where: str
    line: int
    steps: list[Step]

    @property
    def name(self) -> str:
        return f"line {self.line}: {self.steps[0].command}"


def blocks_of(page: str) -> list[Block]:
    """Returns the blocks of a page (a path below the root) that contain commands with "$ "."""
    text = read(page)
    found = []
    for match in BLOCK.finditer(text):
        steps: list[Step] = []
        for line in match[2].splitlines():
            if line.startswith("$ "):
                steps.append(Step(COMMENT.sub("", line[2:])))
            elif steps and steps[-1].command.endswith("\\"):
                steps[-1].command = f"{steps[-1].command[:-1]} {COMMENT.sub('', line.strip())}"
            elif steps and steps[-1].command.count('"') % 2:
                steps[-1].command += f"\n{line}"
            elif steps and line.strip() not in ("", "..."):
                steps[-1].prints.append(line.strip())
        if steps:
            found.append(Block(match[1], text[: match.start()].count("\n") + 1, steps))
    return found


def configuration_of(page: str, where: str) -> str:
    """Returns the lines of the page's ```conf block that has this word after `conf`."""
    found = re.search(rf"^```conf {where}\n((?:.*\n)*?)```$", read(page), re.MULTILINE)
    assert found, f"{page} has no block conf {where}"
    return found[1]


def read(page: str) -> str:
    return (BASE_DIR / page).read_text()


def missing_line(step: Step, printed: str) -> str:
    """Returns the first expected line that the command did not print in this order, or "" if all
    lines were printed. Compares lines with single spaces, and names of migrations without their
    numbers, because other changes may take the number.
    """
    lines = [_compared(line) for line in printed.splitlines()]
    at = 0
    for promised in step.prints:
        wanted = _compared(promised)
        while at < len(lines) and wanted not in lines[at]:
            at += 1
        if at == len(lines):
            return promised
        at += 1
    return ""


def _compared(line: str) -> str:
    return " ".join(re.sub(r"\.\d{4}_", ".", line).split())
