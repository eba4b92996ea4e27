"""Forms for categories, rules and budgets."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from django import forms

from accounts.models import Account, User
from ledger.db.ids import uuid7
from ledger.text.lines import category_label, encodes, tidy_line, unfit_name
from ledger.text.money import figure
from ledger.web.form_fields import ReadableNameField
from transactions.annotations.models.own_category import CATEGORY_LIMIT
from transactions.categories.models import Budget
from transactions.categories.models.category_rule import RULE_NAME_LIMIT, RULE_QUERY_LIMIT
from transactions.fields import AmountField, MoneyForm
from transactions.search.language.parser import parse

NO_QUERY = "Type what to search for, such as rent or to:mara."
MISTAKE = "No payment was changed. Correct the search first."
NONE = "\u201cnone\u201d finds payments without a category in a search. Choose another word."
MARKS = "A category cannot contain quotes or backslashes, because a search could not name it."


def mistakes_of(query: str) -> list[str]:
    """Returns the mistakes in this search. An empty search is a mistake, too. The list is empty if
    a rule may use the search.
    """
    parsed = parse(query) if encodes(query) else parse("")
    wrong = [each.sentence for each in parsed.mistakes if not each.is_advice]
    return wrong or ([NO_QUERY] if parsed.is_empty else [])


class CategoryField(forms.CharField):
    """A field for a category. `clean` returns the category in one line and in lower case.
    Characters that a search cannot contain are refused.
    """

    def __init__(self, **options: object) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "list": "categories"})
        super().__init__(max_length=CATEGORY_LIMIT, widget=widget, **options)  # type: ignore[arg-type]

    def clean(self, value: object) -> str:
        """Returns the category as it is stored. Raises ValidationError with the reason if the
        category is invalid.
        """
        category = tidy_line(str(super().clean(value))).lower()
        if reason := unfit_name(category) if encodes(category) else "Type letters or digits.":
            raise forms.ValidationError(reason.replace("name", "category"))
        if category == "none":
            raise forms.ValidationError(NONE)
        if set(category) & set('"\\\u201c\u201d'):
            raise forms.ValidationError(MARKS)
        if len(category) > CATEGORY_LIMIT:  # some capitals are longer in lower case
            raise forms.ValidationError(f"Use at most {CATEGORY_LIMIT} characters.")
        return category


class CategoryChangeForm(forms.Form):
    """A form for the new category of payments. The hidden `id` ensures that a form that is sent
    twice changes the payments only once.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    category = CategoryField(
        label="New category",
        help_text="Only you can see this. The payments do not change.",
    )


class RuleForm(forms.Form):
    """A form for a rule, which is sent twice. After the first POST request, the page shows only the
    effect of the rule, and the hidden field `tried` contains the value of `as_tried`. The second
    POST request saves the rule if `tried` still equals `as_tried`.
    """

    name = ReadableNameField(
        max_length=RULE_NAME_LIMIT, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    query = forms.CharField(
        label="Payments that match",
        max_length=RULE_QUERY_LIMIT,
        help_text="As in the search: words, names, amount:>50, to:mara.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    category = CategoryField(label="Get this category")
    tried = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def clean_query(self) -> str:
        """Returns the search in one line. Raises ValidationError with the
        mistakes in the search.
        """
        query = tidy_line(self.cleaned_data["query"])
        if wrong := mistakes_of(query):
            raise forms.ValidationError(wrong)
        return query

    @property
    def as_tried(self) -> str:
        """The search and the category of a valid form, as one text."""
        return f"{self.cleaned_data['query']} > {self.cleaned_data['category']}"

    @property
    def is_tried(self) -> bool:
        return str(self.cleaned_data["tried"]) == self.as_tried


class BudgetForm(MoneyForm):
    """A form for a budget in one of the owner's currencies. `offered` contains the categories that
    the field suggests.
    """

    offered: Sequence[str] = ()

    category = CategoryField()
    amount = AmountField(label="Each month")
    currency = forms.ChoiceField()

    @classmethod
    def of(
        cls,
        data: Mapping[str, Any] | None,
        owner: User,
        budget: Budget | None,
        offered: Sequence[str] = (),
    ) -> Self:
        """Returns the form for this owner. The form is filled in with the values of `budget`,
        unless `budget` is None.
        """
        initial = {}
        if budget is not None:
            initial = {
                "category": category_label(budget.category),
                "amount": figure(budget.amount, budget.currency),
                "currency": budget.currency,
            }
        form = cls(data, initial=initial)
        form.offered = offered
        mine = Account.objects.owned_by(owner).values_list("currency", flat=True)
        currencies = list(dict.fromkeys(mine.order_by("created_at")))
        if budget is not None and budget.currency not in currencies:
            currencies.append(budget.currency)
        form.fields["currency"].choices = [(each, each) for each in currencies]  # type: ignore[attr-defined]
        return form

    def clean_category(self) -> str:
        """Returns the category. If the user typed a label of a category, such as "eating out",
        returns the category that has this label.
        """
        typed = str(self.cleaned_data["category"])
        same = [name for name in self.offered if category_label(name).lower() == typed]
        return typed if typed in self.offered or not same else same[0]

    def clean(self) -> None:
        """Adds an error if the amount has more decimals than the currency allows."""
        amount, currency = self.cleaned_data.get("amount"), self.cleaned_data.get("currency")
        if amount is not None and currency is not None:
            self.refuse_decimals(amount, currency)
