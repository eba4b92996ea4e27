"""The form of the editor."""

from typing import Any

from django import forms

from explorer.models import LONGEST_SQL, LONGEST_TITLE
from explorer.running.placeholders import numbered
from ledger.web.form_fields import ReadableNameField

PREFIX = "p_"  # prefix of the names of the fields for parameters
LONGEST_VALUE = 500  # bytes
MAX_PARAMETERS = 20
PLANS = [("", "No plan"), ("estimate", "Plan, estimated"), ("run", "Plan, with real times")]


class EditorForm(forms.Form):
    """The form of the editor: a query, the values of its parameters (`p_<name>`), and the kind of
    plan.
    """

    sql = forms.CharField(
        label="SQL",
        max_length=LONGEST_SQL,
        widget=forms.Textarea(
            attrs={
                "rows": 8, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off",
                "class": "sql",
            }
        ),
        error_messages={"required": "Type a query, such as the first example."},
    )  # fmt: skip
    plan = forms.ChoiceField(label="Plan", choices=PLANS, required=False)

    def clean_sql(self) -> str:
        sql: str = self.cleaned_data["sql"].replace("\r\n", "\n")
        if len(sql.encode()) > LONGEST_SQL:
            raise forms.ValidationError(f"A query has at most {LONGEST_SQL:,} bytes.")
        names = numbered(sql).names
        if len(names) > MAX_PARAMETERS:
            raise forms.ValidationError(f"A query has at most {MAX_PARAMETERS} parameters.")
        return sql

    def clean(self) -> dict[str, Any]:
        """Returns the cleaned data.

        Raises: ValidationError if the value of a parameter is too long.
        """
        values = self.parameters() if "sql" in self.cleaned_data else {}
        long = [name for name, value in values.items() if len(value.encode()) > LONGEST_VALUE]
        if long:
            raise forms.ValidationError(
                f"A value has at most {LONGEST_VALUE} bytes. Shorten \u201c{long[0]}\u201d."
            )
        return self.cleaned_data

    def parameters(self) -> dict[str, str]:
        """Returns the entered values of the query's parameters, by name."""
        names = numbered(self.cleaned_data["sql"]).names
        given = {name: self.data.get(f"{PREFIX}{name}", "").replace("\0", "") for name in names}
        return {name: value for name, value in given.items() if value != ""}


class SaveForm(forms.Form):
    """The part of the editor's form that saves the query: its title, and whether colleagues can see
    the query. The title is required only for saving.
    """

    use_required_attribute = False

    title = ReadableNameField(label="Title", max_length=LONGEST_TITLE)
    is_shared = forms.BooleanField(label="Share with colleagues who query the bank", required=False)
