"""The people who can sign in at the mock provider."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MockPerson:
    """A user of the mock provider. `subject` is the user's permanent id at the provider."""

    subject: str
    name: str
    email: str
    email_verified: bool = True
    groups: tuple[str, ...] = ()
    factors: tuple[str, ...] = ("pwd",)  # how the user signed in at the provider: the claim `amr`
    more: dict[str, Any] = field(default_factory=dict)

    def claims(self) -> dict[str, Any]:
        """Returns the claims about this person for tokens and for userinfo."""
        return {
            "sub": self.subject,
            "name": self.name,
            "email": self.email,
            "email_verified": self.email_verified,
            # The same groups, once under Cognito's name and once under the name that most other
            # providers use.
            "cognito:groups": list(self.groups),
            "groups": list(self.groups),
            **self.more,
        }


DEMO_PEOPLE = (
    MockPerson("mock-nina", "Nina Novak", "nina@example.com"),
    MockPerson("mock-ana", "Ana Ferreira", "ana@example.com"),
    MockPerson("mock-audit", "Otto Audit", "otto@example.com", groups=("bank-analysts",)),
    MockPerson("mock-unsure", "Uma Unsure", "uma@example.com", email_verified=False),
)
