"""The pages on which a person edits rules for categories."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import PersonRequest
from ledger.text.lines import category_label, counted
from transactions.annotations.categories import categories_of
from transactions.categories.forms import RuleForm
from transactions.categories.models import CategoryRule
from transactions.categories.page import TriedRule
from transactions.categories.rules import apply_to_past, given_by, move_up, remove_rule, save_rule
from transactions.exceptions import LedgerError


@require_safe
def rules(request: PersonRequest) -> HttpResponse:
    """Shows the reader's rules in order. For each rule, shows the number of payments whose category
    the rule has set.
    """
    mine = list(CategoryRule.objects.owned_by(request.user).in_order())
    given = given_by(mine)
    lines = [(rule, given.get(rule.pk, 0)) for rule in mine]
    return render(request, "categories/rules.html", {"lines": lines})


@require_http_methods(["GET", "HEAD", "POST"])
def rule_new(request: PersonRequest) -> HttpResponse:
    """Shows the form for a new rule. The first POST request shows the effect of the rule. A second
    POST request with the same values saves the rule.
    """
    initial = {name: request.GET.get(name, "") for name in ("query", "category")}
    return _form(request, RuleForm(_sent(request), initial=initial))


@require_http_methods(["GET", "HEAD", "POST"])
def rule_change(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows one of the reader's rules. The first POST request shows the effect of the changed rule.
    A second POST request with the same values saves the rule.
    """
    rule = _own(request, pk)
    initial = {name: getattr(rule, name) for name in ("name", "query", "category")}
    return _form(request, RuleForm(_sent(request), initial=initial), rule)


@require_POST
def rule_apply(request: PersonRequest, pk: Any) -> HttpResponse:
    """Applies one of the reader's rules to past payments."""
    rule = _own(request, pk)
    count = apply_to_past(rule=rule)
    have = "has" if count == 1 else "have"
    label = category_label(rule.category)
    messages.success(
        request, f"{counted(count, 'payment')} now {have} the category {label} from this rule."
    )
    return redirect("transactions:category_rules")


@require_POST
def rule_move(request: PersonRequest, pk: Any) -> HttpResponse:
    """Moves one of the reader's rules up by one position."""
    move_up(rule=_own(request, pk))
    return redirect("transactions:category_rules")


@require_POST
def rule_remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Removes one of the reader's rules."""
    rule = _own(request, pk)
    remove_rule(rule=rule)
    messages.success(request, f"The rule {rule.name} is removed. Payments keep their categories.")
    return redirect("transactions:category_rules")


def _sent(request: PersonRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _own(request: PersonRequest, pk: Any) -> CategoryRule:
    mine = CategoryRule.objects.owned_by(request.user).select_related("owner")
    found: CategoryRule = get_object_or_404(mine, pk=pk)
    return found


def _form(request: PersonRequest, form: RuleForm, rule: CategoryRule | None = None) -> HttpResponse:
    tried = None
    if form.is_valid():
        facts = {name: form.cleaned_data[name] for name in ("name", "query", "category")}
        if form.is_tried:
            try:
                saved = save_rule(owner=request.user, rule=rule, **facts)
            except LedgerError as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"{saved.name} is saved. It applies to new payments.")
                return redirect("transactions:category_rules")
        tried = TriedRule(request.user, facts["query"], facts["category"], rule)
    context: dict[str, Any] = {"form": form, "rule": rule, "tried": tried}
    context["offered"] = categories_of(request.user)
    return render(request, "categories/rule.html", context)
