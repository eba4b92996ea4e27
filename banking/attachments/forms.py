"""The form on a receipt for a picture or a PDF."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from banking.attachments.content import MOST_SENT, fit
from banking.attachments.refusals import UnfitFile
from banking.attachments.services import MOST_OF_A_PAYMENT
from ledger.db.ids import uuid7

TYPES = "image/jpeg,image/png,image/webp,application/pdf"
NONE = "Choose a file, or take a picture."


class SentFile(forms.FileField):
    """A file that may be missing where another field has one; `AttachmentForm` looks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty_file=True, **kwargs)

    def validate(self, value: Any) -> None:
        """Accepts what is missing."""


class AttachmentForm(forms.Form):
    """A file, chosen or taken with the camera of a phone. It carries the id of the attachment, so
    that sending it twice attaches it once.
    """

    use_required_attribute = False
    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    photo = SentFile(
        label="Take a picture",
        widget=forms.FileInput(attrs={"accept": "image/jpeg", "capture": "environment"}),
    )
    file = SentFile(
        label="Picture or PDF",
        widget=forms.FileInput(attrs={"accept": TYPES}),
        help_text=f"JPEG, PNG, WebP or PDF, up to {MOST_SENT // 1024**2} MB; up to "
        f"{MOST_OF_A_PAYMENT} on a payment. Only you can see them. What cameras add, such as the "
        "place, is removed, and so are links, comments and fields of a PDF.",
    )

    def clean(self) -> None:
        """Adds `fit`, what is kept of the file."""
        data = self.cleaned_data
        sent: UploadedFile[Any] | None = data.get("file") or data.get("photo")
        if sent is None:
            self.add_error("file", NONE)
            return
        try:
            data["fit"] = fit(sent.name or "", sent.read())
        except UnfitFile as refusal:
            self.add_error("file", str(refusal))
