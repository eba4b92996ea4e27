"""Finds a person for a management command."""

from django.core.management.base import CommandError

from accounts.models import User


def signing_in_with(email: str, *, is_locked: bool = False) -> User:
    """Returns the person with this address, in upper or lower case. If `is_locked`, the row is
    locked until the database transaction ends.

    Raises: CommandError if no person has the address.
    """
    people = User.objects.select_for_update(no_key=True) if is_locked else User.objects.all()
    try:
        person: User = people.get(email=email.lower())
    except User.DoesNotExist:
        raise CommandError(f"Nobody signs in with {email}.") from None
    return person
