"""The dated prices: those that come along, and those that somebody puts in their place."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mti.common.errors import ConfigurationError
from mti.common.registry.yaml_bounds import Unbounded, check_bounds
from mti.operations.cost.request_units import RequestUnits

LIMIT: Final = 256 * 1024
"""Bytes of a file of prices, at most."""


class Tier(BaseModel):
    """What a unit costs up to a quantity of the month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: float = Field(ge=0)
    up_to: float | None = Field(default=None, gt=0)
    """In units, from the first one on; `None` is without end."""


class Price(BaseModel):
    """The price of one thing, in the currency of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str
    price: float | None = Field(default=None, ge=0)
    free: float = Field(default=0.0, ge=0)
    """Units of each month that cost nothing."""
    tiers: Sequence[Tier] = ()
    """In the place of one price."""
    date: Annotated[str, BeforeValidator(str)]
    """When it was read: a day, a month, or `undated`."""
    source: str
    sure: Literal["good", "fair", "uncertain"]

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.price is None) == (not self.tiers):
            raise ValueError("it has either a price or tiers")
        bounds = [tier.up_to for tier in self.tiers]
        known = [bound for bound in bounds[:-1] if bound is not None]
        if self.tiers and (bounds[-1] is not None or len(known) < len(bounds) - 1 or known != sorted(known)):
            raise ValueError("the tiers are in order, and the last one alone has no end")
        return self

    @property
    def dearest(self) -> float:
        """What a unit costs at the most, beyond what is free."""
        return max(self.price or 0.0, *(tier.price for tier in self.tiers), 0.0)

    def cost(self, quantity: float) -> float:
        """Return what that many units of one month cost."""
        if self.price is not None:
            return self.price * max(0.0, quantity - self.free)
        total, start = 0.0, 0.0
        for tier in self.tiers:
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            total += tier.price * max(0.0, end - start)
            start = max(start, end)
        return total


class Prices(BaseModel):
    """All prices; the names are those of `prices.yaml`, which says where each is from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str
    region: str
    prices: Mapping[str, Price]
    request_units: RequestUnits

    def cost(self, name: str, quantity: float) -> float:
        """Return what so many units of something cost in a month."""
        return self.prices[name].cost(quantity)

    def with_those_of(self, path: Path) -> "Prices":
        """Return them with the entries of a file in the place of those of the same name.

        Raises:
            ConfigurationError: it can't be read, or holds what is no price; the text says which.
        """
        found = _document(path)
        if unknown := [str(name) for name in found.get("prices") or {} if name not in self.prices]:
            raise ConfigurationError(
                f"{path}: there is no price of the name {', '.join(unknown)}; the names are {', '.join(self.prices)}"
            )
        own = self.model_dump(exclude_defaults=True)
        merged = {**own, **found, "prices": {**own["prices"], **(found.get("prices") or {})}}
        merged["request_units"] = {**own["request_units"], **(found.get("request_units") or {})}
        try:
            return Prices.model_validate(merged)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ConfigurationError(f"{path}: {where}: {first['msg']}") from None


@cache
def list_prices() -> Prices:
    """Return the prices that come along."""
    text = (files("mti.operations.cost") / "prices.yaml").read_text(encoding="utf-8")
    return Prices.model_validate(yaml.safe_load(text))


def _document(path: Path) -> dict[str, dict[str, object]]:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: the prices can't be read ({error.strerror})") from None
    if len(content) > LIMIT:
        raise ConfigurationError(f"{path}: a file of prices has {LIMIT:,} bytes at most")
    try:
        text = content.decode()
        check_bounds(text, yaml.SafeLoader)
        found = yaml.safe_load(text)
    except (UnicodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: this is no YAML in UTF-8 ({type(error).__name__})") from None
    except Unbounded as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not isinstance(found, dict) or not all(
        isinstance(found.get(part, {}), dict) for part in ("prices", "request_units")
    ):
        raise ConfigurationError(f"{path}: a file of prices has the form of prices.yaml: prices by their names")
    return found
