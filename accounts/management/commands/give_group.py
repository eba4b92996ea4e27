"""Adds a person to any group. A new installation has no user who could do this on a page."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction as db_transaction

from accounts.groups import ANALYSTS
from accounts.management.people import signing_in_with
from ledger.db.history.facts import set_reason

WHY = "By manage.py give_group"  # the reason in the history


class Command(BaseCommand):
    help = (
        "Add a person to a group, and make them staff unless the group is analysts. People with"
        " the group people_admin cannot add rights that they lack themselves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address with which the person signs in")
        parser.add_argument("group", help="such as operations; see docs/staff.md")

    def handle(self, *, email: str, group: str, **_options: Any) -> None:
        """Adds the person to the group.

        Raises: CommandError if the person or the group does not exist.
        """
        with db_transaction.atomic(durable=True):
            person = signing_in_with(email, is_locked=True)
            given = Group.objects.filter(name=group).first()
            if given is None:
                known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
                raise CommandError(f"There is no group {group}; there are {known}.")
            set_reason(WHY)
            person.groups.add(given)
            if group != ANALYSTS and not person.is_staff:
                person.is_staff = True
                person.save(update_fields=["is_staff"])
        self.stdout.write(f"{person} is in {group} now.")
