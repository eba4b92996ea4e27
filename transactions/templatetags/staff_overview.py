"""Tags for the admin's first page. They show the part above Django's list of models."""

from django import template

from accounts.models import ApprovalRequest, User
from transactions.staff.approvals.kinds import ShownKind, shown_as
from transactions.staff.figures import StaffFigure
from transactions.staff.overview import figures_for, news_for

register = template.Library()


@register.simple_tag
def staff_figures(user: User) -> list[StaffFigure]:
    """Returns the numbers that `user` may see on the first page of the admin."""
    return figures_for(user)


@register.inclusion_tag("admin/includes/own_requests.html")
def own_requests(user: User) -> dict[str, list[ApprovalRequest]]:
    """Shows the outcome of the newest approval requests of `user`, if there are any."""
    return {"requests": news_for(user)}


@register.filter
def kind_of(request: ApprovalRequest) -> ShownKind:
    """Returns the labels and the page for the kind of this approval request."""
    return shown_as(request.kind)


@register.simple_tag
def page_of(request: ApprovalRequest, reader: User) -> str:
    """Returns the URL of the admin page for the object of the request, or "" if the reader may not
    open the page.
    """
    return shown_as(request.kind).page(request, reader)
