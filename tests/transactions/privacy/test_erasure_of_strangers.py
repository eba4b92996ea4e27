"""The name that a person chose changes nothing of people who never had to do with them."""

from decimal import Decimal
from unittest.mock import Mock
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client

from accounts import services as account_services
from accounts.erased import HOUSEHOLD_NAME
from accounts.models import (
    Account,
    Change,
    Household,
    LimitChange,
    Read,
    User,
)
from banking.attachments.storage import StorageFailed
from explorer.models import SavedQuery
from ledger.db.history.facts import with_facts
from ledger.db.ids import uuid7
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory, UserFactory
from tests.sign_in import mailed_code, sign_up
from tests.transactions.privacy.texts import texts_of, trail_of_staff
from transactions.audit.audit import audit
from transactions.payees.models import Payee
from transactions.privacy import erasure
from transactions.privacy.erasure import all_texts, erase
from transactions.privacy.leaving import leave
from transactions.privacy.traces import traces_of

pytestmark = pytest.mark.django_db
SETTINGS = {"saved_reports", "own_categories", "budgets", "category_rules"}


def rows_without(account: Account) -> dict[str, set[str]]:
    """By table, the rows that have neither the id of the account's person nor of the account."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            texts = {text for (text,) in cursor.fetchall()}
            about = (str(account.pk), str(account.user_id))
            rows[table] = {text for text in texts if not any(id in text for id in about)}
    return rows


@pytest.mark.parametrize("name", ["groceries", "Select", "Ben Okafor"])
def test_erasing_a_person_changes_no_row_of_somebody_who_never_met_them(
    name: str, clerk: User
) -> None:
    ben = AccountFactory(user=UserFactory(name="Ben Okafor"), name=name, balance="100")
    shop = AccountFactory(user=UserFactory(name="The shop"))
    text = f"For {name} - select it"
    trail_of_staff(ben, shop, texts_of(ben, shop, text), text, clerk)
    stranger: Account = AccountFactory(user=UserFactory(name=name))
    leave(person=stranger.user)
    before = rows_without(stranger)
    found = all_texts(traces_of(stranger.user))
    searched = SETTINGS | {each.rows.model._meta.db_table for each in found}
    assert searched <= {table for table, rows in before.items() if name in " ".join(rows)}

    erase(User.objects.get(pk=stranger.user_id))

    after = rows_without(stranger)
    changed = {table: rows - after[table] for table, rows in before.items()}
    assert {table: rows for table, rows in changed.items() if rows} == {}


def test_an_address_that_somebody_else_has_now_stays_in_texts(clerk: User) -> None:
    person = UserFactory(email="shared@mail.example")
    person.email = "own@mail.example"
    person.save()
    ben = AccountFactory(user=UserFactory(email="shared@mail.example"))
    for limit, reason in ((7, "shared@mail.example asked"), (8, "own@mail.example asked")):
        account_services.change_account(
            account=ben, daily_limit=Decimal(limit), reason=reason, changed_by=clerk
        )
    leave(person=person)
    person.refresh_from_db()
    erase(person)
    reasons = LimitChange.objects.order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["shared@mail.example asked", ""]


@pytest.mark.parametrize("fails_first", [False, True])
@pytest.mark.parametrize("is_confirmed", [False, True])
def test_the_address_of_a_sign_up_counts_only_if_it_was_confirmed(
    is_confirmed: bool, fails_first: bool, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_up(client, email="info@supplier.example")
    person = User.objects.get(email="info@supplier.example")
    if is_confirmed:
        client.post("/account/confirm-email/", {"code": mailed_code()})
    note = note_of(UserFactory(), "write to info@supplier.example")
    account_services.deactivate_user(user=person)
    if fails_first:
        with monkeypatch.context() as patch:
            patch.setattr(erasure, "_erase_for_good", Mock(side_effect=StorageFailed))
            with pytest.raises(StorageFailed):
                erase(User.objects.get(pk=person.pk))
        Payee.objects.update(note="write to info@supplier.example")

    erase(User.objects.get(pk=person.pk))

    note.refresh_from_db()
    assert note.note == ("" if is_confirmed else "write to info@supplier.example")


def test_an_address_that_staff_entered_counts_before_it_is_confirmed(
    client: Client, clerk: User
) -> None:
    sign_up(client, email="info@supplier.example")
    person = User.objects.get(email="info@supplier.example")
    with with_facts(lambda: {"person": str(clerk.pk), "path": "/admin/accounts/user/"}):
        account_services.change_email(user=person, email="eve@mail.example")
    texts = ["write to eve@mail.example", "write to info@supplier.example"]
    notes = [note_of(UserFactory(), text) for text in texts]
    account_services.deactivate_user(user=person)

    erase(User.objects.get(pk=person.pk))

    left = [Payee.objects.get(pk=note.pk).note for note in notes]
    assert left == ["", texts[1]]


def test_a_person_who_had_hundreds_of_long_addresses_is_erased() -> None:
    person = UserFactory()
    domain = ".".join(["d" * 30] * 3) + ".example"
    addresses = [f"{number:064}@{domain}" for number in range(700)]
    EmailAddress.objects.bulk_create(
        EmailAddress(user=person, email=email, verified=True) for email in addresses
    )
    EmailAddress.objects.filter(user=person).delete()
    texts = ["write to " + email for email in (addresses[0], addresses[-1], f"x{addresses[-1]}")]
    notes = [note_of(UserFactory(), text) for text in texts]
    account_services.deactivate_user(user=person)

    erase(User.objects.get(pk=person.pk))

    assert [Payee.objects.get(pk=note.pk).note for note in notes] == ["", "", texts[2]]


def test_each_address_goes_from_a_query_of_somebody_else(clerk: User) -> None:
    addresses = ["brien@mail.example", "o'brien@mail.example"]
    person = UserFactory(email=addresses[0])
    EmailAddress.objects.create(user=person, email=addresses[1], verified=True)
    sql = "SELECT 'o''Brien@mail.example', 'brien@mail.example', 'x.brien@mail.example'"
    query = SavedQuery.objects.create(owner=clerk, title=addresses[1], sql=sql)
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    query.refresh_from_db()
    assert (query.title, query.sql) == (
        "erased",
        "SELECT 'erased', 'erased', 'x.brien@mail.example'",
    )


ZED = "brien@mail.example"
OTHER_ADDRESSES = ("Write to o'{}", "SELECT 'o''{}'", r"SELECT E'o\'{}'", "o'{}'s account")
SIGNS_AROUND_IT = (
    "'{}'", "= '{}'", "E'{}'", "IN ('a', E'{}')", "SELECT ''{}''", "LIKE '%{}%'", "`{}`", "~{}",
    "email={}", "?a=b&{}", "mailto:{}", "{{{}}}", "a|{}|b", "*{}*", "/{}/", "#{}", "{}'s account",
)  # fmt: skip


def test_addresses_of_others_that_end_with_it_stay(clerk: User) -> None:
    person = UserFactory(email=ZED)
    for sign in "'!#$%&*/=?^`{|}~":
        email = f"o{sign}{ZED}"
        ben = AccountFactory(user=UserFactory(email=email))
        note_of(ben.user, f"he writes from {email}")
        account_services.change_account(
            account=ben, daily_limit=Decimal(7), reason=f"O{email[1:]} asked", changed_by=clerk
        )
        for query in (f"q={email}", urlencode({"q": email})):
            Read.objects.create(
                reader=clerk, page="-", path="/", query=query, address="", people=[ben.user_id]
            )
    leave(person=person)
    before = rows_of_others(person)

    erase(User.objects.get(pk=person.pk))

    assert before - rows_of_others(person) == set()


def rows_of_others(person: User) -> set[str]:
    return set().union(*rows_without(AccountFactory.build(user=person)).values())


def test_an_apostrophe_after_a_letter_is_a_part_of_an_address(clerk: User) -> None:
    texts = [text.format(ZED) for text in OTHER_ADDRESSES]
    assert left_of(texts, clerk) == texts


def test_quotes_and_signs_around_an_address_do_not_hide_it(clerk: User) -> None:
    UserFactory(email=f"o'{ZED}")
    texts = [text.format(ZED) for text in SIGNS_AROUND_IT]
    assert left_of(texts, clerk) == []


def left_of(texts: list[str], clerk: User) -> list[str]:
    """Erases the person with the address ZED. Returns the texts that notes and searches keep."""
    person, owner = UserFactory(email=ZED), UserFactory()
    for text in texts:
        note_of(owner, text)
        Read.objects.create(
            reader=clerk, page="-", path="/", query=urlencode({"q": text}), address="", people=[]
        )
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    notes = set(Payee.objects.values_list("note", flat=True)) - {""}
    queries = set(Read.objects.values_list("query", flat=True)) - {""}
    assert {urlencode({"q": note}) for note in notes} == queries
    return [text for text in texts if text in notes]


def test_an_address_that_somebody_else_had_goes_from_their_history() -> None:
    ben = UserFactory(email="ben@mail.example")
    for email in ("zq@mail.example", "ben@mail.example"):
        ben.email = email
        ben.save()
    person = UserFactory(email="zq@mail.example")
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    history = Change.objects.filter(table_name="users", about=str(ben.pk)).order_by("changed_at")
    emails = [(row.before or {}).get("email") for row in history]
    assert emails == [None, "ben@mail.example", None]
    found = audit()
    assert found.clean, found.findings


@pytest.mark.parametrize("knows", [True, False])
def test_a_name_goes_from_notes_of_people_of_the_household(knows: bool) -> None:
    home = Household.objects.create(name="Elm Street 4")
    person = UserFactory(name="Zo\u00eb Quirin", household=home)
    other = UserFactory(household=home if knows else None)
    note = "Aunt of ZO\u00cb  Quirin"
    payee = note_of(other, note)
    leave(person=person)
    erase(User.objects.get(pk=person.pk))
    payee.refresh_from_db()
    assert payee.note == ("" if knows else note)


def note_of(owner: User, note: str) -> Payee:
    """A payee of the owner with this note."""
    row: Payee = Payee.objects.create(
        id=uuid7(), owner=owner, account=AccountFactory(), name="Shop", note=note
    )
    return row


def test_another_household_of_the_same_name_is_not_the_persons() -> None:
    homes = [Household.objects.create(name="Smith") for _ in range(3)]
    own, of_strangers, empty = homes
    person = UserFactory(name="Anna Smith", household=own)
    stranger: Account = AccountFactory(user=UserFactory(name="Bob Smith", household=of_strangers))
    note = note_of(stranger.user, "Rent for Anna Smith, my daughter")
    order = order_of(
        stranger, AccountFactory(), description="Rent for Anna Smith", reference="Anna Smith"
    )
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    note.refresh_from_db()
    order.refresh_from_db()
    assert note.note == "Rent for Anna Smith, my daughter"
    assert (order.description, order.reference) == ("Rent for Anna Smith", "Anna Smith")
    empty.refresh_from_db()
    own.refresh_from_db()
    assert (empty.name, own.name) == ("Smith", HOUSEHOLD_NAME)
    named = Change.objects.filter(table_name="households", after__name="Smith")
    assert set(named.values_list("about", flat=True)) == {str(of_strangers.pk), str(empty.pk)}


def test_a_household_that_was_renamed_after_the_person_moved_out_is_found() -> None:
    home = Household.objects.create(name="Quirin, Elm Street 4")
    person = UserFactory(name="Zo\u00eb Quirin", household=home)
    note = note_of(UserFactory(household=home), "For Zo\u00eb Quirin")
    person.household = None
    person.save()
    home.name = "Elm Street 4"
    home.save()
    leave(person=person)

    erase(User.objects.get(pk=person.pk))

    note.refresh_from_db()
    assert note.note == ""
