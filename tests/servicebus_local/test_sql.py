"""The SQL of rules, on its own."""

import uuid
from typing import Any

import pytest

from servicebus_local.sql import EvaluationError, Properties, SqlError, parse_action, parse_filter
from servicebus_local.sql.expressions import Value


class Message(Properties):
    """Two dictionaries."""

    def __init__(self, system: dict[str, Any] | None = None, **user: Any) -> None:
        self.scopes: dict[str, dict[str, Any]] = {"sys": {"label": None, **(system or {})}, "user": user}

    def system(self, name: str) -> Value:
        if name.lower() not in self.scopes["sys"]:
            raise EvaluationError(f"no system property {name}")
        found: Value = self.scopes["sys"][name.lower()]
        return found

    def user(self, name: str) -> Value:
        return self.scopes["user"].get(name)

    def set(self, scope: str, name: str, value: Value) -> None:
        self.scopes[scope][name] = value

    def remove(self, scope: str, name: str) -> None:
        self.scopes[scope].pop(name, None)


MESSAGE = Message({"label": "Order", "to": "me"}, color="blue", quantity=10, price=2.5, urgent=True, text="50%_x")

TRUE = [
    "1=1",
    "color = 'blue'",
    "user.color = 'blue' AND quantity = 10",
    "sys.Label = 'Order'",
    "sys.label LIKE 'O%' and [to] is null",
    "NOT color = 'red'",
    "color <> 'red' AND color != 'red'",
    "color IN ('red', 'blue') AND color NOT IN ('red')",
    "quantity > 9 AND quantity >= 10 AND quantity < 11 AND quantity <= 10",
    "price * 2 = 5 AND quantity / 4 = 2 AND quantity % 3 = 1 AND quantity / 4.0 = 2.5",
    "-7 / 2 = -3 AND -7 % 3 = -1 AND 7 % -3 = 1 AND 9007199254740993 / 1 = 9007199254740993 AND 5.5 % 2 = 1.5",
    "-quantity = -10 AND +quantity - 3 = 7 AND 2 + 3 * 2 = 8 AND (2 + 3) * 2 = 10",
    "urgent = TRUE",
    "urgent",
    "missing IS NULL AND color IS NOT NULL",
    "EXISTS(color) AND NOT EXISTS(user.missing) AND EXISTS(sys.To)",
    "color LIKE 'b%' AND color LIKE '_lue' AND color NOT LIKE 'r%'",
    r"text LIKE '50\%\_x' ESCAPE '\'",
    "color = 'red' OR quantity = 10",
    "color = 'blue' OR missing = 1",
    "property('color') = 'blue' AND p('quantity') = 10",
    "[color] = 'blue' AND \"color\" = 'blue'",
    "'it''s' = 'it''s'",
    "quantity = '10'",
    "1.5e1 = 15 AND .5 = 0.5",
    "newid() <> newid()",
    "color + 'ish' = 'blueish'",
]
NOT_TRUE = [
    "1=0",
    "missing = 1",
    "missing <> 1",
    "NOT missing = 1",
    "missing IN (1, 2)",
    "missing LIKE 'x%'",
    "color = 'Blue'",
    "color = 5",
    "color = 'blue' AND missing = 1",
    "quantity + missing > 0",
    "urgent = 1",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_holds_is_true(text: str) -> None:
    assert parse_filter(text)(MESSAGE) is True


@pytest.mark.parametrize("text", NOT_TRUE)
def test_what_is_false_or_unknown_is_not_true(text: str) -> None:
    assert parse_filter(text)(MESSAGE) is not True


@pytest.mark.parametrize(
    "text", ["", "color =", "color = 'x", "a.b.c = 1", "other.color = 1", "color = @p", "f(1) = 1", "=1", "x" * 1025]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(SqlError):
        parse_filter(text)


@pytest.mark.parametrize("text", ["quantity / 0 = 1", "sys.nothing = 1", "color * 2 = 1", "quantity", "-color = 1"])
def test_what_cannot_be_evaluated_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        parse_filter(text)(MESSAGE)


def test_parameters_have_their_values() -> None:
    predicate = parse_filter("color = @Color AND quantity = @n", {"@color": "blue", "n": 10})
    assert predicate(MESSAGE) is True


def test_an_action_changes_properties_in_order() -> None:
    message = Message(color="blue", quantity=2)
    parse_action("SET quantity = quantity + 1; SET doubled = quantity * 2; REMOVE color; SET sys.Label = 'x';")(message)
    assert message.scopes["user"] == {"quantity": 3, "doubled": 6}
    assert message.scopes["sys"]["Label"] == "x"
    parse_action("SET id = newid()")(message)
    assert isinstance(message.scopes["user"]["id"], uuid.UUID)


@pytest.mark.parametrize("text", ["SET", "SET a", "REMOVE", "color = 'x'", "SET a = 1, SET b = 2"])
def test_what_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(SqlError):
        parse_action(text)
