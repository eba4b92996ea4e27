"""`--part 2/3`: divides the chosen tests into parts by their files, for runs side by side.

A file is always in one part, so what its tests share is built once.
"""

import re
import zlib

import pytest

WELL_FORMED = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def add_option(parser: pytest.Parser) -> None:
    parser.addoption("--part", type=_part, metavar="K/N", help="run the K-th of N parts")


def leave_out_others(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests of other parts, if a part was asked for."""
    part = config.getoption("--part")
    if part is None:
        return
    chosen, others = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        (chosen if part_of(item.nodeid, part[1]) == part[0] else others).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=others)


def part_of(nodeid: str, parts: int) -> int:
    """Returns the part of a test, from 1 on, which depends on the path of its file alone."""
    file, _, _ = nodeid.partition("::")
    return zlib.crc32(file.encode()) % parts + 1


def _part(text: str) -> tuple[int, int]:
    found = WELL_FORMED.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError(text)
    return int(found[1]), int(found[2])
