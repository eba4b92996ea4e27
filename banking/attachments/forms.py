"""The form that attaches a picture or a PDF to a payment."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from banking.attachments.content import MAX_UPLOAD_BYTES, fit
from banking.attachments.refusals import UnfitFile
from banking.attachments.services import MAX_PER_PAYMENT
from ledger.db.ids import uuid7

TYPES = "image/jpeg,image/png,image/webp,application/pdf"
NO_FILE = "Choose a file, or take a picture."


class SentFile(forms.FileField):
    """A form field for a file that may be empty. `AttachmentForm` has two fields of this class, and
    checks that one of the two contains a file.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty_file=True, **kwargs)

    def validate(self, value: Any) -> None:
        """Accepts an empty field without an error."""


class AttachmentForm(forms.Form):
    """The form for a file that the user chooses, or for a picture that the user takes with the
    camera. The form contains the id of the attachment. So a form that is sent twice attaches the
    file only once.
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
        help_text=f"JPEG, PNG, WebP or PDF, up to {MAX_UPLOAD_BYTES // 1024**2} MB. Up to "
        f"{MAX_PER_PAYMENT} files per payment. Only you can see them. We remove hidden camera "
        "data, such as where the picture was taken, and the links, comments and fields of a PDF.",
    )

    def clean(self) -> None:
        """Adds the cleaned file to the form's data under the key `fit`. Adds an error if there is
        no file, or if the file is not accepted.
        """
        data = self.cleaned_data
        sent: UploadedFile[Any] | None = data.get("file") or data.get("photo")
        if sent is None:
            self.add_error("file", NO_FILE)
            return
        try:
            data["fit"] = fit(sent.name or "", sent.read())
        except UnfitFile as refusal:
            self.add_error("file", str(refusal))
