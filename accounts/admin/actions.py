"""Admin actions on rows. Each action needs a reason, which is stored with the change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.validators import MaxLengthValidator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import services
from accounts.admin.parts import ReasonField, person_of
from accounts.erased import ERASED
from accounts.exceptions import LedgerError
from accounts.models import Account, User
from accounts.obstacles import COMING, HELD, NO_LINK, Link, Obstacle, obstacles_to_closing
from ledger.db.history.facts import set_reason

MAX_ROWS_PER_ACTION = 100
Obstacles = Mapping[UUID, Sequence[Obstacle]]  # by the id of the row


class ReasonForm(forms.Form):
    """A form for the reason of an action and a message to the customer. Both texts are stored with
    the action.
    """

    required_css_class = "required"  # the admin's style of a label

    reason = ReasonField(
        rows=3,
        help_text="Only staff can see this. It is deleted with the customer's data.",
    )
    message = forms.CharField(
        label="What the customer reads",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _no_obstacles(_things: Sequence[Any], _by: User) -> Obstacles:
    return {}


@dataclass(frozen=True, slots=True)
class StaffStep:
    """An action of staff on one or more rows, with one reason for all rows.

    `do` is called for each row, with the row, the reason, the message and the staff member. `do`
    returns False if the action had already been done before the call.
    """

    verb: str
    consequence: str
    do: Callable[[Any, str, str, User], bool]
    done: str
    is_done: Callable[[Any], bool]
    as_is: str  # the message for a row that is already done
    is_final: bool = False  # the action cannot be undone; its button has another colour
    message_help: str = ""  # help text for the message to the customer; "" if there is none
    message_limit: int = 500  # characters
    obstacles: Callable[[Sequence[Any], User], Obstacles] = _no_obstacles  # none by default


def _to(status: Account.Status) -> Callable[[Any, str, str, User], bool]:
    """Returns a function for the field `do` of a `StaffStep`. The function sets this status of an
    account.
    """
    return lambda account, reason, message, by: services.change_status(
        account=account, status=status, reason=reason, message=message, changed_by=by
    )


def _closed_for_good(accounts: Sequence[Account], _by: User) -> Obstacles:
    message = "This account is closed permanently. Open a new account instead."
    return {each.pk: [Obstacle(message)] for each in accounts if each.is_closed}


def _to_closing(accounts: Sequence[Account], by: User) -> Obstacles:
    """Returns the reasons why the accounts cannot be closed, with links to the pages that `by` may
    use.
    """

    def link(kind: str, account: Account) -> Link:
        if kind in (HELD, COMING):
            url = reverse("admin:transactions_transaction_changelist")
            page = "Pending holds", f"{url}?account={account.pk}&standing=pending"
            return page if by.has_perm("transactions.view_transaction") else NO_LINK
        url = reverse("admin:transactions_transaction_cash_desk")
        page = "Cash desk", f"{url}?account={account.pk}"
        return page if by.has_perm("transactions.use_cash_desk") else NO_LINK

    return obstacles_to_closing(accounts, link)


ACCOUNT_STEPS = {
    "freeze": StaffStep(
        verb="Freeze",
        consequence="A frozen account can receive money, but cannot send money.",
        do=_to(Account.Status.FROZEN),
        done="frozen",
        is_done=lambda account: account.is_frozen,
        as_is="frozen already",
        obstacles=_closed_for_good,
        message_help="Optional. The customer reads this while the account is frozen.",
    ),
    "unfreeze": StaffStep(
        verb="Unfreeze",
        consequence="The account can send money again.",
        do=_to(Account.Status.ACTIVE),
        done="unfrozen",
        is_done=lambda account: account.is_active,
        as_is="active already",
        obstacles=_closed_for_good,
    ),
    "close": StaffStep(
        verb="Close",
        consequence="A closed account stays closed. It must be empty and have no holds.",
        do=_to(Account.Status.CLOSED),
        done="closed",
        is_done=lambda account: account.is_closed,
        as_is="closed already",
        is_final=True,
        obstacles=_to_closing,
    ),
}


def _own_sign_in(people: Sequence[User], by: User) -> Obstacles:
    message = "This is your own sign-in. Only a colleague can close it."
    return {each.pk: [Obstacle(message)] for each in people if each.pk == by.pk}


def _erased(people: Sequence[User], _by: User) -> Obstacles:
    return {each.pk: [Obstacle(ERASED)] for each in people if each.is_erased}


CLOSE_SIGN_IN = StaffStep(
    verb="Close the sign-in",
    consequence=(
        "These people are signed out everywhere and cannot sign in. Their accounts and history "
        "stay."
    ),
    do=lambda person, _reason, _message, _by: services.set_sign_in(user=person, is_open=False),
    done="sign-in closed",
    is_done=lambda person: not person.is_active,
    as_is="sign-in closed already",
    obstacles=_own_sign_in,
)
RESTORE_SIGN_IN = StaffStep(
    verb="Restore the sign-in",
    consequence="These people can sign in again as they did before.",
    do=lambda person, _reason, _message, _by: services.set_sign_in(user=person, is_open=True),
    done="sign-in restored",
    is_done=lambda person: person.is_active,
    as_is="sign-in open already",
    obstacles=_erased,
)
REVOKE_TOKENS = StaffStep(
    verb="Revoke the access tokens",
    consequence="Programs can no longer act for these people. These people can make new tokens.",
    do=lambda person, reason, _message, by: bool(
        services.revoke_tokens(user=person, by=by, reason=reason)
    ),
    done="access tokens revoked",
    is_done=lambda person: not person.api_tokens.live().exists(),
    as_is="no valid access token",
)
SIGN_OUT = StaffStep(
    verb="Sign out everywhere",
    consequence=(
        "The sessions and access tokens of these people end on all devices. These people can "
        "sign in again."
    ),
    do=lambda person, _reason, _message, _by: services.sign_out_everywhere(user=person) >= 0,
    done="signed out everywhere",
    is_done=lambda _person: False,
    as_is="signed out already",
)

CHOOSE = (("", "Choose an action"),)


class ReasonedActions(admin.ModelAdmin):  # type: ignore[type-arg]
    """Admin pages with actions that ask for a reason on a separate page. After an action, the next
    page shows one message per row.
    """

    reason_template = "admin/accounts/reason.html"
    rows_template: str  # the template that lists the chosen rows on the page for the reason

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[tuple[str, str]]:
        """Returns the choices of the action menu. The first choice is empty. Django 6.1 and later
        pass `action_location`.
        """
        given = [action_location] if action_location else []
        first = list(default_choices or CHOOSE)
        return super().get_action_choices(request, first, *given)

    def name_of(self, thing: Any) -> str:
        """Returns the name of a row, as it appears in messages."""
        return str(thing)

    def things_of(self, request: HttpRequest, chosen: models.QuerySet[Any]) -> list[Any]:
        """Returns the chosen rows. A subclass can mask values that this user may not see."""
        return list(chosen)

    def refusal_for(self, request: HttpRequest, thing: Any) -> str:
        """Returns the reason why this user may not change this row, or "" if they may change it."""
        raise NotImplementedError

    def obstacles(self, request: HttpRequest, things: Sequence[Any], step: StaffStep) -> Obstacles:
        """Returns a dict from the id of each row to the reasons why this user cannot perform the
        action `step` on the row. The list of reasons may be empty.
        """
        found = step.obstacles(things, person_of(request))
        return {
            thing.pk: [*self.refusals_for(request, thing), *found.get(thing.pk, ())]
            for thing in things
        }

    def refusals_for(self, request: HttpRequest, thing: Any) -> list[Obstacle]:
        """Returns the text of `refusal_for` as a list with one obstacle, or an empty list.
        Subclasses can override this method to add links.
        """
        refusal = self.refusal_for(request, thing)
        return [Obstacle(refusal)] if refusal else []

    def ask_and_do(
        self,
        request: HttpRequest,
        chosen: models.QuerySet[Any],
        step: StaffStep,
        back: str = "",
    ) -> HttpResponse | None:
        """Renders the page that asks for a reason. When the reason is submitted, performs the
        action `step` on each row and redirects.

        The page first lists the rows for which the action is impossible, with the reasons. If the
        action is impossible for every row, the page has no form. If a row is refused, the page is
        shown again with the entered text. If more than MAX_ROWS_PER_ACTION rows are chosen, adds an
        error message and returns None.
        """
        things = self.things_of(request, chosen[: MAX_ROWS_PER_ACTION + 1])
        if len(things) > MAX_ROWS_PER_ACTION:
            self.message_user(
                request,
                (
                    f"You chose more than {MAX_ROWS_PER_ACTION} rows, so nothing was done. "
                    "Choose fewer rows."
                ),
                messages.ERROR,
            )
            return None
        form, back = _reason_form(request, step), back or request.get_full_path()
        if form.is_valid():
            blocked = self._do_all(request, things, step, form.cleaned_data)
            if not blocked:
                return HttpResponseRedirect(back)
            things = [thing for thing, _ in blocked]
        else:
            blocked = self._blocked(request, things, step)
            if not form.is_bound:
                left_out = {thing.pk for thing, _ in blocked}
                things = [thing for thing in things if thing.pk not in left_out]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{step.verb}: why?" if things else f"{step.verb}: not possible now",
            "opts": self.opts,
            "things": things,
            "blocked": [(self.name_of(thing), obstacles) for thing, obstacles in blocked],
            "rows_template": self.rows_template,
            "step": step,
            "form": form if things else None,
            "is_refused": form.is_bound,
            "action": request.POST.get("action", ""),
            "back": back,
        }
        return TemplateResponse(request, self.reason_template, context)

    def _blocked(
        self, request: HttpRequest, things: Sequence[Any], step: StaffStep
    ) -> list[tuple[Any, Sequence[Obstacle]]]:
        """Returns the rows for which the action `step` is impossible or was already done, each with
        the reasons.
        """
        found = self.obstacles(request, things, step)
        done = [Obstacle(f"{step.as_is.capitalize()}.")]
        why = [(each, found[each.pk] or (done if step.is_done(each) else [])) for each in things]
        return [(thing, obstacles) for thing, obstacles in why if obstacles]

    def _do_all(
        self,
        request: HttpRequest,
        things: Sequence[Any],
        step: StaffStep,
        reasons: Mapping[str, str],
    ) -> list[tuple[Any, Sequence[Obstacle]]]:
        """Performs the action `step` on each row. Returns the refused rows, each with its
        reasons.
        """
        results = [(thing, self._do_one(request, thing, step, reasons)) for thing in things]
        return [(thing, obstacles) for thing, obstacles in results if obstacles]

    def _do_one(
        self, request: HttpRequest, thing: Any, step: StaffStep, reasons: Mapping[str, str]
    ) -> Sequence[Obstacle]:
        """Performs the action `step` on one row, writes Django's admin log, and adds a message with
        the result. Returns the reasons if the action was refused, otherwise an empty sequence.
        """
        done_now = False
        set_reason(reasons["reason"])
        if not step.is_done(thing):
            if found := self.obstacles(request, [thing], step)[thing.pk]:
                return found
            try:
                by, message = person_of(request), reasons.get("message", "")
                done_now = step.do(thing, reasons["reason"], message, by)
            except LedgerError as error:
                return [Obstacle(str(error))]
        if not done_now:
            self.message_user(request, f"{self.name_of(thing)}: {step.as_is}, nothing changed.")
            return ()
        self.log_change(request, thing, f"{step.done.capitalize()}. Reason: {reasons['reason']}")
        self.message_user(request, f"{self.name_of(thing)}: {step.done}.", messages.SUCCESS)
        return ()


def _reason_form(request: HttpRequest, step: StaffStep) -> ReasonForm:
    """Returns the form of the action `step`: a bound form if the request contains a reason,
    otherwise an empty form.
    """
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    message = form.fields["message"]
    message.help_text = step.message_help
    message.validators.append(MaxLengthValidator(step.message_limit))
    message.widget.attrs["maxlength"] = step.message_limit
    if not step.message_help:
        del form.fields["message"]
    return form
