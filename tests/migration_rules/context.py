"""What the operations of a migration are checked against."""

from dataclasses import dataclass, field

from django.db.migrations.state import ModelState, ProjectState

SPREAD_BY = frozenset({"account", "from_account", "to_account"})


@dataclass
class Context:
    """`state`: the models before the operation. `new`: the tables that this migration makes.
    `unique_indexes`: the columns of those that SQL made, in earlier migrations too.
    """

    app: str
    state: ProjectState
    new: set[str]
    unique_indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def model(self, name: str) -> ModelState:
        found: ModelState = self.state.models[self.app, name.lower()]
        return found

    def table(self, name: str) -> str:
        found = self.model(name).options.get("db_table")
        return str(found or f"{self.app}_{name.lower()}")

    def is_new(self, name: str) -> bool:
        """Whether the model's table has no rows, because this migration made it."""
        return self.table(name) in self.new
