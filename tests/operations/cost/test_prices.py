"""Prices: tiers and free grants by hand-computed examples, and files that somebody puts in their place."""

from pathlib import Path

import pytest

from mti.common.errors import ConfigurationError
from mti.operations.cost.prices import LIMIT, Price, list_prices

FACTS = {"unit": "thing", "date": "2026-11-01", "source": "https://prices.example/", "sure": "good"}


def test_what_is_free_costs_nothing_and_the_rest_its_price() -> None:
    price = Price.model_validate({**FACTS, "price": 0.5, "free": 100})
    assert [price.cost(quantity) for quantity in (0, 99, 100, 101, 300)] == pytest.approx([0, 0, 0, 0.5, 100])


@pytest.mark.parametrize(
    ("millions", "cost"),
    [
        (0, 0),
        (13, 0),
        (14, 0.80),
        (100, 87 * 0.80),
        (101, 87 * 0.80 + 0.50),
        (2500, 87 * 0.80 + 2400 * 0.50),
        (3500, 87 * 0.80 + 2400 * 0.50 + 1000 * 0.20),
    ],
)
def test_operations_of_service_bus_cost_what_their_tiers_say(millions: float, cost: float) -> None:
    assert list_prices().cost("servicebus_operations", millions) == pytest.approx(cost)


def test_the_dearest_tier_is_what_a_unit_costs_at_the_most() -> None:
    prices = list_prices().prices
    assert prices["servicebus_operations"].dearest == 0.80
    assert prices["cosmos_serverless"].dearest == 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"price": 1, "tiers": [{"price": 1}]},
        {"tiers": [{"up_to": 5, "price": 1}]},
        {"tiers": [{"up_to": 5, "price": 1}, {"up_to": 3, "price": 2}, {"price": 1}]},
        {"tiers": [{"price": 1}, {"price": 2}]},
        {"price": -1},
    ],
)
def test_a_price_is_one_figure_or_tiers_in_order(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Price.model_validate({**FACTS, **wrong})


def test_every_price_that_comes_along_says_when_and_where_it_was_read() -> None:
    for price in list_prices().prices.values():
        assert price.source.startswith("https://azure.microsoft.com/")
        assert price.date == "undated" or price.date.startswith("20")


def test_entries_of_a_file_replace_those_of_the_same_name_and_no_others(tmp_path: Path) -> None:
    (file := tmp_path / "ours.yaml").write_text(
        "prices:\n"
        "  cosmos_serverless: {unit: million RU, price: 0.20, date: 2026-11-01, source: agreement, sure: good}\n"
        "request_units: {query: 3}\n"
    )
    found = list_prices().with_those_of(file)
    assert found.cost("cosmos_serverless", 1) == 0.20
    assert found.cost("cosmos_storage", 1) == 0.25
    assert found.cost("servicebus_operations", 14) == pytest.approx(0.80)
    assert (found.request_units.query, found.request_units.read_1_kb) == (3, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prices: {gold: {}}", "there is no price of the name gold"),
        ("prices: {cosmos_storage: {price: 1}}", "prices.cosmos_storage.unit"),
        ("request_units: {query: much}", "request_units.query"),
        ("[1, 2]", "prices by their names"),
        ("prices: 3", "prices by their names"),
        ("{", "no YAML"),
        ("&a [*a]", "an alias stands inside"),
        ("#" * (LIMIT + 1), "bytes at most"),
    ],
)
def test_a_file_that_is_none_of_prices_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    (file := tmp_path / "wrong.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        list_prices().with_those_of(file)
    assert str(file) in str(error.value)
    assert says in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: the prices can't be read"):
        list_prices().with_those_of(tmp_path / "none.yaml")
