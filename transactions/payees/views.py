"""The pages on which a person sees and edits payees."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Account
from accounts.requests import PersonRequest
from ledger.web.table_files import table_response
from transactions.exceptions import LedgerError
from transactions.models import NameCheck
from transactions.payees.file import payees_table
from transactions.payees.forms import PayeeForm, PayeeNameForm
from transactions.payees.models import Payee
from transactions.payees.reads import lines_of, own_payee, paid_account, payee_lines, saved_as
from transactions.payees.services import remove_payee, save_payee
from transactions.safeguards.names import compared
from transactions.safeguards.recipients import knows

NAME_MESSAGES = {
    NameCheck.MATCH: "This is the account holder\u2019s name.",
    NameCheck.CLOSE: "The account holder\u2019s name is slightly different. Ask the payee for it.",
    NameCheck.OTHER: "This is not the account holder\u2019s name. Check the number before you pay.",
    NameCheck.NONE: "We did not check the name, because too many names were wrong today.",
}


@require_safe
def payee_list(request: PersonRequest) -> HttpResponse:
    """Shows the reader's payees, sorted by name."""
    return render(request, "payees/list.html", {"lines": payee_lines(request.user)})


@require_safe
def list_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns the list of the reader's payees as a file."""
    return table_response(payees_table(payee_lines(request.user)), kind)


@require_http_methods(["GET", "HEAD", "POST"])
def payee_new(request: PersonRequest) -> HttpResponse:
    """Shows the form for a new payee. A POST request saves the payee. If the parameter `paid` is
    the id of a payment, the form is filled in with the payment's recipient.
    """
    if request.method != "POST":
        paid = paid_account(request.user, request.GET.get("paid", ""))
        initial = {"number": paid.number, "name": paid.user.name} if paid else {}
        return _new(request, PayeeForm(initial=initial, user=request.user))
    form = PayeeForm(request.POST, user=request.user)
    if not form.is_valid() or form.refuse_unknown():
        return _new(request, form)
    data = form.cleaned_data
    try:
        payee = save_payee(
            owner=request.user, account=data["number"], name=data["name"], note=data["note"],
            is_new=True,
        )  # fmt: skip
    except LedgerError as refusal:
        form.add_error(None, str(refusal))
        return _new(request, form, taken=saved_as(request.user, data["number"]))
    _show_result(request, payee, data["number"])
    return redirect("transactions:payees")


@require_http_methods(["GET", "HEAD", "POST"])
def payee_change(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows the name, the note and the last payment of a payee. A POST request saves the name and
    the note.
    """
    payee = _own(request, pk)
    data = request.POST if request.method == "POST" else None
    form = PayeeNameForm(data, initial={"name": payee.name, "note": payee.note})
    if not form.is_valid():
        (line,) = lines_of(request.user, [payee])
        context = {"form": form, "payee": payee, "line": line}
        return render(request, "payees/change.html", context)
    saved = save_payee(owner=request.user, account=payee.account, **form.cleaned_data)
    _show_result(request, saved, payee.account)
    return redirect("transactions:payees")


@require_POST
def payee_remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Removes one of the reader's payees."""
    payee = _own(request, pk)
    remove_payee(payee=payee)
    messages.success(request, f"{payee.name} is no longer one of your payees.")
    return redirect("transactions:payees")


def _own(request: PersonRequest, pk: UUID) -> Payee:
    payee = own_payee(request.user, pk)
    if payee is None:
        raise Http404
    return payee


def _new(request: PersonRequest, form: PayeeForm, *, taken: Payee | None = None) -> HttpResponse:
    """Returns the page with the form. `taken` is the reader's payee that is already saved with the
    account number of the form.
    """
    return render(request, "payees/new.html", {"form": form, "taken": taken})


def _show_result(request: PersonRequest, payee: Payee, account: Account) -> None:
    check = NameCheck(payee.name_check)
    if knows(request.user, account):
        holder = account.user.name
        is_right = compared(payee.name, holder) == NameCheck.MATCH
        name = NAME_MESSAGES[NameCheck.MATCH] if is_right else f"The account holder is {holder}."
        messages.success(request, f"{payee.name} is saved. {name}")
    elif check == NameCheck.MATCH:
        messages.success(request, f"{payee.name} is saved. {NAME_MESSAGES[check]}")
    else:
        messages.warning(request, f"{payee.name} is saved. {NAME_MESSAGES[check]}")
