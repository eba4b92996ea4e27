"""Actions of staff on rows. Each needs a reason, which is stored with the change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import MaxLengthValidator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts import services
from accounts.admin.parts import ReasonField, person_of
from accounts.exceptions import LedgerError
from accounts.models import Account, User
from ledger.db.facts import because

MOST_AT_ONCE = 100


class ReasonForm(forms.Form):
    """Asks for the reason of an action and a message to the customer; stored with the action."""

    required_css_class = "required"  # the admin's style of a label

    reason = ReasonField(
        rows=3,
        help_text="For colleagues; stored until the customer's data is erased. The customer never "
        "sees it.",
    )
    message = forms.CharField(
        label="What the customer reads",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@dataclass(frozen=True, slots=True)
class StaffStep:
    """An action of staff on one or more rows, with one reason for all.

    `do` returns True if this call did it, and False if it was done before.
    """

    verb: str
    consequence: str
    do: Callable[[Any, str, str, User], bool]
    done: str
    is_done: Callable[[Any], bool]
    as_is: str  # the message for a row if it was done before
    is_final: bool = False  # cannot be undone; its button has another colour
    message_help: str = ""  # help text for the message to the customer; "" if there is none
    message_limit: int = 500  # characters


def _to(status: Account.Status) -> Callable[[Any, str, str, User], bool]:
    """Returns the `do` of a StaffStep that sets an account's status."""
    return lambda account, reason, message, by: services.change_status(
        account=account, status=status, reason=reason, message=message, changed_by=by
    )


ACCOUNT_STEPS = {
    "freeze": StaffStep(
        verb="Freeze",
        consequence="A frozen account can receive money but not send any.",
        do=_to(Account.Status.FROZEN),
        done="frozen",
        is_done=lambda account: account.is_frozen,
        as_is="frozen already",
        message_help="Shown on the account while it is frozen; optional.",
    ),
    "unfreeze": StaffStep(
        verb="Unfreeze",
        consequence="The account can send money again.",
        do=_to(Account.Status.ACTIVE),
        done="unfrozen",
        is_done=lambda account: account.is_active,
        as_is="active already",
    ),
    "close": StaffStep(
        verb="Close",
        consequence="A closed account stays closed. It must be empty and have no holds.",
        do=_to(Account.Status.CLOSED),
        done="closed",
        is_done=lambda account: account.is_closed,
        as_is="closed already",
        is_final=True,
    ),
}
CLOSE_SIGN_IN = StaffStep(
    verb="Close the sign-in",
    consequence="They are signed out everywhere and cannot sign in. Accounts and history stay.",
    do=lambda person, _reason, _message, _by: services.set_sign_in(user=person, is_open=False),
    done="sign-in closed",
    is_done=lambda person: not person.is_active,
    as_is="sign-in closed already",
)
RESTORE_SIGN_IN = StaffStep(
    verb="Restore the sign-in",
    consequence="They can sign in again as they did before.",
    do=lambda person, _reason, _message, _by: services.set_sign_in(user=person, is_open=True),
    done="sign-in restored",
    is_done=lambda person: person.is_active,
    as_is="sign-in open already",
)
REVOKE_TOKENS = StaffStep(
    verb="Revoke the access tokens",
    consequence="Their programs can no longer act for them. They can make new tokens.",
    do=lambda person, reason, _message, by: bool(
        services.revoke_tokens(user=person, by=by, reason=reason)
    ),
    done="access tokens revoked",
    is_done=lambda person: not person.api_tokens.live().exists(),
    as_is="no access token that works",
)
SIGN_OUT = StaffStep(
    verb="Sign out everywhere",
    consequence="Their sessions and access tokens end on all devices. They can sign in again.",
    do=lambda person, _reason, _message, _by: services.sign_out_everywhere(user=person) >= 0,
    done="signed out everywhere",
    is_done=lambda _person: False,
    as_is="signed out already",
)


CHOOSE = (("", "Choose an action"),)


class ReasonedActions(admin.ModelAdmin):  # type: ignore[type-arg]
    """Actions that ask for a reason on a separate page, then show a message for each row."""

    reason_template = "admin/accounts/reason.html"
    rows_template: str  # lists the chosen rows on the page that asks for the reason

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[tuple[str, str]]:
        """`action_location` comes from Django 6.1 on, which has actions on forms too."""
        given = [action_location] if action_location else []
        first = list(default_choices or CHOOSE)
        return super().get_action_choices(request, first, *given)

    def name_of(self, thing: Any) -> str:
        """The name of a row in the messages."""
        return str(thing)

    def things_of(self, request: HttpRequest, chosen: models.QuerySet[Any]) -> list[Any]:
        """Reads the chosen rows as the reader may see them."""
        return list(chosen)

    def refusal_for(self, request: HttpRequest, thing: Any) -> str:
        """Why this person may not change this row; "" if they may."""
        raise NotImplementedError

    def ask_and_do(
        self,
        request: HttpRequest,
        chosen: models.QuerySet[Any],
        step: StaffStep,
        back: str = "",
    ) -> HttpResponse | None:
        """Renders the page that asks for a reason. With the reason, does the step for each row.

        Returns None, with a message, if more than MOST_AT_ONCE rows are chosen.
        """
        things = self.things_of(request, chosen[: MOST_AT_ONCE + 1])
        if len(things) > MOST_AT_ONCE:
            self.message_user(
                request,
                f"That is more than {MOST_AT_ONCE} at once; nothing was done. Choose fewer.",
                messages.ERROR,
            )
            return None
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        message = form.fields["message"]
        message.help_text = step.message_help
        message.validators.append(MaxLengthValidator(step.message_limit))
        message.widget.attrs["maxlength"] = step.message_limit
        if not step.message_help:
            del form.fields["message"]
        if form.is_valid():
            for thing in things:
                self._do_one(request, thing, step, form.cleaned_data)
            return HttpResponseRedirect(back or request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": f"{step.verb}: why?",
            "opts": self.opts,
            "things": things,
            "rows_template": self.rows_template,
            "step": step,
            "form": form,
            "action": request.POST.get("action", ""),
            "back": back or request.get_full_path(),
        }
        return TemplateResponse(request, self.reason_template, context)

    def _do_one(
        self, request: HttpRequest, thing: Any, step: StaffStep, reasons: Mapping[str, str]
    ) -> None:
        """Does the step for one row, logs it, and adds a message with the result."""
        refusal, done_now = self.refusal_for(request, thing), False
        because(reasons["reason"])
        try:
            if not refusal and not step.is_done(thing):
                by, message = person_of(request), reasons.get("message", "")
                done_now = step.do(thing, reasons["reason"], message, by)
        except LedgerError as error:
            refusal = str(error)
        if refusal:
            not_done = f"{self.name_of(thing)}: not {step.done}. {refusal}"
            self.message_user(request, not_done, messages.ERROR)
            return
        if not done_now:
            self.message_user(request, f"{self.name_of(thing)}: {step.as_is}, nothing changed.")
            return
        self.log_change(request, thing, f"{step.done.capitalize()}. Reason: {reasons['reason']}")
        self.message_user(request, f"{self.name_of(thing)}: {step.done}.", messages.SUCCESS)
