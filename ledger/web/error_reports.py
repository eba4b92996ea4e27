"""The error page for DEBUG. It shows the messages of exceptions, but no values of forms, cookies,
settings and variables.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from ledger.web.error_text import described, for_developer, without_secrets

SHOWN_HEADERS = frozenset({"REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH", "SERVER_NAME"})


class HidingFilter(SafeExceptionReporterFilter):
    """A filter that hides all values of requests and variables, but not their names."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_safe_settings(self) -> dict[str, Any]:
        return {}

    def get_safe_request_meta(self, request: Any) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        return {name: value for name, value in meta.items() if name in SHOWN_HEADERS}

    def get_safe_cookies(self, request: Any) -> dict[str, Any]:
        return dict.fromkeys(super().get_safe_cookies(request), self.cleansed_substitute)

    def get_post_parameters(self, request: Any) -> MultiValueDict[str, object]:
        hidden: MultiValueDict[str, object] = MultiValueDict()
        for name in getattr(request, "POST", QueryDict()):
            hidden[name] = self.cleansed_substitute
        return hidden

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        return [(name, type(value)) for name, value in tb_frame.f_locals.items()]


class HidingReporter(ExceptionReporter):
    """A reporter that shows the messages of exceptions with DEBUG. Without DEBUG, it describes
    exceptions like the log.
    """

    def get_traceback_data(self) -> dict[str, Any]:
        data = super().get_traceback_data()
        describe = for_developer if settings.DEBUG else described
        error = self.exc_value
        if error is not None:
            data["exception_value"] = describe(error)
        data.pop("exception_notes", None)
        data["unicode_hint"] = ""
        data["user_str"] = "hidden"
        if self.request is not None:
            data["request_GET_items"] = [(name, "hidden") for name in self.request.GET]
            data["request_insecure_uri"] = without_secrets(self.request.path)
        for frame in data["frames"]:
            if frame.get("exc_cause"):
                frame["exc_cause"] = describe(frame["exc_cause"])
        return data
