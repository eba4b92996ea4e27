"""What the first page of the admin shows above the list of Django."""

from django import template

from accounts.models import ApprovalRequest, User
from transactions.staff.approvals.kinds import ShownKind, shown_as
from transactions.staff.figures import StaffFigure
from transactions.staff.overview import figures_for, news_for

register = template.Library()


@register.simple_tag
def staff_figures(user: User) -> list[StaffFigure]:
    """Returns the numbers that `user` may see."""
    return figures_for(user)


@register.inclusion_tag("admin/includes/own_requests.html")
def own_requests(user: User) -> dict[str, list[ApprovalRequest]]:
    """Shows the outcome of the newest requests of `user`, or nothing if there are none."""
    return {"requests": news_for(user)}


@register.filter
def kind_of(request: ApprovalRequest) -> ShownKind:
    """Returns how the kind of an approval request is shown."""
    return shown_as(request.kind)


@register.simple_tag
def page_of(request: ApprovalRequest, reader: User) -> str:
    """Returns the URL of the page that a request is about, or "" if the reader may not open it."""
    return shown_as(request.kind).page(request, reader)
