"""The pages on which a person sees and edits budgets."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Account
from accounts.requests import PersonRequest
from ledger.text.addresses import with_parameters
from ledger.text.dates import month_name
from ledger.text.lines import category_label
from ledger.web.table_files import DataTable, figure_cell, table_response
from transactions.annotations.categories import categories_of
from transactions.categories.budgets import (
    BudgetLine,
    budget_lines,
    categories_in_use,
    remove_budget,
    save_budget,
)
from transactions.categories.forms import BudgetForm
from transactions.categories.models import Budget
from transactions.exceptions import LedgerError
from transactions.work_panel import page_panel, page_work

COLUMNS = ["category", "currency", "budget", "spent", "left", "usual", "gone_on", "over_since"]
IN_SHELL = """from transactions.categories.budgets import budget_lines

budget_lines(User.objects.get(email={email!r}))"""


@require_safe
def budgets(request: PersonRequest) -> HttpResponse:
    """Shows the reader's budgets for this month, and the SQL of their query."""
    with page_work(request) as work:
        lines = budget_lines(request.user)
        mine = list(Account.objects.owned_by(request.user).values_list("pk", flat=True))
    panel = page_panel(
        request,
        work,
        url=partial(with_parameters, reverse("transactions:budgets")),
        parts=(budget_lines, BudgetLine),
        in_shell=IN_SHELL.format(email=request.user.email),
        shows="running sums by window functions, FILTER, LATERAL",
        known=[*mine, *(line.id for line in lines)],
    )
    context = {"lines": lines, "panel": panel, "month": month_name(timezone.localdate())}
    context["over"] = sum(line.is_over for line in lines)
    return render(request, "categories/budgets.html", context)


@require_safe
def budgets_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns the reader's budgets for this month as a file."""
    rows = (
        [
            line.category,
            line.currency,
            *(figure_cell(figure, line.currency)
              for figure in (line.amount, line.spent, line.left, line.usual)),
            line.gone_on,
            line.over_since,
        ]
        for line in budget_lines(request.user)
    )  # fmt: skip
    return table_response(DataTable("budgets", COLUMNS, rows), kind)


@require_http_methods(["GET", "HEAD", "POST"])
def budget_new(request: PersonRequest) -> HttpResponse:
    """Shows the form for a new budget. A POST request saves the budget."""
    return _form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def budget_change(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows one of the reader's budgets. A POST request saves the changed budget."""
    return _form(request, _own(request, pk))


@require_POST
def budget_remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Removes one of the reader's budgets."""
    budget = _own(request, pk)
    remove_budget(budget=budget)
    messages.success(request, f"{category_label(budget.category)} no longer has a budget.")
    return redirect("transactions:budgets")


def _own(request: PersonRequest, pk: Any) -> Budget:
    found: Budget = get_object_or_404(Budget.objects.owned_by(request.user), pk=pk)
    return found


def _form(request: PersonRequest, budget: Budget | None) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    in_use = dict.fromkeys([*categories_in_use(request.user), *categories_of(request.user)])
    form, taken = BudgetForm.of(data, request.user, budget, list(in_use)), None
    if form.is_valid():
        try:
            saved = save_budget(owner=request.user, budget=budget, **form.cleaned_data)
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
            taken = _same(request, form)
        else:
            label = category_label(saved.category)
            messages.success(request, f"The budget for {label} is saved.")
            return redirect("transactions:budgets")
    context = {"form": form, "budget": budget, "taken": taken}
    return render(request, "categories/budget.html", context)


def _same(request: PersonRequest, form: BudgetForm) -> Budget | None:
    """Returns the reader's existing budget with the category and currency of a
    valid form, or None.
    """
    facts = {name: form.cleaned_data[name] for name in ("category", "currency")}
    found: Budget | None = Budget.objects.owned_by(request.user).filter(**facts).first()
    return found
