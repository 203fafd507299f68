"""The grammar, and how its parts become expressions."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput, VisitError

from servicebus_local.sql import expressions as e
from servicebus_local.sql.expressions import Expression, Properties, SqlError, Value

MAX_LENGTH = 1024
"""Characters of a condition or an action (Service Bus quotas)."""

_GRAMMAR = r"""
filter: predicate
action: (statement ";"?)*

?statement: "SET"i property EQUAL predicate -> set
    | "REMOVE"i property -> remove

?predicate: predicate "OR"i conjunction -> or_
    | conjunction
?conjunction: conjunction "AND"i inversion -> and_
    | inversion
?inversion: "NOT"i inversion -> not_
    | condition
?condition: sum (EQUAL | COMPARISON) sum -> compare
    | sum "IS"i "NULL"i -> is_null
    | sum "IS"i "NOT"i "NULL"i -> is_not_null
    | sum "IN"i "(" sum ("," sum)* ")" -> in_
    | sum "NOT"i "IN"i "(" sum ("," sum)* ")" -> not_in
    | sum "LIKE"i sum ["ESCAPE"i sum] -> like
    | sum "NOT"i "LIKE"i sum ["ESCAPE"i sum] -> not_like
    | "EXISTS"i "(" property ")" -> exists
    | sum
?sum: sum SUM product -> calculate
    | product
?product: product PRODUCT factor -> calculate
    | factor
?factor: SUM factor -> signed
    | atom
?atom: "(" predicate ")"
    | "TRUE"i -> true
    | "FALSE"i -> false
    | "NULL"i -> null
    | STRING -> string
    | INTEGER -> integer
    | DECIMAL -> decimal
    | PARAMETER -> parameter
    | NAME "(" [predicate ("," predicate)*] ")" -> call
    | property -> read

property: [identifier "."] identifier
identifier: NAME | DELIMITED | QUOTED

EQUAL: "="
COMPARISON: "<>" | "!=" | ">=" | "<=" | ">" | "<"
SUM: "+" | "-"
PRODUCT: "*" | "/" | "%"
STRING: /N?'(''|[^'])*'/i
DECIMAL.2: /\d+\.\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|\d+[eE][+-]?\d+/
INTEGER: /\d+/
PARAMETER: /@\w+/
NAME: /[^\W\d]\w*/
DELIMITED: /\[(\]\]|[^\]])+\]/
QUOTED: /"(""|[^"])+"/
%import common.WS
%ignore WS
"""

Statement = Callable[[Properties], None]


@cache
def _lark() -> Lark:
    return Lark(_GRAMMAR, start=["filter", "action"], parser="lalr", maybe_placeholders=True)


def parse_filter(text: str, parameters: Mapping[str, Value] | None = None) -> Expression:
    """Return the predicate; it is true, false or None (unknown) for a message. Raises `SqlError`."""
    parsed: Expression = _parse(text, "filter", parameters)
    return parsed


def parse_action(text: str, parameters: Mapping[str, Value] | None = None) -> Statement:
    """Return what changes a message's properties. Raises `SqlError`."""
    statements: list[Statement] = _parse(text, "action", parameters)

    def run(properties: Properties) -> None:
        for statement in statements:
            statement(properties)

    return run


def _parse(text: str, start: str, parameters: Mapping[str, Value] | None) -> Any:  # noqa: ANN401 - as the rule has it
    if len(text) > MAX_LENGTH:
        raise SqlError(f"the expression has {len(text)} characters; {MAX_LENGTH} are allowed")
    try:
        return _Builder(parameters or {}).transform(_lark().parse(text, start=start))
    except VisitError as error:
        raise SqlError(str(error.orig_exc)) from error
    except UnexpectedInput as error:
        line, column = getattr(error, "line", 1), getattr(error, "column", len(text) + 1)
        raise SqlError(f"syntax error in {text!r} at line {line}, column {column}") from error
    except LarkError as error:
        raise SqlError(f"syntax error in {text!r}: {error}") from error


