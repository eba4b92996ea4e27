"""Personal access tokens. A user's programs send a token instead of a password."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.author_triggers import by_its_author
from accounts.models.change_triggers import IN_UTC, recorded
from accounts.models.fields import MoneyField, times_finite
from accounts.models.token_rights import PAY, READ, REPORT, STAFF
from accounts.models.user import User
from ledger.db.history.register import ByRule, registered
from ledger.db.triggers import FirmTrigger, refuse

# Columns that never change, especially the token's rights and its owner.
FIXED = (
    "id", "user_id", "name", "prefix", "hash", "scopes", "per_payment", "per_day", "currency",
    "second_factor", "expires_at", "created_at",
)  # fmt: skip
END = ("revoked_at", "revoked_by_id", "reason")
LAST_USE = ("last_used_at", "last_used_from")


WORDS_OF_SCOPES = {
    READ: "read",
    PAY: "pay",
    STAFF: "do what you may do as staff",
    REPORT: "read the bank's numbers",
}


def _differs(*columns: str) -> str:
    old, new = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
    return f"ROW({old}) IS DISTINCT FROM ROW({new})"


TOKEN_STAYS = FirmTrigger(
    name="api_token_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF TG_OP = 'DELETE' THEN
            IF OLD.revoked_at IS NULL
               AND (OLD.expires_at IS NULL OR OLD.expires_at > clock_timestamp()) THEN
                {refuse("api_token_ends_first", "A token that works is revoked, not deleted.")}
            END IF;
            RETURN OLD;
        END IF;
        IF {_differs(*FIXED)} OR (OLD.revoked_at IS NOT NULL AND {_differs("reason")}) THEN
            {refuse("api_token_stays", "A token never changes: revoke it and make another one.")}
        END IF;
        RETURN NEW;
    """,
)
# An erasure may empty a reason, so TOKEN_STAYS is disabled during the erasure. This separate
# trigger stays enabled, so even a compromised worker cannot make a revoked token valid again.
TOKEN_END_IS_FINAL = FirmTrigger(
    name="api_token_end_is_final",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    func=f"""
        IF OLD.revoked_at IS NOT NULL AND {_differs("revoked_at", "revoked_by_id")} THEN
            {refuse("api_token_end_is_final", "A revoked token stays revoked.")}
        END IF;
        RETURN NEW;
    """,
)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def of(self, user: User) -> Self:
        """Filters to the person's tokens. The newest token is first."""
        return self.filter(user=user).order_by("-created_at", "-pk")

    def live(self, now: datetime | None = None) -> Self:
        """Filters to tokens that are valid: neither revoked nor expired."""
        expires_later = Q(expires_at=None) | Q(expires_at__gt=now or timezone.now())
        return self.filter(expires_later, revoked_at=None)


