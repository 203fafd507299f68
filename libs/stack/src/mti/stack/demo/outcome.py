"""What came of a demonstration: the project's books, and the simulators' truth beside them."""

from dataclasses import asdict, dataclass

from pydantic import JsonValue

from mti.stack.run import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceTruth:
    """One workspace, in observables, as Sentinel's simulator counted them."""

    workspace: str
    tenants: list[str]
    expected: int
    """What the feeds of its tenants imply, test files left out."""
    accepted: int
    refused: int
    """Expected, and refused by the workspace for ever."""
    lost: int
    doubled: int
    """Held under more than one id."""
    unexpected: int
    """Held, though no feed of its tenants implies it."""
    resent: int
    """Uploads that changed nothing: a lost answer cannot be told from a lost request."""
    requests: int

    @property
    def clean(self) -> bool:
        """Whether it holds exactly what it should."""
        return not (self.lost or self.doubled or self.unexpected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Both sides."""

    result: RunResult
    truths: list[WorkspaceTruth]
    served: int
    """Detections that Mimecast's simulator holds."""

    @property
    def clean(self) -> bool:
        """Whether the books close and the truth agrees: no indicator lost, none doubled, none astray."""
        return self.result.closed and not self.result.interrupted and all(truth.clean for truth in self.truths)

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        truths: list[JsonValue] = [dict(asdict(truth).items()) for truth in self.truths]
        return {**self.result.document(), "clean": self.clean, "served": self.served, "truth": truths}


def outcome_of(result: RunResult, truths: list[WorkspaceTruth], served: int) -> Outcome:
    """Put both sides together."""
    return Outcome(result=result, truths=truths, served=served)
