"""What the admin's first page shows above Django's list."""

from django import template

from accounts.models import ApprovalRequest, User
from transactions.staff.approvals.kinds import ShownKind, shown_as
from transactions.staff.figures import StaffFigure
from transactions.staff.overview import figures_for, news_for

register = template.Library()


@register.simple_tag
def staff_figures(user: User) -> list[StaffFigure]:
    """Returns the figures that `user` may see."""
    return figures_for(user)


@register.inclusion_tag("admin/includes/own_requests.html")
def own_requests(user: User) -> dict[str, list[ApprovalRequest]]:
    """Shows what became of the newest requests of `user`; nothing without one."""
    return {"requests": news_for(user)}


@register.filter
def kind_of(request: ApprovalRequest) -> ShownKind:
    """How a request for approval is shown."""
    return shown_as(request.kind)


@register.simple_tag
def page_of(request: ApprovalRequest, reader: User) -> str:
    """The address of what a request is about; "" if the reader may not open it."""
    return shown_as(request.kind).page(request, reader)
