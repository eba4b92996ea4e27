"""Staff without the right to see contact details cannot read a whole account number of a
customer.
"""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.models.number_rights import SHOW_NUMBERS
from accounts.models.token_rights import PERMISSIONS_OF_REPORTS
from tests.attacks.answers import Answer, ask
from tests.attacks.bank import AttackedBank
from tests.attacks.forms import PageForm, forms_of
from tests.attacks.parameters import page_of
from tests.attacks.people import attempt_of, signed_in
from tests.attacks.reading import OK
from tests.attacks.walk import addresses
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("practice_bank")]


@pytest.fixture
def bank(bank_of_the_module: AttackedBank, no_lines_of_refused_requests: None) -> AttackedBank:
    return deepcopy(bank_of_the_module)


@pytest.fixture
def reader() -> User:
    """A member of staff with every right except the right to see contact details."""
    return somebody_with(Permission.objects.exclude(codename="view_contact_details"))


def somebody_with(permissions: QuerySet[Permission]) -> User:
    person: User = UserFactory(is_staff=True)
    group = Group.objects.create(name=f"group of {person.pk}")
    group.permissions.set(permissions)
    person.groups.add(group)
    return person


def answers_to(browser: Client, bank: AttackedBank) -> Iterator[tuple[str, Answer]]:
    """Yields requests and responses: each address, the address with a search, and the forms of
    these pages.
    """
    forms = dict[tuple[str, ...], PageForm]()
    holder = bank.ana
    for address in addresses(holder):
        with attempt_of(browser) as sender:
            got = ask(sender, "GET", address.url)
            yield f"GET {address.url}", got
            if got.status == OK:
                url = f"{address.url}?q={holder.canary}&whose=bank"
                yield f"GET {url}", ask(sender, "GET", url)
        for form in forms_of(got.body, address.url):
            if form.method == "POST":
                forms.setdefault((page_of(form.action), *sorted(form.values)), form)
    for form in forms.values():
        with attempt_of(browser) as sender:
            filled = form.filled({"reason": "Asked by letter"})
            yield f"POST {form.action}", ask(sender, "POST", form.action, filled, follow=True)


def test_no_answer_to_staff_without_the_right_has_a_whole_number(
    bank: AttackedBank, reader: User
) -> None:
    numbers = [account.number for holder in bank.holders for account in holder.accounts]
    shown, pages = list[str](), set[int]()
    for request, answer in answers_to(signed_in(reader), bank):
        plain = "".join(answer.text.replace("&nbsp;", "").split())
        pages.add(answer.status)
        if any(number in plain for number in numbers):
            shown.append(f"{request} ({answer.status})")
    assert not shown, "\n".join(shown)
    assert pages >= {200, 403}


def test_staff_without_the_right_add_and_freeze_accounts_by_their_last_digits(
    bank: AttackedBank, reader: User
) -> None:
    browser, account = signed_in(reader), bank.ana.savings
    freeze = reverse("admin:accounts_account_freeze", args=[account.pk])
    done = ask(browser, "POST", freeze, {"reason": "Asked by letter"}, follow=True)
    assert account.number[-4:] in done.text
    account.refresh_from_db()
    assert account.is_frozen
    form = {"user": bank.ben.user.pk, "currency": "USD", "name": "New", "reason": "By letter"}
    made = ask(browser, "POST", reverse("admin:accounts_account_add"), form, follow=True)
    opened = bank.ben.user.accounts.get(name="New")
    assert opened.number[-4:] in made.text
    for number in (account.number, opened.number):
        assert number not in "".join((done.text + made.text).split())


OF_FEATURES = (
    "payment_files.view_paymentfile", "reconciliation.view_reconciliation",
    "reconciliation.reconcile", "standing_orders.view_standingorder",
    "standing_orders.end_standing_orders",
)  # fmt: skip


@pytest.mark.parametrize("right", [*SHOW_NUMBERS, *PERMISSIONS_OF_REPORTS, *OF_FEATURES])
def test_a_right_that_shows_numbers_needs_the_one_to_see_contact_details(right: str) -> None:
    codenames = [right.partition(".")[2]]
    person = somebody_with(Permission.objects.filter(codename__in=codenames))
    assert not person.has_perm(right)
    assert right not in person.get_all_permissions()
    codenames.append("view_contact_details")
    person = somebody_with(Permission.objects.filter(codename__in=codenames))
    assert person.has_perm(right)
    assert right in person.get_all_permissions()
