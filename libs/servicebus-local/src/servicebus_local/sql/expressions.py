"""What an expression does with a message. None stands for SQL's unknown, as three-valued logic has it."""

import math
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache

Value = str | bool | int | float | bytes | uuid.UUID | None
Expression = Callable[["Properties"], Value]


class SqlError(ValueError):
    """The text is not a filter or an action; the message tells where and why."""


class EvaluationError(Exception):
    """The expression has no value for this message, such as a division by zero or a system property that is none."""


class Properties(ABC):
    """A message as an expression sees it."""

    @abstractmethod
    def system(self, name: str) -> Value:
        """A property of the broker's, in any case. Raises `EvaluationError` when there is none of that name."""

    @abstractmethod
    def user(self, name: str) -> Value:
        """An application property; None when there is none of that name."""

    @abstractmethod
    def set(self, scope: str, name: str, value: Value) -> None:
        """Change a property. Raises `EvaluationError` when it is not one that can be changed."""

    @abstractmethod
    def remove(self, scope: str, name: str) -> None:
        """Take a property away. Raises `EvaluationError` when it is not one that can be."""


def constant(value: Value) -> Expression:
    """Return an expression with one value."""
    return lambda _: value


def read(scope: str, name: str) -> Expression:
    """Return an expression that reads a property."""
    if scope == "sys":
        return lambda properties: properties.system(name)
    return lambda properties: properties.user(name)


def negation(operand: Expression) -> Expression:
    """NOT."""

    def evaluate(properties: Properties) -> Value:
        value = truth(operand(properties))
        return None if value is None else not value

    return evaluate


def conjunction(left: Expression, right: Expression) -> Expression:
    """AND."""

    def evaluate(properties: Properties) -> Value:
        first = truth(left(properties))
        if first is False:
            return False
        second = truth(right(properties))
        if second is False:
            return False
        return None if first is None or second is None else True

    return evaluate


def disjunction(left: Expression, right: Expression) -> Expression:
    """OR."""

    def evaluate(properties: Properties) -> Value:
        first = truth(left(properties))
        if first is True:
            return True
        second = truth(right(properties))
        if second is True:
            return True
        return None if first is None or second is None else False

    return evaluate


_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "<>": lambda order: order != 0,
    "!=": lambda order: order != 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
}


def comparison(operator: str, left: Expression, right: Expression) -> Expression:
    """One of the six comparisons; unknown when a side is, or when the sides are of kinds that do not compare."""
    holds = _COMPARISONS[operator]

    def evaluate(properties: Properties) -> Value:
        order = compare(left(properties), right(properties))
        return None if order is None else holds(order)

    return evaluate


def membership(operand: Expression, choices: list[Expression]) -> Expression:
    """IN."""

    def evaluate(properties: Properties) -> Value:
        value = operand(properties)
        orders = [compare(value, choice(properties)) for choice in choices]
        if 0 in orders:
            return True
        return None if None in orders else False

    return evaluate


def likeness(operand: Expression, pattern: Expression, escape: Expression | None) -> Expression:
    """LIKE."""

    def evaluate(properties: Properties) -> Value:
        value, wanted = operand(properties), pattern(properties)
        character = "" if escape is None else escape(properties)
        if value is None or wanted is None:
            return None
        if not isinstance(wanted, str) or not isinstance(character, str) or len(character) > 1:
            raise EvaluationError("LIKE needs a pattern that is a string, and an escape character of length 1")
        return isinstance(value, str) and _pattern(wanted, character).fullmatch(value) is not None

    return evaluate


def nothingness(operand: Expression) -> Expression:
    """IS NULL."""
    return lambda properties: operand(properties) is None


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}


def arithmetic(operator: str, left: Expression, right: Expression) -> Expression:
    """One of the five operations; unknown when a side is."""

    def evaluate(properties: Properties) -> Value:
        first, second = left(properties), right(properties)
        if first is None or second is None:
            return None
        if operator == "+" and isinstance(first, str) and isinstance(second, str):
            return first + second
        return _calculate(operator, _number(first), _number(second))

    return evaluate


def sign(operator: str, operand: Expression) -> Expression:
    """A plus or minus before a number."""

    def evaluate(properties: Properties) -> Value:
        value = operand(properties)
        if value is None:
            return None
        return -_number(value) if operator == "-" else _number(value)

    return evaluate


def new_id(_: Properties) -> Value:
    """newid()."""
    return uuid.uuid4()


def truth(value: Value) -> bool | None:
    """Return a predicate's value. Raises `EvaluationError` when it is not one."""
    if value is None or isinstance(value, bool):
        return value
    raise EvaluationError(f"{value!r} is neither true nor false")


def compare(left: Value, right: Value) -> int | None:
    """Return -1, 0 or 1; None when there is no order. A string that is a number compares with numbers."""
    if left is None or right is None:
        return None
    if isinstance(left, uuid.UUID):
        left = str(left)
    if isinstance(right, uuid.UUID):
        right = str(right)
    if isinstance(left, str) and _is_number(right):
        left = _parsed(left)
    elif isinstance(right, str) and _is_number(left):
        right = _parsed(right)
    return _order(left, right)


def _order(left: Value, right: Value) -> int | None:
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, bytes) and isinstance(right, bytes):
        return (left > right) - (left < right)
    if isinstance(left, bool) and isinstance(right, bool):
        return left - right
    if isinstance(left, int | float) and isinstance(right, int | float) and _is_number(left) and _is_number(right):
        return (left > right) - (left < right)
    return None


def _calculate(operator: str, left: float, right: float) -> Value:
    if operator in "/%" and right == 0:
        raise EvaluationError("division by zero")
    if operator == "/":
        return _quotient(left, right)
    if operator == "%":
        return left - right * _quotient(left, right) if _whole(left, right) else math.fmod(left, right)
    return _ARITHMETIC[operator](left, right)


def _quotient(left: float, right: float) -> float:
    """Of whole numbers a whole one, cut towards zero as C# does."""
    if not _whole(left, right):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _whole(left: float, right: float) -> bool:
    return isinstance(left, int) and isinstance(right, int)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Value) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise EvaluationError(f"{value!r} is not a number")


def _parsed(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _pattern(pattern: str, escape: str) -> "re.Pattern[str]":
    parts, characters = [], iter(pattern)
    for character in characters:
        if escape and character == escape:
            parts.append(re.escape(next(characters, "")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)
