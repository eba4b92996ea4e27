"""Rules: tried on the past, saved, applied to the past when asked, and to new payments by a job."""

import re
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from accounts.services import deactivate_user
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from tests.pages import text_of
from tests.transactions.search.shared import booked, pay, search_for
from transactions import services
from transactions.annotations.models import OwnCategory
from transactions.categories import new_payments, rule_views, rules
from transactions.categories.forms import RuleForm
from transactions.categories.models import CategoryRule
from transactions.categories.new_payments import apply_rules
from transactions.categories.rules import (
    apply_to_past,
    move_up,
    remove_rule,
    rows_of,
    save_rule,
)
from transactions.categories.services import give_category, undo_change
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction
from transactions.scope import Scope, scope_for

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]
LIST, NEW = "/categories/rules/", "/categories/rules/new/"
LUNCH = {"name": "Lunch out", "query": "casa", "category": "Food"}


@pytest.fixture
def browser(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client


def shown(page: Any) -> str:
    return re.sub(r"\s+", " ", text_of(page))


def rule(owner: User, query: str, category: str, name: str = "Rule") -> CategoryRule:
    return save_rule(owner=owner, name=name, query=query, category=category)


def given(owner: User) -> dict[Any, str]:
    latest = OwnCategory.objects.of(owner).latest()
    return dict(latest.values_list("transaction_id", "category"))


def test_a_query_with_advice_is_saved_and_one_with_a_mistake_is_not() -> None:
    advised, wrong = (
        RuleForm({**LUNCH, "query": query}) for query in ("rent 950 USD", "amount:>x")
    )
    assert [(form.is_valid(), [*form.errors]) for form in (advised, wrong)] == [
        (True, []), (False, ["query"]),
    ]  # fmt: skip


def test_a_rule_is_tried_before_it_is_saved(browser: Client, ana: User, books: Books) -> None:
    page = shown(browser.post(NEW, LUNCH))
    assert "1 payment matches" in page
    assert "1 of them would get Food" in page
    assert "Casa Pinho" in page
    assert not CategoryRule.objects.exists()
    page = shown(browser.post(NEW, {**LUNCH, "tried": "casa > food"}, follow=True))
    assert "Lunch out is saved" in page
    assert "casa → Food · 0 payments" in page
    assert given(ana) == {}


def test_rules_of_a_closed_sign_in_are_applied_and_end_no_job(
    ana: User, mara: Account, books: Books
) -> None:
    rule(ana, "flat", "home")
    deactivate_user(user=ana)
    (new,) = booked(pay(21, "4", "Flat key", scope_for(ana).accounts[0], mara))
    assert apply_rules() == 1
    assert given(ana) == {new.pk: "home"}


def test_a_rule_that_is_sent_twice_is_saved_once(
    browser: Client, ana: User, mara: Account, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(mara.user, "casa", "food", "Lunch out")
    monkeypatch.setattr(rules, "MAX_RULES", 1)
    for _ in range(2):
        page = shown(browser.post(NEW, {**LUNCH, "tried": "casa > food"}, follow=True))
        assert "Lunch out is saved" in page
    assert CategoryRule.objects.owned_by(ana).count() == 1


@pytest.mark.parametrize(
    ("name", "query", "category"),
    [("Food", "casa", "food"), ("Lunch", "corner", "food"), ("Lunch", "casa", "fun")],
)
def test_a_rule_that_differs_in_anything_is_another(
    ana: User, books: Books, name: str, query: str, category: str
) -> None:
    save_rule(owner=ana, name="Lunch", query="casa", category="food")
    save_rule(owner=ana, name=name, query=query, category=category)
    assert CategoryRule.objects.count() == 2


def test_what_was_changed_after_the_try_is_tried_again(browser: Client, books: Books) -> None:
    page = shown(browser.post(NEW, {**LUNCH, "query": "rent", "tried": "casa > food"}))
    assert "would get Food" in page
    assert not CategoryRule.objects.exists()


def test_the_try_tells_what_keeps_its_category(
    browser: Client, ana: User, scope: Scope, books: Books
) -> None:
    give_category(owner=ana, rows=rows_of(ana, "casa"), category="fun", change=uuid7())
    page = shown(browser.post(NEW, {**LUNCH, "query": "casa or corner"}))
    assert "2 payments match" in page
    assert "1 of them would get Food; 1 keeps the category you chose" in page


def test_past_payments_get_it_when_asked_and_a_persons_choice_stays(
    browser: Client, ana: User, scope: Scope, books: Books
) -> None:
    give_category(owner=ana, rows=rows_of(ana, "casa"), category="fun", change=uuid7())
    made = rule(ana, "is:out amount:<50", "daily")
    page = shown(browser.post(f"{LIST}{made.pk}/apply/", follow=True))
    assert "2 payments now have the category Daily" in page
    assert search_for(scope, "category:daily", books) == ["groceries", "fee"]
    assert search_for(scope, "category:fun", books) == ["lunch"]


def test_a_form_sent_while_the_sign_in_is_closed_is_refused_by_a_page(
    browser: Client, ana: User, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rule(ana, "casa", "food")

    def apply_after_closing(rule: CategoryRule) -> int:
        deactivate_user(user=ana)
        return apply_to_past(rule=rule)

    monkeypatch.setattr(rule_views, "apply_to_past", apply_after_closing)
    page = browser.post(f"{LIST}{made.pk}/apply/")
    assert page.status_code == 409
    assert "closed" in shown(page)
    assert given(ana) == {}


def test_the_names_of_buttons_begin_with_their_words(
    browser: Client, ana: User, books: Books
) -> None:
    """So that who speaks to a program says what stands there (WCAG 2.5.3)."""
    for name in ("Lunch", "Shops"):
        rule(ana, "casa", "food", name)
    page = browser.get(LIST).content.decode()
    buttons = re.findall(r'<button[^>]*aria-label="([^"]+)"[^>]*>([^<]+)</button>', page)
    labels = [(label, " ".join(words.split())) for label, words in buttons]
    assert len(labels) >= 5
    assert all(label.startswith(words) for label, words in labels), labels


def test_a_changed_rule_judges_the_past_anew(
    browser: Client, ana: User, scope: Scope, books: Books
) -> None:
    made = rule(ana, "casa", "food")
    apply_to_past(rule=made)
    changed = {"name": "Shops", "query": "corner", "category": "shops"}
    browser.post(f"{LIST}{made.pk}/", {**changed, "tried": "corner > shops"})
    assert given(ana) == {books["lunch"].pk: "food"}
    browser.post(f"{LIST}{made.pk}/apply/")
    assert given(ana) == {books["groceries"].pk: "shops"}


def test_a_persons_choice_stays_where_a_rule_had_given_the_same(ana: User, books: Books) -> None:
    made = rule(ana, "casa", "groceries")
    apply_to_past(rule=made)
    for count in (1, 0):
        rows = rows_of(ana, "casa")
        given_now = give_category(owner=ana, rows=rows, category="groceries", change=uuid7())
        assert given_now == count
    save_rule(owner=ana, name="Rule", query="casa", category="household", rule=made)
    assert apply_to_past(rule=made) == 0
    assert given(ana) == {books["lunch"].pk: "groceries"}


def test_a_persons_choice_of_the_category_of_the_row_beats_a_rule(ana: User, books: Books) -> None:
    rows = rows_of(ana, "casa")
    assert give_category(owner=ana, rows=rows, category="eating out", change=uuid7()) == 1
    assert apply_to_past(rule=rule(ana, "casa", "food")) == 0


def test_what_a_rule_gave_is_one_change_that_can_be_undone(ana: User, books: Books) -> None:
    made = rule(ana, "casa or corner", "food")
    assert apply_to_past(rule=made) == 2
    assert undo_change(owner=ana, change=made.pk) == 2
    assert given(ana) == {}


def test_new_payments_follow_the_rules_and_old_ones_do_not(
    ana: User, mara: Account, books: Books
) -> None:
    rule(ana, "flat", "home")
    everyday = scope_for(ana).accounts[0]
    (new,) = booked(pay(20, "4", "Flat key", everyday, mara))
    theirs = services.deposit(to_account=mara, amount=Decimal(3), description="Flat")
    out = StringIO()
    call_command("apply_rules", stdout=out)
    assert out.getvalue() == "Set the category of 1 payment.\n"
    assert given(ana) == {new.pk: "home"}
    assert theirs.pk not in given(mara.user)
    with CaptureQueriesContext(connection) as log:
        assert apply_rules() == 0
    assert len(log) == 1


def test_the_last_payment_before_a_rule_is_not_new(ana: User, mara: Account, books: Books) -> None:
    everyday = scope_for(ana).accounts[0]
    booked(pay(20, "4", "Flat lamp", everyday, mara))
    rule(ana, "flat", "home")
    (new,) = booked(pay(21, "4", "Flat key", everyday, mara))
    assert apply_rules() == 1
    assert given(ana) == {new.pk: "home"}


def test_a_person_whose_rules_fail_keeps_no_other_waiting(
    ana: User, mara: Account, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in (ana, mara.user):
        rule(owner, "flat", "home")
    booked(pay(20, "4", "Flat key", scope_for(ana).accounts[0], mara))

    tried = list[User]()

    def rows_of(owner: User, query: str) -> Any:
        tried.append(owner)
        return real(owner, query) if len(tried) > 1 else 1 / 0

    real = rules.rows_of
    monkeypatch.setattr(new_payments, "rows_of", rows_of)
    with pytest.raises(ZeroDivisionError):
        apply_rules()
    assert [list(given(owner).values()) for owner in tried] == [[], ["home"]]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule for "slow" takes a minute for a payment."""

    def rows_of(owner: User, query: str) -> Any:
        found = rules.rows_of(owner, query)
        return found.extra(where=["pg_sleep(60) IS NULL"]) if query == "slow" else found

    monkeypatch.setattr(new_payments, "rows_of", rows_of)
    monkeypatch.setattr(new_payments, "QUICK_SECONDS", 0.2)
    monkeypatch.setattr(new_payments, "PERSON_SECONDS", 0.4)


def limit_by_given(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Lets a second pass for each category that is given, and at no other time."""
    monkeypatch.setattr(new_payments, "monotonic", OwnCategory.objects.count)
    for name, value in seconds.items():
        monkeypatch.setattr(new_payments, name, value)


@pytest.mark.usefixtures("slow")
def test_a_rule_that_takes_too_long_is_switched_off_and_its_owner_reads_why(
    browser: Client, ana: User, mara: Account, books: Books
) -> None:
    stopped = rule(ana, "slow", "home", "Slow")
    rule(ana, "flat", "home", "Other")
    rule(mara.user, "flat", "home")
    (new,) = booked(pay(20, "4", "Flat slow", scope_for(ana).accounts[0], mara))
    assert apply_rules() + apply_rules() == 2  # what she has after it may wait for the next run
    assert given(ana) == given(mara.user) == {new.pk: "home"}
    assert shown(browser.get(LIST)).count("switched off") == 1
    with CaptureQueriesContext(connection) as log:
        assert apply_rules() == 0
    assert len(log) == 1
    save_rule(owner=ana, name="Flat", query="flat", category="home", rule=stopped)
    assert "switched off" not in shown(browser.get(LIST))
    (new,) = booked(pay(21, "4", "Flat key", scope_for(ana).accounts[0]))
    assert apply_rules() == 1
    assert OwnCategory.objects.get(transaction=new).change == stopped.pk


@pytest.mark.usefixtures("slow")
def test_a_person_with_slow_rules_comes_after_all_others_and_may_wait(
    ana: User, mara: Account, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(ana, "slow", "home")
    rule(mara.user, "flat", "home")
    booked(pay(20, "4", "Flat slow", scope_for(ana).accounts[0], mara))
    limit_by_given(monkeypatch, RUN_SECONDS=1)
    assert apply_rules() == 1
    assert CategoryRule.objects.filter(stopped_at=None).count() == 2


def test_what_is_new_is_applied_in_parts_each_of_which_stays(
    ana: User, mara: Account, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(ana, "flat", "home", "First")
    rule(ana, "flat", "later", "Second")
    everyday = scope_for(ana).accounts[0]
    new = booked(*[pay(20 + n, "4", f"Flat {n}", everyday, mara) for n in range(5)])
    monkeypatch.setattr(new_payments, "PART", 2)
    limit_by_given(monkeypatch, RUN_SECONDS=3, QUICK_SECONDS=3)
    assert apply_rules() == 4
    assert apply_rules() == 1
    assert given(ana) == {each.pk: "home" for each in new}


def test_of_two_rules_the_first_gives_the_category(
    browser: Client, ana: User, books: Books
) -> None:
    rule(ana, "tea", "drinks", "First")
    second = rule(ana, "shop", "shopping", "Second")
    everyday = scope_for(ana).accounts[0]
    (one,) = booked(pay(20, "4", "Tea shop", everyday))
    apply_rules()
    assert given(ana) == {one.pk: "drinks"}
    browser.post(f"{LIST}{second.pk}/move/")
    (two,) = booked(pay(21, "4", "Tea shop", everyday))
    apply_rules()
    assert given(ana) == {one.pk: "drinks", two.pk: "shopping"}
    move_up(rule=second)
    assert [each.name for each in CategoryRule.objects.in_order()] == ["Second", "First"]


def test_payments_of_an_account_opened_later_follow_the_rules(ana: User, books: Books) -> None:
    rule(ana, "gift", "gifts")
    later = AccountFactory(user=ana, name="Later")
    (new,) = booked(pay(20, "4", "Gift", to=later))
    Transaction.objects.get(pk=new.pk)
    CategoryRule.objects.update(created_at=new.created_at.replace(year=2020))
    assert apply_rules() == 1
    assert given(ana) == {new.pk: "gifts"}


def test_a_first_payment_that_is_booked_while_the_rule_is_saved_follows_it(
    ana: User, books: Books
) -> None:
    """Its commit comes later than the rule, its booking time earlier."""
    later = AccountFactory(user=ana, name="Later")
    rule(ana, "gift", "gifts")
    (new,) = booked(pay(20, "4", "Gift", to=later))
    CategoryRule.objects.update(created_at=new.created_at.replace(year=2030))
    assert apply_rules() == 1
    assert given(ana) == {new.pk: "gifts"}


def test_a_rule_saved_from_an_old_page_does_not_repeat_what_was_undone(
    ana: User, mara: Account, books: Books
) -> None:
    made = rule(ana, "flat", "home")
    booked(pay(20, "4", "Flat key", scope_for(ana).accounts[0], mara))
    old = CategoryRule.objects.get(pk=made.pk)
    assert apply_rules() == 1
    saved = save_rule(owner=ana, name="Keys", query="key", category="home", rule=old)
    assert (saved.name, saved.query) == ("Keys", "key")
    undo_change(owner=ana, change=made.pk)
    assert apply_rules() == 0
    assert given(ana) == {}


def test_a_rule_saved_from_an_old_page_keeps_its_place(ana: User, books: Books) -> None:
    first, second = rule(ana, "tea", "drinks", "First"), rule(ana, "shop", "shops", "Second")
    move_up(rule=second)
    for old, name in ((first, "One"), (second, "Two")):
        save_rule(owner=ana, name=name, query="tea", category="drinks", rule=old)
    assert [each.name for each in CategoryRule.objects.in_order()] == ["Two", "One"]


def test_the_past_is_judged_by_the_rule_as_it_is_now(ana: User, books: Books) -> None:
    old = rule(ana, "casa", "food")
    save_rule(owner=ana, name="Shops", query="corner", category="shops", rule=old)
    old.query, old.category = "casa", "food"
    assert apply_to_past(rule=old) == 1
    assert given(ana) == {books["groceries"].pk: "shops"}


def test_a_rule_that_was_removed_meanwhile_stays_removed(ana: User, books: Books) -> None:
    old = rule(ana, "casa", "food")
    apply_to_past(rule=old)
    remove_rule(rule=CategoryRule.objects.get(pk=old.pk))
    with pytest.raises(InvalidDetails, match="has been removed"):
        save_rule(owner=ana, name="Lunch", query="casa", category="food", rule=old)
    assert apply_to_past(rule=old) == 0
    assert not CategoryRule.objects.exists()
    assert given(ana) == {books["lunch"].pk: "food"}


def test_a_removed_rule_leaves_what_it_gave(browser: Client, ana: User, books: Books) -> None:
    made = rule(ana, "casa", "food", "Lunch")
    apply_to_past(rule=made)
    page = shown(browser.post(f"{LIST}{made.pk}/remove/", follow=True))
    assert "The rule Lunch is removed" in page
    assert "No rule yet" in page
    assert given(ana) == {books["lunch"].pk: "food"}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", " ", "required"),
        ("name", "\u3164", "letters or digits"),
        ("query", "", "required"),
        ("query", "date:notaday", "notaday"),
        ("category", "none", "Choose another word"),
    ],
)
def test_what_cannot_be_saved_is_said(
    browser: Client, books: Books, field: str, typed: str, said: str
) -> None:
    page = shown(browser.post(NEW, {**LUNCH, field: typed, "tried": "casa > food"}))
    assert said in page
    assert not CategoryRule.objects.exists()


def test_there_are_not_more_rules_than_the_limit(
    browser: Client, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_RULES", 0)
    page = shown(browser.post(NEW, {**LUNCH, "tried": "casa > food"}))
    assert "Remove one first" in page
    assert not CategoryRule.objects.exists()


def test_rules_of_others_do_not_exist(browser: Client, mara: Account, books: Books) -> None:
    theirs = rule(mara.user, "flat", "home", "Hersonly")
    assert "Hersonly" not in shown(browser.get(LIST))
    assert browser.get(f"{LIST}{theirs.pk}/").status_code == 404
    for verb in ("apply", "move", "remove"):
        assert browser.post(f"{LIST}{theirs.pk}/{verb}/").status_code == 404
    assert CategoryRule.objects.get() == theirs


def test_a_booking_reads_no_rule_and_writes_no_category(ana: User, books: Books) -> None:
    """See Note [When rules are applied]: payments keep their rate."""
    rule(ana, "flat", "home")
    everyday = scope_for(ana).accounts[0]
    with CaptureQueriesContext(connection) as log:
        services.withdraw(from_account=everyday, amount=Decimal(1), description="Flat key")
    sent = " ".join(query["sql"] for query in log)
    assert "category_rules" not in sent
    assert "own_categories" not in sent
    assert given(ana) == {}
    assert apply_rules() == 1
