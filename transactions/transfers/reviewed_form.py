"""Handles a customer's form that moves money: the form, its review, the step-up, and the result.

The form and its URL contain an id, from which the id of the result is computed. So a person who
goes back, reloads the page or presses the button twice makes only one payment. A review contains a
token for the values that it shows: see `transactions.safeguards.review`. If a person must confirm
their identity first, the page then shows the review again, and the person does not have to type the
values again.
"""

from typing import Any, ClassVar, Generic, TypeVar

from django.contrib import messages
from django.db.models import Model
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.requests import PersonRequest
from accounts.sign_in import step_up
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7
from transactions.availability import limits_in_words
from transactions.exceptions import IdempotencyConflict, LedgerError
from transactions.safeguards import review
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.transfers.forms import TransferForm, prefilled
from transactions.transfers.reads import known_accounts

F = TypeVar("F", bound=TransferForm)


class ReviewedForm(Generic[F]):
    """A handler of one request. A subclass defines what the form makes, for example a payment.

    - `form_class`: the form. Its `as_read` contains every field, so that the review covers it. Its
      `describes` compares every field with the result.
    - `about`: the kind of form, for the token of the review
    - `kept`: the key of the session under which the form is stored during the step-up
    - `url_name`: the URL name of the form, to which the step-up leads back
    - `form_template`: sends the fields with `step=review`
    - `review_template`: sends `as_read` and the token with `step=send`, or with `step=edit`
    - `made_once`, `made_differently`: the messages if the form has already made its result, with
      the same values or with other values
    """

    form_class: type[F]
    about: ClassVar[str]
    kept: ClassVar[str]
    url_name: ClassVar[str]
    form_template: ClassVar[str]
    review_template: ClassVar[str]
    made_once: ClassVar[str]
    made_differently: ClassVar[str]

    def __init__(self, request: PersonRequest) -> None:
        self.request = request

    def made_earlier(self, form: F) -> Model | None:
        """Returns the result that this form has already made, or None. The result may have other
        values than the form.
        """
        raise NotImplementedError

    def page_of(self, made: Any) -> HttpResponse:
        """Returns a redirect to the page of the result."""
        raise NotImplementedError

    def preview(self, form: F) -> tuple[dict[str, Any], str]:
        """Returns the context of the review, and a note for its token.

        Raises: LedgerError if the result cannot be made.
        """
        raise NotImplementedError

    def make(self, form: F, note: str) -> Model:
        """Makes and returns the result, or returns the result that this form made earlier with the
        same values. `note` is the note from the token of the review.

        Raises: ConfirmationNeeded if the person must confirm their identity first. LedgerError if
        the result cannot be made.
        """
        raise NotImplementedError

    def serve(self) -> HttpResponse:
        """Returns the form, its review, or a redirect to the step-up or to the result."""
        if self.request.method != "POST":
            return self._begin()
        form = self._form(self.request.POST)
        step = self.request.POST.get("step", "review")
        if step == "edit" or not form.is_valid():
            return self._page(form)
        if made := self._made_before(form):
            return made
        if step in ("send", "agree"):
            note = review.note_of(self.request, self.about, form.as_read)
            if note is not None:
                return self._make(form, note)
            messages.warning(self.request, review.NOT_REVIEWED)
        return self._review(form)

    def _begin(self) -> HttpResponse:
        """Shows an empty form, with its id in the URL, so that going back opens the same form.
        After a step-up, shows the review of the stored form.
        """
        initial = prefilled(self.request.user, self.request.GET)
        if "id" not in initial:
            query = self.request.GET.copy()
            query["id"] = str(uuid7())
            return redirect(f"{self.request.path}?{query.urlencode()}")
        form = self._form(initial=initial)
        if made := self._made_before(form):
            return made
        stored = self.request.session.get(self.kept)
        if stored and stored["id"] == str(initial["id"]):
            again = self._form(stored)
            if again.is_valid():
                return self._review(again)
        return self._page(form)

    def _made_before(self, form: F) -> HttpResponse | None:
        made = self.made_earlier(form)
        if made is None:
            return None
        wait_until_confirmed()
        if form.is_bound and not form.describes(made):
            messages.warning(self.request, self.made_differently)
        else:
            messages.info(self.request, self.made_once)
        return self.page_of(made)

    def _make(self, form: F, note: str) -> HttpResponse:
        try:
            made = self.make(form, note)
        except ConfirmationNeeded as needed:
            self.request.session[self.kept] = dict(form.as_read)
            back = f"{reverse(self.url_name)}?id={form.cleaned_data['id']}"
            return step_up.ask(self.request, why=str(needed), back=back)
        except LedgerError as refusal:
            return self._refused(form, refusal)
        self.request.session.pop(self.kept, None)
        return self.page_of(made)

    def _review(self, form: F) -> HttpResponse:
        if forgotten := form.fields.keys() - dict(form.as_read).keys():
            raise TypeError(f"The review does not cover these fields of the form: {forgotten}.")
        if form.refuse_unknown():
            return self._page(form)
        try:
            context, note = self.preview(form)
        except LedgerError as refusal:
            return self._refused(form, refusal)
        token = review.token_for(self.request, self.about, form.as_read, note=note)
        context |= {"form": form, "reviewed": token}
        return render(self.request, self.review_template, context)

    def _refused(self, form: F, refusal: LedgerError) -> HttpResponse:
        """Shows the form with the error, or redirects to the result if the form has made another
        result in the meantime.
        """
        if isinstance(refusal, IdempotencyConflict) and (made := self._made_before(form)):
            return made
        form.add_error(None, form.in_words(refusal))
        return self._page(form)

    def _page(self, form: F) -> HttpResponse:
        mine, sender = list(form.own_accounts), form.sender
        form["from_account"].help_text = limits_in_words(mine, sender)
        context = {"form": form, "sender": sender, "known": known_accounts(mine, sender)}
        return render(self.request, self.form_template, context)

    def _form(self, *data: Any, **options: Any) -> F:
        return self.form_class(*data, user=self.request.user, **options)
