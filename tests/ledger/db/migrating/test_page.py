"""What docs/migrations.md says, each block run on a database of its own."""

from collections.abc import Callable

import pytest

from tests.console import Block, blocks_of, missing_line
from tests.ledger.databases import Database

BLOCKS = blocks_of("docs/migrations.md")
NAMED = ("createdb", "showmigrations", "sqlmigrate", "migrate accounts zero", "--fake")


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_each_command_of_the_page_does_what_the_page_says(
    block: Block, new_database: Callable[[str], Database]
) -> None:
    database = new_database(block.where)

    for step in block.steps:
        settings, (program, *arguments) = step.words()
        assert program == "manage.py"
        done = database.manage(*arguments, **settings)
        printed = done.stdout + done.stderr
        assert not missing_line(step, printed), f"{step.command} printed:\n{printed}"
        is_refused = any(line.startswith("CommandError") for line in step.prints)
        assert (done.returncode != 0) == is_refused, f"{step.command} printed:\n{printed}"
        assert "Traceback" not in printed


def test_the_page_has_every_command_of_migrations() -> None:
    commands = " ".join(step.command for block in BLOCKS for step in block.steps)
    assert all(name in commands for name in NAMED)
