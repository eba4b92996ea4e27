from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.processes import reachable_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as found:
        yield found
