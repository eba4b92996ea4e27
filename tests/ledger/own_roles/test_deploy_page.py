"""The commands that docs/deploy-aws.md runs within a task, as the owner of the tables."""

import pytest

from tests.console import Block, blocks_of, missing_line
from tests.ledger.own_roles.conftest import OWNER, ManagedServer

BLOCKS = [block for block in blocks_of("docs/deploy-aws.md") if block.where == "task"]
# Who signs up on the site before the commands of the page name them.
SIGN_UPS = """
from accounts.models import User
for name in ("Mona", "Clara"):
    email = f"{name.lower()}@bank.example"
    if not User.objects.filter(email=email).exists():
        User.objects.create_user(email=email, name=name)
"""
PASSWORD = {"DJANGO_SUPERUSER_PASSWORD": "lanterns-over-slow-rivers"}


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_each_command_in_a_task_does_what_the_page_says(
    block: Block, managed: ManagedServer
) -> None:
    managed.run(OWNER, "shell", "-v", "0", "-c", SIGN_UPS)
    for step in block.steps:
        _settings, (program, *arguments) = step.words()
        assert program == "manage.py"
        if arguments[0] == "createsuperuser":
            arguments.append("--no-input")  # the test has no terminal to type the password
        done = managed.manage(OWNER, *arguments, **PASSWORD)
        assert done.returncode == 0, done.stderr
        assert not missing_line(step, done.stdout), done.stdout


def test_the_page_has_such_commands() -> None:
    commands = [step.words()[1][1] for block in BLOCKS for step in block.steps]
    assert commands == ["createsuperuser", "audit_ledger", "give_group", "give_group"]
