"""Access tokens: what they are, who may have which, and how they end."""

import hashlib
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import services
from accounts.exceptions import TokenInvalid, TooManyTokens
from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import ApiToken, Change, User
from accounts.sign_in import tokens
from accounts.sign_in.access import change_email, sign_out_everywhere
from accounts.sign_in.removal import remove_second_factors
from accounts.sign_in.token_text import in_base62, is_well_formed, new_text
from accounts.sign_in.tokens import TokenRefused
from tests.accounts.tokens import expire, issue
from tests.factories import UserFactory
from tests.refusals import refused_by
from tests.sign_in import add_app
from transactions.scope import may_read_bank

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com")
    return ana


def code_of(text: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        tokens.read(text)
    return caught.value.code


def test_a_token_has_a_prefix_a_secret_of_256_bits_and_a_checksum() -> None:
    made = {new_text() for _ in range(50)}
    assert len({text for _, text in made}) == 50
    for prefix, text in made:
        assert re.fullmatch(rf"ledger_{prefix}_[0-9A-Za-z]{{49}}", text)
        assert is_well_formed(text)
    assert in_base62(2**256 - 1, 43) < "z" * 43  # so every secret fits
    assert in_base62(0, 3) == "000"


def test_a_token_is_live_until_it_expires_or_is_revoked(ana: User) -> None:
    now = timezone.now()
    later = now + timedelta(microseconds=1)
    for expires_at, is_live in ((None, True), (later, True), (now, False)):
        assert ApiToken(expires_at=expires_at).is_live(now) == is_live
        assert not ApiToken(expires_at=expires_at, revoked_at=now).is_live(now)
    assert ApiToken(expires_at=now + timedelta(days=1)).is_live()
    assert not ApiToken(expires_at=now).is_live()
    end = now + timedelta(days=1)
    row, mine = issue(ana, expires_at=end).row, ApiToken.objects.of(ana)
    for moment, found in ((end - timedelta(microseconds=1), [row]), (end, []), (None, [row])):
        assert list(mine.live(moment)) == found
    assert list(ApiToken.objects.of(UserFactory())) == []


def test_a_token_with_a_currency_or_a_limit_limits_payments() -> None:
    assert not ApiToken().limits_payments
    for limit in ({"currency": "EUR"}, {"per_day": Decimal(5)}, {"per_payment": Decimal(5)}):
        assert ApiToken(**limit).limits_payments
    assert ApiToken(per_day=Decimal(5)).per_day_in("EUR") == 5
    assert ApiToken().per_day_in("EUR") is None
    assert ApiToken(scopes=["read", "pay"]).words == ["read", "pay"]
    assert ApiToken(scopes=["staff", "report"]).words == [
        "do what you may do as staff", "read the bank's numbers",
    ]  # fmt: skip
    customer = ApiToken(scopes=["read", "staff"], user=User())
    assert [customer.allows(scope) for scope in ("read", "pay", "staff")] == [True, False, False]


def test_a_mistyped_token_is_told_without_a_query(
    ana: User, django_assert_num_queries: Any
) -> None:
    text = issue(ana).text
    swapped = text[:20] + text[21] + text[20] + text[22:]
    wrong = [swapped, text[:-1], text + "0", text.lower(), text.upper(), "", "ledger_", "x" * 65]
    if swapped == text:
        wrong.remove(swapped)
    with django_assert_num_queries(0):
        assert {code_of(each) for each in wrong} == {"malformed"}


def test_its_person_is_found_by_one_query(ana: User, django_assert_num_queries: Any) -> None:
    text = issue(ana).text
    with django_assert_num_queries(1):
        token = tokens.owner_of(text)
    assert token is not None
    assert token.user == ana


def test_only_the_digest_is_stored(ana: User) -> None:
    issued = issue(ana)
    assert issued.row.hash == hashlib.sha256(issued.text.encode()).hexdigest()
    secret = issued.text.removeprefix(f"ledger_{issued.row.prefix}_")
    with connection.cursor() as cursor:
        for table in ("api_tokens", "changes", "row_register"):
            cursor.execute(
                f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", [f"%{secret}%"]
            )
            assert cursor.fetchone() == (0,)
    assert secret not in repr(issued)


def test_unknown_expired_and_revoked_tokens_and_those_of_closed_sign_ins_work_no_more(
    ana: User,
) -> None:
    unknown, old, ended, closed = new_text().text, issue(ana), issue(ana), issue(UserFactory())
    expire(old.row)
    assert tokens.revoke(token=ended.row, by=ana)
    assert not tokens.revoke(token=ended.row, by=ana)
    User.objects.filter(pk=closed.row.user_id).update(deleted_at=timezone.now())
    assert code_of(unknown) == "unknown"
    assert code_of(old.text) == "expired"
    assert code_of(ended.text) == "revoked"
    assert code_of(closed.text) == "closed"
    assert tokens.owner_of(unknown) is tokens.owner_of(old.text) is None


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"name": " \u200b "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": ()}, "scopes"),
        ({"scopes": ("read", "admin")}, "scopes"),
        ({"scopes": ("staff",)}, "scopes"),
        ({"scopes": ("read", "report")}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
        ({"per_payment": Decimal(5)}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"per_payment": Decimal(0), "currency": "EUR"}, "per_payment"),
        ({"per_day": Decimal("NaN"), "currency": "EUR"}, "per_day"),
        ({"per_day": Decimal("1e15"), "currency": "EUR"}, "per_day"),
        ({"per_day": Decimal("0.001"), "currency": "EUR"}, "per_day"),
    ],
)
def test_what_no_token_of_a_customer_can_be(ana: User, details: Any, field: str) -> None:
    wanted = {"name": "Mine", "scopes": ("read",), "expires_at": None} | details
    with pytest.raises(TokenInvalid) as caught:
        tokens.issue(person=ana, **wanted)
    assert caught.value.field == field
    assert not ApiToken.objects.exists()


