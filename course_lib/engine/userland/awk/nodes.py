"""The syntax tree of an AWK program."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Number:
    """A numeric constant."""

    value: float


@dataclass(slots=True)
class String:
    """A string constant."""

    value: str


@dataclass(slots=True)
class Regex:
    """``/re/``: alone it is matched against ``$0``."""

    source: str


@dataclass(slots=True)
class Variable:
    """A variable, or a parameter of the function around it."""

    name: str


@dataclass(slots=True)
class FieldOf:
    """``$n``."""

    index: Expression


@dataclass(slots=True)
class Element:
    """``a[i, j]``."""

    array: str
    subscripts: list[Expression]


@dataclass(slots=True)
class Assign:
    """``target op= value``; ``operator`` is empty for a plain assignment."""

    target: Expression
    operator: str
    value: Expression


@dataclass(slots=True)
class Conditional:
    """``test ? yes : no``."""

    test: Expression
    yes: Expression
    no: Expression


@dataclass(slots=True)
class Binary:
    """Arithmetic, comparison, ``~``, ``!~``, ``&&``, ``||`` and ``" "`` for concatenation."""

    operator: str
    left: Expression
    right: Expression


@dataclass(slots=True)
class Unary:
    """``-``, ``+`` and ``!``."""

    operator: str
    operand: Expression


@dataclass(slots=True)
class Step:
    """``x++``, ``--x``."""

    target: Expression
    by: int
    before: bool


@dataclass(slots=True)
class Membership:
    """``(i, j) in a``."""

    subscripts: list[Expression]
    array: str


@dataclass(slots=True)
class Call:
    """A function of the program (``builtin`` false) or of the language."""

    name: str
    arguments: list[Expression]
    builtin: bool


@dataclass(slots=True)
class Getline:
    """``getline``, ``getline x``, ``getline < file``, ``command | getline``."""

    target: Expression | None
    source: Expression | None
    command: bool = False


@dataclass(slots=True)
class Group:
    """An expression in parentheses."""

    inner: Expression


Expression = (
    Number | String | Regex | Variable | FieldOf | Element | Assign | Conditional | Binary | Unary
    | Step | Membership | Call | Getline | Group
)  # fmt: skip


@dataclass(slots=True)
class Block:
    """Statements in order."""

    body: list[Statement] = field(default_factory=list)


@dataclass(slots=True)
class Evaluate:
    """An expression for its effect."""

    expression: Expression


@dataclass(slots=True)
class Print:
    """``print`` and ``printf``; ``redirect`` is ``>``, ``>>``, ``|`` or empty."""

    arguments: list[Expression]
    formatted: bool
    redirect: str = ""
    target: Expression | None = None


@dataclass(slots=True)
class If:
    """``if``."""

    test: Expression
    then: Statement
    otherwise: Statement | None


@dataclass(slots=True)
class While:
    """``while``, and ``do … while`` where ``first`` is set."""

    test: Expression
    body: Statement
    first: bool = False


@dataclass(slots=True)
class For:
    """``for (start; test; step)``."""

    start: Statement | None
    test: Expression | None
    step: Statement | None
    body: Statement


@dataclass(slots=True)
class ForIn:
    """``for (name in array)``."""

    name: str
    array: str
    body: Statement


@dataclass(slots=True)
class Delete:
    """``delete a[i]``, ``delete a``."""

    array: str
    subscripts: list[Expression] | None


@dataclass(slots=True)
class Jump:
    """``break``, ``continue``, ``next``, ``nextfile``, ``exit`` and ``return``."""

    kind: str
    value: Expression | None = None


Statement = Block | Evaluate | Print | If | While | For | ForIn | Delete | Jump


@dataclass(slots=True)
class Rule:
    """``pattern { action }``; without an action the record is printed."""

    pattern: Expression | None
    end: Expression | None
    action: Block | None
    active: bool = False


@dataclass(slots=True)
class Function:
    """A function of the program."""

    name: str
    parameters: list[str]
    body: Block


@dataclass(slots=True)
class Program:
    """A whole program."""

    begin: list[Block] = field(default_factory=list)
    end: list[Block] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
