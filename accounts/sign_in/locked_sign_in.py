"""Defines the context manager in which all changes of credentials run: one database transaction
that has locked the user and the session.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from allauth.account.adapter import get_adapter
from django.db import transaction as db_transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.sign_in import sessions

KEPT_NOTICES = "kept_notices"  # request attribute with the mails that are sent after the commit


@contextmanager
def locked_sign_in(request: HttpRequest) -> Iterator[None]:
    """Runs the block in a database transaction that has locked the user and the session: see Note
    [Lock of a session]. Sets `request.user` to the current row of the user. Sends notifications
    after the commit.

    Raises: SignInChanged, as described at `sessions.lock`.
    """
    kept: list[tuple[object, ...]] = []
    setattr(request, KEPT_NOTICES, kept)
    try:
        with db_transaction.atomic():
            request.user = sessions.lock(cast("User", request.user), request.session.session_key)
            yield
    finally:
        delattr(request, KEPT_NOTICES)
    for notice in kept:
        get_adapter(request).send_notification_mail(*notice)