def test_scopes_have_one_order_and_no_doubles(ana: User) -> None:
    assert issue(ana, "pay", "read", "pay").row.scopes == ["read", "pay"]


def test_a_person_has_twenty_tokens_that_work(ana: User) -> None:
    made = [issue(ana) for _ in range(tokens.MAX_VALID)]
    with pytest.raises(TooManyTokens):
        issue(ana)
    tokens.revoke(token=made[0].row, by=ana)
    issue(ana)
    issue(UserFactory())


def test_staff_and_readers_of_the_bank_get_their_scopes_and_lose_them_with_their_rights() -> None:
    clerk, analyst = UserFactory(is_staff=True), UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    of_clerk = issue(clerk, "read", "staff").text
    of_analyst = issue(analyst, "report").text
    assert tokens.read(of_clerk).allows("staff")
    assert tokens.read(of_analyst).allows("report")
    assert not tokens.read(of_analyst).allows("read")
    clerk.is_staff = False
    clerk.save()
    analyst.groups.clear()
    assert not tokens.read(of_clerk).allows("staff")
    assert tokens.read(of_clerk).allows("read")
    assert not tokens.read(of_analyst).allows("report")


def test_who_must_have_a_second_factor_needs_one_where_the_token_is_issued(
    ana: User, settings: Settings
) -> None:
    settings.LEDGER_STAFF_SECOND_FACTOR, settings.LEDGER_CUSTOMER_SECOND_FACTOR = True, False
    clerk = UserFactory(is_staff=True)
    with pytest.raises(TokenInvalid):
        issue(clerk, "staff", second_factor=False)
    tokens.read(issue(clerk, "staff").text)
    own = issue(clerk, "read", second_factor=False).text  # as the pages of their own accounts
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = True
    assert code_of(own) == "second_factor"
    with pytest.raises(TokenInvalid):
        issue(ana, second_factor=False)


def test_a_request_by_token_has_no_rights_but_those_of_its_scopes() -> None:
    boss = UserFactory(is_staff=True, is_superuser=True)
    text = {scope: issue(boss, scope).text for scope in ApiToken.TokenScope.values}

    def limited(scope: str) -> User:
        token = tokens.read(text[scope])
        token.user.limit_to(token.scopes)
        return token.user

    for scope in ("read", "pay"):
        person = limited(scope)
        assert (person.is_staff, person.is_superuser) == (False, False)
        assert not person.has_perm("transactions.view_transaction")
        assert not person.has_module_perms("accounts")
        assert not person.get_all_permissions()
    reader = limited("report")
    assert not reader.is_staff
    assert reader.has_perms(["transactions.view_transaction", "transactions.view_entry"])
    assert not reader.has_perm("accounts.view_user")
    assert limited("staff").is_staff
    assert limited("staff").has_perm("accounts.view_user")


def test_who_was_staff_reads_no_figures_by_a_token_either() -> None:
    """The group, which names people, stays with somebody who is not staff any more."""
    clerk = UserFactory(is_staff=True)
    clerk.groups.add(Group.objects.get(name=OPERATIONS))
    text = issue(clerk, "report").text

    def reads() -> tuple[bool, bool]:
        token = tokens.read(text)
        token.user.limit_to(token.scopes)
        return token.allows("report"), may_read_bank(token.user)

    assert reads() == (True, True)
    User.objects.filter(pk=clerk.pk).update(is_staff=False)
    assert reads() == (False, False)


def test_rights_that_a_token_took_away_are_not_saved() -> None:
    boss = UserFactory(is_staff=True)
    person = tokens.read(issue(boss).text).user
    person.limit_to(["read"])
    with pytest.raises(RuntimeError):
        person.save()
    with pytest.raises(RuntimeError):
        person.save(update_fields=["is_staff"])
    person.name = "Somebody"
    person.save(update_fields=["name"])
    boss.refresh_from_db()
    assert (boss.is_staff, boss.name) == (True, "Somebody")


