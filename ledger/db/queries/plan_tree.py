"""Reads the text of EXPLAIN as a tree, so that pages can show which part of a query takes the time.

The text is read instead of EXPLAIN's JSON, because pages also show the text, and a second EXPLAIN
ANALYZE would run the query once more.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

MAX_NODES, MAX_DEPTH = 60, 16  # a larger plan has no tree
LONGEST_LINE = 1_000  # characters; a longer line is not a node
NODE = re.compile(
    r" *(?:->  )?(?P<name>\S.*?)"
    r"  \(cost=\d+\.\d+\.\.(?P<cost>\d+\.\d+) rows=(?P<estimate>\d+) width=\d+\)"
    r"(?: \((?:actual (?:time=\d+\.\d+\.\.(?P<end>\d+\.\d+) )?rows=(?P<rows>\d+(?:\.\d+)?)"
    r" loops=(?P<loops>\d+)|(?P<never>never executed))\))?"
)
OF_THE_QUERY = re.compile(r"(?:Planning|Planning Time|Execution Time|JIT|Settings):")
HEADING = re.compile(r" *((?:CTE|InitPlan|SubPlan) \S.*)")
PAGES = re.compile(r"Buffers: shared(?: hit=(?P<hit>\d+))?(?: read=(?P<read>\d+))?")
CTE_NAME = re.compile(r'on (?:"((?:[^"]|"")+)"|(\S+))')
WHERE = re.compile(r" (?:using|on) ")
WRONG_BY = 10  # an estimate that is wrong by this factor is marked


@dataclass(slots=True)
class PlanNode:
    """One node of a plan. `children` are the nodes that it reads from.

    - `name` is the operation with its table and index.
    - `heading` is the name of a CTE or subquery that starts with this node, or "".
    - `estimate` and `rows` are numbers of rows per loop. `rows` is None if the query was not
      executed, and 0 if the node was not executed.
    - `total` is the time of the node and of its children in milliseconds, over all loops and
      workers. For a query that was not executed, `total` is the cost.
    - `own` is the part of `total` without the children. `share` is the percentage of `own` in the
      whole plan.
    - `hit` and `read` are numbers of pages of 8 kB for the node and its children. `hit` pages were
      in the cache, and `read` pages were read from the disk.
    - `details` are the other lines, such as the condition.
    """

    name: str
    heading: str
    estimate: int
    rows: float | None
    loops: int
    total: float
    children: list["PlanNode"] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    hit: int = 0
    read: int = 0
    own: float = 0
    share: float = 0

    @property
    def operation(self) -> str:
        """The first part of the name, such as "Index Scan"."""
        return WHERE.split(self.name, maxsplit=1)[0]

    @property
    def target(self) -> str:
        """The rest of the name, such as "using entries_pkey on entries", or ""."""
        return self.name.removeprefix(self.operation).strip()

    @property
    def is_wrong(self) -> bool:
        """Returns whether the estimate was wrong by a factor of WRONG_BY or more."""
        if self.rows is None or not self.loops:
            return False
        low, high = sorted((max(self.rows, 1), max(self.estimate, 1)))
        return high / low >= WRONG_BY

    def all(self) -> Iterator["PlanNode"]:
        """Yields this node and all nodes below it, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True, slots=True)
class PlanTree:
    """A plan as a tree. `was_run` is False if the plan is an estimate, with costs instead of
    times.
    """

    root: PlanNode
    was_run: bool


def tree_of(plan: str) -> PlanTree | None:
    """Returns the tree of a plan in EXPLAIN's text format, with or without ANALYZE. Returns None if
    the text is not a plan, if a value in it has line breaks, or if the plan has more than MAX_NODES
    nodes or MAX_DEPTH levels.
    """
    lines = plan.splitlines()
    if any(line.count("'") % 2 for line in lines):
        return None  # a value with line breaks, whose lines could look like nodes
    nodes = list(islice(_nodes(lines), MAX_NODES + 1))
    if not nodes or len(nodes) > MAX_NODES:
        return None
    above = nodes[:1]
    for indent, node in nodes[1:]:
        while above and above[-1][0] >= indent:
            above.pop()
        if not above or len(above) == MAX_DEPTH:
            return None
        above[-1][1].children.append(node)
        above.append((indent, node))
    _, root = nodes[0]
    _divide(root)
    return PlanTree(root, was_run=any(node.rows is not None for node in root.all()))


def _nodes(lines: Iterable[str]) -> Iterator[tuple[int, PlanNode]]:
    """Yields each node with its indent, in the order of the text. If there is a heading above the
    node's line, the indent is the indent of the heading. Otherwise it is the indent of the line.
    """
    node: PlanNode | None = None
    heading, start = "", 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if len(line) <= LONGEST_LINE and (found := NODE.fullmatch(line)):
            node = _node(found, heading)
            yield start if heading else indent, node
            heading = ""
        elif found := HEADING.fullmatch(line):
            heading, start = found[1], indent
        elif OF_THE_QUERY.match(line):
            return
        elif node is not None:
            _add_detail(node, line.strip())


def _node(found: re.Match[str], heading: str) -> PlanNode:
    loops = 0 if found["never"] else int(found["loops"] or 1)
    if found["rows"] is None:
        rows, total = (0.0, 0.0) if found["never"] else (None, float(found["cost"]))
    else:
        rows, total = float(found["rows"]), float(found["end"] or 0) * loops
    return PlanNode(found["name"], heading, int(found["estimate"]), rows, loops, total)


def _add_detail(node: PlanNode, line: str) -> None:
    pages = PAGES.match(line)
    if pages is not None:
        node.hit, node.read = int(pages["hit"] or 0), int(pages["read"] or 0)
    if pages is None or pages.end() < len(line):  # also pages written, or in temporary files
        node.details.append(line)


def _scanned(target: str) -> str:
    """Returns the name of the CTE in the target of a scan, such as "on tree t"."""
    found = CTE_NAME.match(target)
    return (found[1] or found[2]).replace('""', '"') if found else ""


def _divide(root: PlanNode) -> None:
    """Calculates `own` and `share` of each node. A CTE runs when it is scanned. So its time belongs
    to the CTE scan, not to the node below which the plan shows the CTE.
    """
    nodes = list(root.all())
    ctes = {node.heading: node.total for node in nodes if node.heading.startswith("CTE ")}
    unread = dict(ctes)
    for node in nodes:
        below = sum(child.total for child in node.children if child.heading not in ctes)
        if node.operation == "CTE Scan":
            below += unread.pop(f"CTE {_scanned(node.target)}", 0)
        node.own = max(0.0, node.total - below)
    whole = sum(node.own for node in nodes)
    for node in nodes:
        node.share = 100 * node.own / whole if whole else 0