class ApiToken(models.Model):
    """An access token of a person. Its text is shown once, and only its SHA-256 is stored.

    A token allows an action only if both its `scopes` and the person's current rights allow the
    action. A token with `per_payment` or `per_day` pays only in `currency`, up to these amounts.
    `accounts.sign_in.tokens` issues, reads and revokes tokens.
    """

    class TokenScope(models.TextChoices):
        READ = READ, "Read"
        PAY = PAY, "Pay"
        STAFF = STAFF, "Staff"
        REPORT = REPORT, "Reports"

    # There is no other unique key, so that rows can be distributed over several servers.
    id = models.UUIDField(
        primary_key=True, editable=False, db_comment="The first half of the digest"
    )
    user = models.ForeignKey(User, models.PROTECT, related_name="api_tokens", db_index=False)
    name = models.CharField(max_length=100, db_comment="What the person calls it")
    prefix = models.CharField(max_length=8, db_comment="Shown in lists; no secret")
    hash = models.CharField(max_length=64, db_comment="SHA-256 of the whole token")
    scopes = ArrayField(models.CharField(max_length=10, choices=TokenScope.choices))
    per_payment = MoneyField(null=True, db_comment="Largest payment; NULL for none")
    per_day = MoneyField(null=True, db_comment="Most that it pays in a day; NULL for none")
    currency = models.CharField(
        max_length=3, blank=True, default="", db_comment="The only one it pays in; empty for any"
    )
    second_factor = models.BooleanField(
        default=False,
        db_comment="Whether a second factor was proved where it was issued; so by the command",
    )
    expires_at = models.DateTimeField(null=True, db_comment="NULL only for some of the command")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, db_comment="Exact to a minute")
    last_used_from = models.CharField(
        max_length=200, blank=True, default="", db_comment="A place in words, no internet address"
    )
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True, default="")

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        db_table_comment = "Personal access tokens; only their digests are stored"
        default_permissions = ("view",)
        verbose_name = "access token"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-created_at"], name="api_tokens_of_user")
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="api_token_scopes_known",
                condition=Q(scopes__len__gte=1, scopes__contained_by=[READ, PAY, STAFF, REPORT]),
                violation_error_message="A token has one or more of the scopes there are.",
            ),
            models.CheckConstraint(
                name="api_token_text_digested",
                condition=Q(prefix__regex="^[0-9A-Za-z]{8}$", hash__regex="^[0-9a-f]{64}$"),
                violation_error_message="A token has a prefix and the digest of its text.",
            ),
            models.CheckConstraint(
                name="api_token_limits_positive",
                condition=(Q(per_payment=None) | Q(per_payment__gt=0, per_payment__lt=10**15))
                & (Q(per_day=None) | Q(per_day__gt=0, per_day__lt=10**15)),
                violation_error_message="A limit is above zero, or empty for none.",
            ),
            models.CheckConstraint(
                name="api_token_limits_have_currency",
                condition=Q(per_payment=None, per_day=None) | Q(currency__regex="^[A-Z]{3}$"),
                violation_error_message="A token with a limit pays in one currency.",
            ),
            models.CheckConstraint(
                name="api_token_revoked_with_reason",
                condition=Q(revoked_at=None, revoked_by=None, reason="")
                | (Q(revoked_at__isnull=False) & ~Q(reason="")),
                violation_error_message="A revoked token says when it was revoked, and why.",
            ),
            models.CheckConstraint(
                name="api_token_times_finite",
                condition=times_finite("expires_at", "created_at", "last_used_at", "revoked_at"),
                violation_error_message="A time lies between 1900 and 9999.",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            TOKEN_STAYS,
            TOKEN_END_IS_FINAL,
            by_its_author(
                "api_token_by_its_owner", "user_id", "A token is issued to who is signed in."
            ),
            *recorded(
                "api_tokens",
                {
                    "prefix": "{row}.prefix",
                    "scopes": "array_to_string({row}.scopes, ', ')",
                    "per_payment": "{row}.per_payment::text",
                    "per_day": "{row}.per_day::text",
                    "currency": "nullif({row}.currency, '')",
                    "expires_at": IN_UTC.format("{row}.expires_at"),
                    "revoked_at": IN_UTC.format("{row}.revoked_at"),
                },
                "revoked_at",
                about="{row}.user_id",
            ),
            *registered(
                undigested=LAST_USE,
                by_rule=ByRule(END, "OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def words(self) -> list[str]:
        """The labels of the scopes, such as "read" and "pay" for the text "May read and pay"."""
        return [WORDS_OF_SCOPES[scope] for scope in self.scopes]

    def is_live(self, now: datetime | None = None) -> bool:
        """Returns whether the token is valid: neither revoked nor expired."""
        moment = now or timezone.now()
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)

    @property
    def limits_payments(self) -> bool:
        """Whether payments with this token must be checked against its currency and limits."""
        return bool(self.currency) or self.per_payment is not None or self.per_day is not None

    def per_day_in(self, _currency: str) -> Decimal | None:
        """Returns the daily limit, or None if there is none. A token has only one currency."""
        most: Decimal | None = self.per_day
        return most

    def allows(self, scope: str) -> bool:
        """Returns whether the token has this scope, and its owner still has the rights for this
        scope.
        """
        return scope in self.scopes and self.user.may_have_scope(scope)