def test_the_last_use_is_noted_once_a_minute(ana: User, django_assert_num_queries: Any) -> None:
    token = issue(ana).row
    tokens.note_use(token, "Berlin, Germany")
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    assert token.last_used_from == "Berlin, Germany"
    with django_assert_num_queries(0):
        tokens.note_use(token, "Paris, France")
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    token.refresh_from_db()
    tokens.note_use(token, "Paris, France")
    token.refresh_from_db()
    assert token.last_used_from == "Paris, France"


def deactivate(ana: User) -> None:
    services.deactivate_user(user=ana)


def close_and_open(ana: User) -> None:
    services.set_sign_in(user=ana, is_open=False)
    services.set_sign_in(user=ana, is_open=True)


def sign_out(ana: User) -> None:
    sign_out_everywhere(user=ana)


def remove_factors(ana: User) -> None:
    add_app(ana)
    remove_second_factors(user=ana)


def give_another_address(ana: User) -> None:
    change_email(user=ana, email="new@example.com")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (deactivate, "sign_in_closed"),
        (close_and_open, "sign_in_closed"),
        (sign_out, "by_staff"),
        (remove_factors, "factors_removed"),
        (give_another_address, "address_changed"),
    ],
)
def test_tokens_end_with_all_sessions(ana: User, end: Any, reason: str) -> None:
    text, other = issue(ana).text, issue(UserFactory()).text
    end(ana)
    assert code_of(text) == "revoked"
    assert ApiToken.objects.get(user=ana).reason == reason
    tokens.read(other)


@pytest.mark.django_db(transaction=True)
def test_the_person_is_told_of_a_new_and_of_a_revoked_token(ana: User) -> None:
    issued = issue(ana, "read", "pay")
    tokens.revoke(token=issued.row, by=None, reason="Found in a public repository")
    made, revoked = mail.outbox
    assert made.to == revoked.to == [ana.email]
    for message in (made, revoked):
        assert issued.row.prefix in message.body
        assert issued.text not in message.body
    assert "Found in" not in revoked.body


def test_a_token_never_changes_but_for_its_end_and_its_last_use(ana: User) -> None:
    token = issue(ana, "read").row
    other = UserFactory()
    for column, value in (
        ("scopes", ["read", "staff"]), ("user_id", other.pk), ("hash", "0" * 64), ("name", "Other"),
        ("per_day", 5), ("expires_at", None), ("second_factor", False), ("prefix", "00000000"),
    ):  # fmt: skip
        sql = f"UPDATE api_tokens SET {column} = %s WHERE id = %s"
        assert refused_by(sql, value, token.pk) == "api_token_stays", column
    assert refused_by("DELETE FROM api_tokens WHERE id = %s", token.pk) == "api_token_ends_first"
    tokens.revoke(token=token, by=ana)
    for change in ("revoked_at = NULL, reason = ''", "reason = 'other'"):
        sql = f"UPDATE api_tokens SET {change}, revoked_by_id = NULL WHERE id = %s"
        assert refused_by(sql, token.pk) == "api_token_end_is_final"
    sql = "UPDATE api_tokens SET reason = 'other' WHERE id = %s"
    assert refused_by(sql, token.pk) == "api_token_stays"
    ApiToken.objects.filter(pk=token.pk).delete()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"scopes": []}, "api_token_scopes_known"),
        ({"scopes": ["read", "root"]}, "api_token_scopes_known"),
        ({"hash": "Z" * 64}, "api_token_text_digested"),
        ({"prefix": "short"}, "api_token_text_digested"),
        ({"per_payment": Decimal(0), "currency": "EUR"}, "api_token_limits_positive"),
        ({"per_day": Decimal("NaN"), "currency": "EUR"}, "api_token_limits_positive"),
        ({"per_day": Decimal(5)}, "api_token_limits_have_currency"),
        ({"reason": "no time"}, "api_token_revoked_with_reason"),
        ({"revoked_at": timezone.now()}, "api_token_revoked_with_reason"),
    ],
)
def test_rows_that_the_database_refuses(ana: User, changes: Any, rule: str) -> None:
    values = {
        "id": "0190163d-8694-739b-aea5-966c26f8ad90", "user_id": ana.pk, "name": "Mine",
        "prefix": "0aZ0aZ0a", "hash": "0" * 64, "scopes": ["read"], "second_factor": False,
        "created_at": timezone.now(), "currency": "", "last_used_from": "", "reason": "",
    } | changes  # fmt: skip
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    sql = f"INSERT INTO api_tokens ({columns}) VALUES ({marks})"
    assert refused_by(sql, *values.values()) == rule


def test_the_history_of_the_person_has_the_token_without_its_digest(ana: User) -> None:
    token = issue(ana, "pay", per_day=Decimal(50), currency="EUR").row
    tokens.revoke(token=token, by=ana)
    made, ended = Change.objects.filter(table_name="api_tokens").order_by("changed_at")
    assert made.about == ended.about == str(ana.pk)
    assert made.after is not None
    assert ended.after is not None
    assert made.after["prefix"] == token.prefix
    assert made.after["scopes"] == "pay"
    assert token.hash not in str(made.after)
    assert set(ended.after) == {"revoked_at"}
