"""The admin's one search: exact hits first, then the best, of what the colleague may see."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from accounts.templatetags.money import account_number
from tests.crowds import crowd
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.plans import nodes_of_sql
from transactions import admin_finding, services
from transactions.admin_finding import Asked
from transactions.annotating import annotate

pytestmark = pytest.mark.django_db

FIND = reverse("admin_search")
IMG, SCRIPT = "<img src=x onerror=alert(1)>", "<script>alert(1)</script>"


class Bank:
    def __init__(self) -> None:
        self.grace = UserFactory(name="Grace Hopper", email="grace@navy.example")
        self.account: Account = AccountFactory(user=self.grace, name="Nest egg", balance="100")
        self.other: Account = AccountFactory(user__name="Ada Lovelace", name="Everyday")
        self.rent = services.transfer(
            from_account=self.account, to_account=self.other, amount=Decimal("13.40"),
            description="Rent of November", metadata={"category": "rent"},
        )  # fmt: skip


@pytest.fixture
def bank() -> Bank:
    return Bank()


def found(client: Client, typed: str) -> dict[str, list[str]]:
    """The names of what was found, by section, in order."""
    response = client.get(FIND, {"q": typed})
    assert response.status_code == 200
    return {
        section.title: [hit.name for hit in section.hits]
        for section in response.context["sections"]
    }


NEST, GRACE = "Nest egg of Grace Hopper", "Grace Hopper"


def test_an_id_a_number_and_an_address_come_first(staff: Client, bank: Bank) -> None:
    exactly = {
        str(bank.grace.pk): GRACE,
        "Grace@Navy.example": GRACE,
        str(bank.account.pk): NEST,
        bank.account.number: NEST,
        account_number(bank.account.number): NEST,
        "-".join([bank.account.number[:4], bank.account.number[4:]]): NEST,
        str(bank.rent.pk): "Rent of November",
    }
    for typed, name in exactly.items():
        sections = found(staff, typed)
        assert next(iter(sections)) == "Exactly this", typed
        assert sections["Exactly this"] == [name], typed


@pytest.mark.parametrize(
    ("typed", "sections"),
    [
        ("grace", {"People": [GRACE], "Accounts": [NEST],
                   "Transactions": ["Rent of November", "Opening"]}),
        ("hop gra", {"People": [GRACE], "Accounts": [NEST],
                     "Transactions": ["Rent of November", "Opening"]}),
        ("grace@na", {"People": [GRACE], "Accounts": [NEST],
                      "Transactions": ["Rent of November", "Opening"]}),
        ("nest hopper", {"Accounts": [NEST], "Transactions": ["Rent of November", "Opening"]}),
        ("november", {"Transactions": ["Rent of November"]}),
        ("rent -november", {}),
        ("13.40", {"Transactions": ["Rent of November"]}),
        ("13.40 november", {"Transactions": ["Rent of November"]}),
        ("13.40 tea", {}),
        ("13.41", {}),
        ("grace ada", {}),
        ("nothing such", {}),
    ],
)  # fmt: skip
def test_words_find_each_kind(
    staff: Client, bank: Bank, typed: str, sections: dict[str, list[str]]
) -> None:
    assert found(staff, typed) == sections


def test_a_number_is_found_by_its_beginning(staff: Client, bank: Bank) -> None:
    assert found(staff, bank.account.number[:7])["Accounts"] == [NEST]
    assert "Accounts" not in found(staff, bank.account.number[:3])


def test_the_best_come_first(staff: Client, bank: Bank) -> None:
    UserFactory(name="Ada", email="x@example.com")
    twice = services.deposit(
        to_account=bank.account, amount=Decimal(1), description="Coffee", metadata={"a": "tea"}
    )
    best = services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    services.deposit(to_account=bank.account, amount=Decimal(1), description="Milk", reference="x")
    rows = admin_finding.transactions(Asked("tea"), []).ranked
    assert [row.pk for row in rows] == [best.pk, twice.pk]
    assert [row.name for row in admin_finding.people(Asked("grace")).ranked] == [GRACE]


def test_what_is_cut_leads_to_its_list(staff: Client, bank: Bank) -> None:
    for _ in range(11):
        services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    (section,) = staff.get(FIND, {"q": "tea"}).context["sections"]
    assert len(section.hits) == 10
    assert section.more_url == "/admin/transactions/transaction/?q=tea"
    assert "11 transactions" in text_of(staff.get(section.more_url))


def test_each_hit_leads_to_its_page(staff: Client, bank: Bank) -> None:
    for section in staff.get(FIND, {"q": "grace"}).context["sections"]:
        for hit in section.hits:
            assert staff.get(hit.url).status_code == 200


@pytest.mark.parametrize(
    ("right", "sections"),
    [
        ("accounts.view_user", ["People"]),
        ("accounts.view_account", ["Accounts"]),
        ("transactions.view_transaction", []),  # whose account it is, they may not look up
        ("accounts.view_account transactions.view_transaction", ["Accounts", "Transactions"]),
    ],
)
def test_each_kind_is_for_those_who_may_see_it(
    client: Client, bank: Bank, right: str, sections: list[str]
) -> None:
    colleague = UserFactory(is_staff=True)
    for one in right.split():
        label, codename = one.split(".")
        colleague.user_permissions.add(
            Permission.objects.get(content_type__app_label=label, codename=codename)
        )
    client.force_login(colleague)
    assert list(found(client, "grace")) == sections
    exact = found(client, str(bank.grace.pk))
    assert bool(exact) == ("view_user" in right)


def test_it_is_for_staff_with_something_to_see(client: Client, bank: Bank) -> None:
    client.force_login(bank.grace)
    assert client.get(FIND, {"q": "ada"}).headers["Location"].startswith("/admin/login/")
    client.force_login(UserFactory(is_staff=True))
    assert client.get(FIND, {"q": "ada"}).status_code == 403
    assert 'class="find"' not in client.get("/admin/").content.decode()
    assert client.post(FIND).status_code in (403, 405)


def test_nonsense_gets_a_sentence(staff: Client, bank: Bank) -> None:
    said = text_of(staff.get(FIND, {"q": "qqqq \x00 %_\\"}))
    assert "Nothing found for “qqqq %_\\”." in said
    assert "What can be searched for: An id, an account number" in said
    assert "Nothing found" not in text_of(staff.get(FIND))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(typed=st.text(max_size=60) | st.text("'\\:*&|!()<>@#% \x00a1.-", max_size=300))
def test_any_text_at_all_is_answered(staff: Client, bank: Bank, typed: str) -> None:
    assert staff.get(FIND, {"q": typed}).status_code == 200


def test_it_takes_three_queries_beside_who_asks(
    staff: Client, bank: Bank, django_assert_max_num_queries: Any
) -> None:
    for typed in ("grace", "13.40", "13.40 rent", bank.account.number, str(bank.rent.pk)):
        # 4: the session, the person, and their rights twice
        with django_assert_max_num_queries(3 + 4):
            staff.get(FIND, {"q": typed})


def test_what_people_wrote_is_text_on_the_page(staff: Client) -> None:
    for hostile in (IMG, SCRIPT):
        account = AccountFactory(user=UserFactory(name=f"Eve {hostile}"), name=hostile)
        services.deposit(
            to_account=account, amount=Decimal(5), description=f"Eve {hostile}",
            reference=hostile, metadata={"category": hostile, hostile: hostile},
        )  # fmt: skip
    for typed in ("eve", IMG, SCRIPT):
        page = staff.get(FIND, {"q": typed}).content.decode()
        assert typed != "eve" or page.count("Eve ") == 8  # payments name her twice
        assert IMG not in page
        assert SCRIPT not in page


def test_notes_of_owners_are_not_found_by_staff(staff: Client, bank: Bank) -> None:
    annotate(transaction=bank.rent, owner=bank.grace, text="Zanzibar", tags=["zebra"])
    for typed in ("zanzibar", "zebra", "#zebra"):
        assert found(staff, typed) == {}


def test_the_box_is_on_every_page_of_the_admin(staff: Client, bank: Bank) -> None:
    urls = [
        "/admin/",
        reverse("admin:accounts_account_changelist"),
        reverse("admin:accounts_user_change", args=[bank.grace.pk]),
        reverse("admin:transactions_transaction_cash_desk"),
        FIND,
    ]
    for url in urls:
        page = staff.get(url, follow=True).content.decode()
        assert page.count('class="find"') == 1, url
        assert page.count("admin_find.js") == 1, url


def test_somebody_with_common_names_is_found_however_many_share_them(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_finding, "RANKED", 1)
    for name in ("Grace Kelly", "Dennis Hopper"):
        AccountFactory(user__name=name)
    found, _ = admin_finding.accounts(Asked("grace hopper"))
    assert found.ranked == [bank.account]


def test_of_a_common_word_the_newest_are_ranked(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        services.deposit(to_account=bank.account, amount=Decimal(1), **said)
        for said in ({"description": "Tea"}, {"metadata": {"a": "tea"}}, {"reference": "tea"})
    ]
    asked = Asked("tea")
    assert admin_finding.transactions(asked, []).ranked == [rows[0], rows[2], rows[1]]
    monkeypatch.setattr(admin_finding, "RANKED", 2)
    assert admin_finding.transactions(asked, []).ranked == [rows[2], rows[1]]


def test_names_are_found_through_their_indexes(bank: Bank, django_assert_num_queries: Any) -> None:
    crowd(20_000)
    for typed in ("grace", "hopper", "gra hop"):
        asked = Asked(typed)
        with django_assert_num_queries(2) as captured:
            admin_finding.people(asked)
            admin_finding.accounts(asked)
        nodes = [node for query in captured for node in nodes_of_sql(query["sql"], None)]
        used = {node.get("Index Name", "") for node in nodes}
        assert {"users_search", "accounts_search"} <= used, (typed, used)