class _Builder(Transformer[Token, Any]):
    """Makes expressions from the tree, from the leaves up; each method is the rule of its name."""

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        super().__init__()
        self._parameters = {name.lower(): value for name, value in parameters.items()}

    def filter(self, parts: list[Expression]) -> Expression:
        predicate = parts[0]
        return lambda properties: e.truth(predicate(properties))

    def action(self, parts: list[Statement]) -> list[Statement]:
        return parts

    def set(self, parts: list[Any]) -> Statement:
        (scope, name), _, value = parts
        return lambda properties: properties.set(scope, name, value(properties))

    def remove(self, parts: list[Any]) -> Statement:
        ((scope, name),) = parts
        return lambda properties: properties.remove(scope, name)

    def or_(self, parts: list[Expression]) -> Expression:
        return e.disjunction(*parts)

    def and_(self, parts: list[Expression]) -> Expression:
        return e.conjunction(*parts)

    def not_(self, parts: list[Expression]) -> Expression:
        return e.negation(parts[0])

    def compare(self, parts: list[Any]) -> Expression:
        left, operator, right = parts
        return e.comparison(str(operator), left, right)

    def is_null(self, parts: list[Expression]) -> Expression:
        return e.nothingness(parts[0])

    def is_not_null(self, parts: list[Expression]) -> Expression:
        return e.negation(e.nothingness(parts[0]))

    def in_(self, parts: list[Expression]) -> Expression:
        return e.membership(parts[0], parts[1:])

    def not_in(self, parts: list[Expression]) -> Expression:
        return e.negation(self.in_(parts))

    def like(self, parts: list[Any]) -> Expression:
        return e.likeness(*parts)

    def not_like(self, parts: list[Any]) -> Expression:
        return e.negation(self.like(parts))

    def exists(self, parts: list[tuple[str, str]]) -> Expression:
        return e.negation(e.nothingness(e.read(*parts[0])))

    def calculate(self, parts: list[Any]) -> Expression:
        left, operator, right = parts
        return e.arithmetic(str(operator), left, right)

    def signed(self, parts: list[Any]) -> Expression:
        operator, operand = parts
        return e.sign(str(operator), operand)

    def true(self, _: list[Any]) -> Expression:
        return e.constant(value=True)

    def false(self, _: list[Any]) -> Expression:
        return e.constant(value=False)

    def null(self, _: list[Any]) -> Expression:
        return e.constant(None)

    def string(self, parts: list[Token]) -> Expression:
        return e.constant(parts[0][parts[0].index("'") + 1 : -1].replace("''", "'"))

    def integer(self, parts: list[Token]) -> Expression:
        return e.constant(int(parts[0]))

    def decimal(self, parts: list[Token]) -> Expression:
        return e.constant(float(Decimal(parts[0])))

    def parameter(self, parts: list[Token]) -> Expression:
        name = parts[0].lower()
        for spelling in (name, name.removeprefix("@")):
            if spelling in self._parameters:
                return e.constant(self._parameters[spelling])
        raise SqlError(f"the parameter {parts[0]} has no value")

    def call(self, parts: list[Any]) -> Expression:
        name, *arguments = parts
        arguments = [argument for argument in arguments if argument is not None]
        if name.lower() == "newid" and not arguments:
            return e.new_id
        if name.lower() in ("p", "property") and len(arguments) == 1:
            (argument,) = arguments
            return lambda properties: properties.user(_text(argument(properties)))
        raise SqlError(f"there is no function {name} with {len(arguments)} arguments")

    def read(self, parts: list[tuple[str, str]]) -> Expression:
        return e.read(*parts[0])

    def property(self, parts: list[str | None]) -> tuple[str, str]:
        scope, name = parts
        lowered = (scope or "user").lower()
        if lowered not in ("sys", "user"):
            raise SqlError(f"the scope of {scope}.{name} is neither sys nor user")
        return lowered, name or ""

    def identifier(self, parts: list[Token]) -> str:
        token = parts[0]
        if token.type == "DELIMITED":
            return token[1:-1].replace("]]", "]")
        if token.type == "QUOTED":
            return token[1:-1].replace('""', '"')
        return str(token)


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise e.EvaluationError("property() needs a name that is a string")
