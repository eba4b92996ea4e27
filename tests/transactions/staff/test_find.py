"""The admin's one search: exact hits first, then the best, of what the colleague may see."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import services as account_services
from accounts.groups import AUDITOR, MANAGER, OPERATIONS, SUPPORT
from accounts.models import Account
from ledger.text.money import account_number
from tests.conftest import colleague, permissions, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of, texts_of
from transactions import services
from transactions.annotations.services import annotate
from transactions.scope import Scope
from transactions.search.language.parser import LONGEST
from transactions.staff.find import search, transactions
from transactions.staff.find.page import HELP
from transactions.staff.find.search import StaffQuery

pytestmark = pytest.mark.django_db

FIND = reverse("admin_search")
IMG, SCRIPT = "<img src=x onerror=alert(1)>", "<script>alert(1)</script>"


class StaffBank:
    def __init__(self) -> None:
        self.grace = UserFactory(name="Grace Hopper", email="grace@navy.example")
        self.account: Account = AccountFactory(user=self.grace, name="Nest egg", balance="100")
        self.other: Account = AccountFactory(user__name="Ada Lovelace", name="Everyday")
        self.rent = services.transfer(
            from_account=self.account, to_account=self.other, amount=Decimal("13.40"),
            description="Rent of November", metadata={"category": "rent"},
        )  # fmt: skip


@pytest.fixture
def bank() -> StaffBank:
    return StaffBank()


def found(client: Client, typed: str) -> dict[str, list[str]]:
    """The names of what was found, by section, in order."""
    response = client.get(FIND, {"q": typed})
    assert response.status_code == 200
    return {
        section.title: [hit.name for hit in section.hits]
        for section in response.context["results"].sections
    }


def ranked_rows(bank: StaffBank, typed: str) -> list[Any]:
    """The transactions found, the best first."""
    kind, _ = transactions.transactions(StaffQuery(typed), Scope(bank.grace, is_bank=True))
    return kind.ranked


NEST, GRACE = "Nest egg of Grace Hopper", "Grace Hopper"
OTHER = "Everyday of Ada Lovelace"


def test_an_id_a_number_and_an_address_come_first(staff: Client, bank: StaffBank) -> None:
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
        assert next(iter(sections)) == "Exact matches", typed
        assert sections["Exact matches"] == [name], typed


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
        ('"november"', {"Transactions": ["Rent of November"]}),
        ("rent -november", {}),
        ("13.40", {"Transactions": ["Rent of November"]}),
        ('13.40 "november"', {"Transactions": ["Rent of November"]}),
        ("13.40 tea", {}),
        ("13.41", {}),
        ("grace ada", {"Transactions": ["Rent of November"]}),
        ("rent grace", {"Transactions": ["Rent of November"]}),
        ("opening ada", {}),
        ("grace@navy.example rent", {"Transactions": ["Rent of November"]}),
        ("to:ada amount:13.40", {"Transactions": ["Rent of November"]}),
        ("grace amount:13.40", {"People": [GRACE], "Accounts": [NEST],
                                "Transactions": ["Rent of November"]}),
        ("grace or lovelace", {"People": [GRACE, "Ada Lovelace"], "Accounts": [NEST, OTHER],
                               "Transactions": ["Rent of November", "Opening"]}),
        ("rent or", {"Transactions": ["Rent of November"]}),
        ("-13.40", {}),
        ("+100.00", {"Transactions": ["Opening"]}),
        ("nothing such", {}),
    ],
)  # fmt: skip
def test_words_find_each_kind(
    staff: Client, bank: StaffBank, typed: str, sections: dict[str, list[str]]
) -> None:
    assert found(staff, typed) == sections


def test_a_number_is_found_by_its_beginning(staff: Client, bank: StaffBank) -> None:
    assert found(staff, bank.account.number[:7])["Accounts"] == [NEST]
    assert "Accounts" not in found(staff, bank.account.number[:3])


def test_an_amount_is_no_beginning_of_a_number(staff: Client, bank: StaffBank) -> None:
    Account.objects.filter(pk=bank.account.pk).update(number="134000000042")
    assert found(staff, "1340")["Accounts"] == [NEST]
    assert found(staff, "13.40") == {"Transactions": ["Rent of November"]}
    assert found(staff, "-13.40") == found(staff, "+13.40") == {}


def test_a_number_is_found_by_its_end_too(staff: Client, bank: StaffBank) -> None:
    for account, number in ((bank.account, "411139024857"), (bank.other, "485700000013")):
        Account.objects.filter(pk=account.pk).update(number=number)
    assert found(staff, "4857") == {"Accounts": [OTHER, NEST], "Transactions": ["Rent of November"]}
    assert found(staff, "02 4857") == found(staff, "024857") == {"Accounts": [NEST]}
    assert found(staff, "857") == {}
    for amount in ("48.57", "-4857", "+4857"):
        assert NEST not in found(staff, amount).get("Accounts", []), amount


def test_a_number_is_the_same_however_it_is_grouped(staff: Client, bank: StaffBank) -> None:
    Account.objects.filter(pk=bank.account.pk).update(number="411139024857")
    services.deposit(to_account=bank.other, amount=Decimal(1), description="4111 3902 4857")
    services.deposit(to_account=bank.other, amount=Decimal(2), description="411139024857")
    whole = found(staff, "411139024857")
    assert whole["Exact matches"] == [NEST]
    assert whole["Transactions"] == ["411139024857", "Rent of November", "Opening"]
    services.deposit(to_account=bank.other, amount=Decimal("1234567890.12"), description="Much")
    assert found(staff, "1234567890.12")["Transactions"] == ["Much"]
    for grouped in ("4111 3902 4857", "4111-3902-4857", "4111.3902.4857", " 41113902 4857"):
        assert found(staff, grouped) == whole, grouped


def test_a_sum_of_money_leads_to_the_amount(staff: Client, bank: StaffBank) -> None:
    response = staff.get(FIND, {"q": "13.40 USD"})
    assert "amount:13.40 currency:USD" in text_of(response)
    assert "Did you mean" not in text_of(response)
    (mistake,) = response.context["results"].mistakes
    ((_, url),) = mistake.suggestions
    assert staff.get(url).context["results"].sections[0].hits[0].name == "Rent of November"


def test_the_best_come_first(staff: Client, bank: StaffBank) -> None:
    UserFactory(name="Ada", email="x@example.com")
    twice = services.deposit(
        to_account=bank.account, amount=Decimal(1), description="Coffee", metadata={"a": "tea"}
    )
    best = services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    services.deposit(to_account=bank.account, amount=Decimal(1), description="Milk", reference="x")
    rows = ranked_rows(bank, "tea")
    assert [row.pk for row in rows] == [best.pk, twice.pk]
    assert [row.name for row in search.people(StaffQuery("grace")).ranked] == [GRACE]


def test_what_is_cut_leads_to_its_list(staff: Client, bank: StaffBank) -> None:
    for _ in range(10):
        services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    (section,) = staff.get(FIND, {"q": "tea"}).context["results"].sections
    assert (len(section.hits), section.more_url) == (10, "")
    services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    (section,) = staff.get(FIND, {"q": "tea"}).context["results"].sections
    assert len(section.hits) == 10
    assert section.more_url == "/admin/transactions/transaction/?q=tea"
    assert "11 transactions" in text_of(staff.get(section.more_url))


def test_a_row_with_the_word_and_the_name_stands_before_others(
    staff: Client, bank: StaffBank
) -> None:
    named = services.deposit(to_account=bank.account, amount=Decimal(1), description="Salary")
    worded = services.deposit(to_account=bank.other, amount=Decimal(1), description="Grace period")
    both = services.deposit(to_account=bank.account, amount=Decimal(1), description="Grace gift")
    newest = services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    rows = [row.pk for row in ranked_rows(bank, "grace")]
    assert rows[:4] == [both.pk, newest.pk, named.pk, bank.rent.pk]
    assert rows[-1] == worded.pk


@pytest.mark.parametrize(("most", "many"), [(1_000, "12"), (11, "11+")])
def test_each_section_has_the_number_of_its_matches(
    most: int, many: str, staff: Client, bank: StaffBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RANKED", most)
    for _ in range(12):
        services.deposit(to_account=bank.account, amount=Decimal(1), description="Grace tea")
    page = staff.get(FIND, {"q": "tea"})
    assert texts_of(page, "found__count") == [many]
    assert f"Transactions {many}" in text_of(page)
    page = staff.get(FIND, {"q": bank.grace.email})
    assert texts_of(page, "found__count")[0] == "1"


@pytest.mark.parametrize(
    ("most", "said"),
    [(1_000, "The best 10 of 12."), (11, "The best 10 of the newest 11 matches.")],
)
def test_what_is_cut_says_of_how_many_these_are_the_best(
    most: int, said: str, staff: Client, bank: StaffBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RANKED", most)
    for _ in range(12):
        services.deposit(to_account=bank.account, amount=Decimal(1), description="Tea")
    assert said in text_of(staff.get(FIND, {"q": "tea"}))
    assert "The newest 10 of" in text_of(staff.get(FIND, {"q": "amount:1"}))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("rent amount:lots", "100..200"),
        ("rent amuont:13.40", "There is no field “amuont”."),
        ("rent " + "-x" * (LONGEST // 2), "Only the first 1,000 characters were read."),
        ("rent november " + "is " * 50, "Only the first 40 words were read."),
        ("a b c d e f g h i", "People and accounts are searched by the first 8 words."),
        ("tag:trip", "Notes and tags are private"),
        ("!!", "“!!” has no letter or digit"),
    ],
)
def test_what_is_not_read_is_said(staff: Client, bank: StaffBank, typed: str, said: str) -> None:
    assert said in text_of(staff.get(FIND, {"q": typed}))


def test_what_is_not_read_at_all_was_not_looked_for(staff: Client, bank: StaffBank) -> None:
    for typed in ("!!", "amount:lots", "a" * 300):
        assert "Nothing found" not in text_of(staff.get(FIND, {"q": typed})), typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("grcae", "grace"),
        ("Hopepr", "hopper"),
        ("novembre", "november"),
        ("grace@nvay.example", "grace@navy.example"),
        ("evreyday", "everyday"),
        ("qqqqqq", None),
    ],
)
def test_a_typo_leads_to_what_was_meant(
    staff: Client, bank: StaffBank, typed: str, meant: str | None
) -> None:
    response = staff.get(FIND, {"q": typed})
    answer = response.context["results"]
    assert answer.sections == []
    assert [query for query, _ in answer.suggestions[:1]] == ([meant] if meant else [])
    assert ("Did you mean" in text_of(response)) is bool(meant)
    for _, url in answer.suggestions:
        assert staff.get(url).context["results"].sections


def test_a_misspelt_name_finds_people_and_accounts_but_no_payments(
    staff: Client, bank: StaffBank
) -> None:
    assert found(staff, "grace hoper") == {"People": [GRACE], "Accounts": [NEST]}
    assert found(staff, "hoper or rent") == {
        "People": [GRACE], "Accounts": [NEST], "Transactions": ["Rent of November"],
    }  # fmt: skip


def test_misspelt_names_do_not_hide_older_names(
    staff: Client, bank: StaffBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RANKED", 2)
    for _ in range(3):
        AccountFactory(user__name="Ann Hoper")
    assert search.people(StaffQuery("hopper")).ranked[0].name == GRACE
    kind, named = search.accounts(StaffQuery("grace hopper"))
    assert kind.ranked[0] == bank.account
    assert named == [bank.account]


def test_only_what_a_colleague_may_see_is_suggested(client: Client, bank: StaffBank) -> None:
    suggested = {"grcae": "view_user", "nset": "view_account", "novembre": "view_transaction"}
    for right in suggested.values():
        colleague = UserFactory(is_staff=True)
        colleague.user_permissions.set(permissions(right, "view_contact_details"))
        client.force_login(colleague)
        for typed, needed in suggested.items():
            meant = client.get(FIND, {"q": typed}).context["results"].suggestions
            # whose an account is stands in the list of accounts
            may = needed == right or (typed == "grcae" and right == "view_account")
            assert bool(meant) is may, (typed, right)


@pytest.mark.parametrize(
    ("group", "sees"), [(SUPPORT, False), (OPERATIONS, False), (AUDITOR, True)]
)
def test_who_is_staff_is_shown_to_those_who_see_rights(group: str, sees: bool) -> None:
    looked_for = colleague(MANAGER, "Zoe Boss")
    (section,) = (
        signed_in(colleague(group, "Ada"))
        .get(FIND, {"q": looked_for.name})
        .context["results"]
        .sections
    )
    assert ("staff" in section.hits[0].facts) is sees


def test_each_hit_leads_to_its_page(staff: Client, bank: StaffBank) -> None:
    for section in staff.get(FIND, {"q": "grace"}).context["results"].sections:
        for hit in section.hits:
            assert staff.get(hit.url).status_code == 200


def test_only_a_state_that_is_not_the_usual_one_is_named(staff: Client, bank: StaffBank) -> None:
    account_services.freeze_account(account=bank.other, reason="Lost card")
    account_services.set_sign_in(user=bank.other.user, is_open=False)

    facts = {
        hit.name: hit.facts[1:]
        for name in ("Grace", "Ada")
        for section in staff.get(FIND, {"q": name}).context["results"].sections
        for hit in section.hits
    }

    assert (facts[GRACE], facts["Ada Lovelace"]) == ([], ["sign-in closed"])
    assert (facts[NEST], facts[OTHER]) == ([], ["frozen"])


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
    client: Client, bank: StaffBank, right: str, sections: list[str]
) -> None:
    colleague = UserFactory(is_staff=True)
    codenames = [one.partition(".")[2] for one in right.split()]
    colleague.user_permissions.set(permissions(*codenames, "view_contact_details"))
    client.force_login(colleague)
    assert list(found(client, "grace")) == sections
    exact = found(client, str(bank.grace.pk))
    assert bool(exact) == ("view_user" in right)


def test_it_is_for_staff_with_something_to_see(client: Client, bank: StaffBank) -> None:
    client.force_login(bank.grace)
    assert client.get(FIND, {"q": "ada"}).headers["Location"].startswith("/admin/login/")
    client.force_login(UserFactory(is_staff=True))
    assert client.get(FIND, {"q": "ada"}).status_code == 403
    assert 'class="find"' not in client.get("/admin/").content.decode()
    assert client.post(FIND).status_code in (403, 405)


def test_nonsense_gets_a_sentence(staff: Client, bank: StaffBank) -> None:
    said = text_of(staff.get(FIND, {"q": "qqqq \x00 %_\\"}))
    assert "Nothing found for “qqqq %_\\”." in said
    assert escape(HELP) in said
    assert "Nothing found" not in text_of(staff.get(FIND))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(typed=st.text(max_size=60) | st.text("'\\:*&|!()<>@#% \x00a1.-", max_size=300))
def test_any_text_at_all_is_answered(staff: Client, bank: StaffBank, typed: str) -> None:
    assert staff.get(FIND, {"q": typed}).status_code == 200


def test_it_takes_four_queries_beside_who_asks(
    staff: Client, bank: StaffBank, django_assert_max_num_queries: Any
) -> None:
    for typed in ("grace", "13.40", "13.40 rent", bank.account.number, str(bank.rent.pk)):
        # 4: the session, the person, and their rights twice
        with django_assert_max_num_queries(4 + 4 + 3):  # three log the read
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


def test_notes_of_owners_are_not_found_by_staff(staff: Client, bank: StaffBank) -> None:
    annotate(transaction=bank.rent, owner=bank.grace, text="Zanzibar", tags=["zebra"])
    for typed in ("zanzibar", "zebra", "#zebra"):
        assert found(staff, typed) == {}


def test_the_box_is_on_every_page_of_the_admin(staff: Client, bank: StaffBank) -> None:
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
    bank: StaffBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RANKED", 1)
    for name in ("Grace Kelly", "Dennis Hopper"):
        AccountFactory(user__name=name)
    found, _ = search.accounts(StaffQuery("grace hopper"))
    assert found.ranked == [bank.account]


def test_of_a_common_word_the_newest_are_ranked(
    bank: StaffBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        services.deposit(to_account=bank.account, amount=Decimal(1), **said)
        for said in ({"description": "Tea"}, {"metadata": {"a": "tea"}}, {"reference": "tea"})
    ]
    assert ranked_rows(bank, "tea") == [rows[0], rows[2], rows[1]]
    monkeypatch.setattr(search, "RANKED", 2)
    assert ranked_rows(bank, "tea") == [rows[2], rows[1]]


def test_a_word_longer_than_any_lexeme_finds_nothing(staff: Client) -> None:
    """A letter of two bytes may have three in lower case: these 800 have 2,400 bytes."""
    letters = ("\u023a" * 800).encode().decode("latin-1")  # not escaped, so short enough
    for address, query in [
        (FIND, f'q="{letters}"'),
        (reverse("admin:transactions_transaction_changelist"), f'q="{letters}"'),
        (reverse("transactions:search"), f'whose=bank&q="@{letters}"'),
    ]:
        assert staff.get(address, QUERY_STRING=query).status_code == 200
