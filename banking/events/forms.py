"""The forms of a webhook, for its URL and its kinds of events."""

from django import forms

from banking.events.models.webhook import URL_LIMIT
from transactions.models.event_kind import EventKind

CHOICES = [choice for choice in EventKind.choices if choice[0] != EventKind.RESTORED]


class KindsForm(forms.Form):
    """The form for the kinds of events that are sent to a webhook."""

    kinds = forms.MultipleChoiceField(
        label="Events",
        choices=CHOICES,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one kind of event."},
    )


class WebhookForm(KindsForm):
    """The form for a new webhook. The service checks the URL."""

    url = forms.CharField(
        label="Address",
        max_length=URL_LIMIT,
        help_text="An https:// address of your program, on port 443 or 8443.",
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false",
                   "placeholder": "https://shop.example/ledger"}
        ),
        error_messages={"required": "Type an address such as https://shop.example/hook."},
    )  # fmt: skip
    field_order = ("url", "kinds")
