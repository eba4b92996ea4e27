"""Sessions with their users. A user can list and end their sessions."""

from typing import Any, ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

from accounts.models.user import User


class WebSessionManager(BaseSessionManager["WebSession"]):
    """Manager of sessions."""

    use_in_migrations = False


class WebSession(AbstractBaseSession):
    """A session. The table contains only a digest of the session's key, so a person who can read
    the table cannot use the session.

    `accounts.sign_in.session_store` writes these rows and decides when a session has ended.
    """

    session_key = models.CharField(max_length=64, primary_key=True, db_comment="SHA-256 of the key")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    started_at = models.DateTimeField(default=timezone.now, db_comment="When its person signed in")
    last_seen_at = models.DateTimeField(default=timezone.now, db_comment="Exact to a minute")

    wal_position = models.BigIntegerField(
        null=True, db_comment="The byte of WAL up to which it has written; NULL: see replicas"
    )

    objects = WebSessionManager()  # type: ignore[misc]

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        db_table = "sessions"
        indexes: ClassVar[list[models.Index]] = []

    def save(self, *, force_update: bool = False, **options: Any) -> None:
        """Saves the row. Does not write `wal_position` of an existing row, because a parallel
        request may have raised the position.
        """
        if force_update:
            fields = [each.name for each in self._meta.concrete_fields if not each.primary_key]
            options["update_fields"] = [name for name in fields if name != "wal_position"]
        super().save(force_update=force_update, **options)
