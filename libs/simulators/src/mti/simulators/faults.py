"""A declarative plan of misbehaviour: which request gets which fault, and how often.

Each simulator has rules of its own kind with its own conditions; how rules are counted and drawn is the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class FaultRule(BaseModel):
    """What all rules have in common. A rule looks at the requests that fulfil its conditions, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = None
    """By which it can be taken back; unnamed rules get `fault-1`, `fault-2`, …"""
    nth: int | None = Field(default=None, ge=1)
    """Strikes from the n-th matching request on (1-based, counted since the rule was planned); `None` is the first."""
    times: int | None = Field(default=1, ge=1)
    """How often it strikes; `None` is until it is taken back."""
    rate: float | None = Field(default=None, gt=0, le=1)
    """Strikes a matching request with this probability, from the simulator's seed; `None` is always."""


RuleT = TypeVar("RuleT", bound=FaultRule)


class FaultPlan(Generic[RuleT]):
    """The rules in force, in the order they were planned: the first that strikes wins."""

    def __init__(self, rng: Random, rules: Iterable[RuleT] = ()) -> None:
        self._rng = rng
        self._rules: dict[str, RuleT] = {}
        self._matched: Counter[str] = Counter()
        self._planned = 0
        self.struck: Counter[str] = Counter()
        """How often each rule has struck, by name, those taken back included."""
        for rule in rules:
            self.add(rule)

    @property
    def rules(self) -> dict[str, RuleT]:
        """The rules in force by name, spent ones included."""
        return dict(self._rules)

    def add(self, rule: RuleT) -> str:
        """Plan a rule and return its name; a rule of the same name is replaced and counts anew."""
        self._planned += 1
        name = rule.name or f"fault-{self._planned}"
        self._rules[name] = rule
        self._matched[name] = 0
        self.struck[name] = 0
        return name

    def remove(self, name: str) -> bool:
        """Take a rule back; say whether there was one."""
        return self._rules.pop(name, None) is not None

    def clear(self) -> None:
        """Take all rules back."""
        self._rules.clear()

    def draw(self, matches: Callable[[RuleT], bool]) -> RuleT | None:
        """Return the rule that strikes this request, if any, and count it."""
        return next(self._striking(matches), None)

    def draw_all(self, matches: Callable[[RuleT], bool]) -> list[RuleT]:
        """Return every rule that strikes this request, for rules that do not exclude each other."""
        return list(self._striking(matches))

    def _striking(self, matches: Callable[[RuleT], bool]) -> Iterator[RuleT]:
        for name, rule in self._rules.items():
            if matches(rule) and self._strikes(name, rule):
                self.struck[name] += 1
                yield rule

    def _strikes(self, name: str, rule: RuleT) -> bool:
        self._matched[name] += 1
        if rule.times is not None and self.struck[name] >= rule.times:
            return False
        if rule.nth is not None and self._matched[name] < rule.nth:
            return False
        return rule.rate is None or self._rng.random() < rule.rate
