"""What a workspace holds of one observable. Pure.

These are the books that everything about a workspace is decided by: which version it holds and under which generation
of the id, which sources gave it, which of them a person withdrew, whether the id is spent. Neither the tenants file of
today nor another service's memory is asked.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_jsonable_python

from mti.common.contracts import Carried, Indicator, id_in
from mti.common.registry import Feed

STEP: Final = timedelta(milliseconds=1)
"""The precision of a STIX timestamp here: a revocation is at least so much newer than what it revokes."""

_VARIES: Final = {"id", "modified", "valid_until", "revoked"}
"""Fields of an object that the books hold beside its content."""
_DEFAULTS: Final = [
    (name, to_jsonable_python(field.get_default(call_default_factory=True)))
    for name, field in Indicator.model_fields.items()
    if not field.is_required() and field.get_default(call_default_factory=True) is not None
]


class Refusal(BaseModel):
    """The newest version that Sentinel refused, with its own words, or that a person purged."""

    model_config = ConfigDict(frozen=True)

    version: AwareDatetime
    reason: str
    description: str
    valid_until: AwareDatetime | None = None
    """Of that version: until then somebody may ask where it is."""


class Backing(BaseModel):
    """What one source has given a workspace of the observable."""

    model_config = ConfigDict(frozen=True)

    version: AwareDatetime | None = None
    """The newest that it brought, whether it was uploaded or the workspace needed it not."""
    valid_until: AwareDatetime | None = None
    """Of that version."""
    withdrawn: AwareDatetime | None = None
    """Since when a person has withdrawn what this source brings here."""


class Published(BaseModel):
    """One observable in one workspace. The version of an object is its `modified`."""

    model_config = ConfigDict(frozen=True)

    generation: int = 0
    """Of the id that the workspace was given last."""
    version: AwareDatetime | None = None
    """The newest that the workspace accepted under that id; `None` when it never accepted one."""
    valid_until: AwareDatetime | None = None
    revoked: bool = False
    """The id was withdrawn and is spent: what comes back comes under the next generation's."""
    feed: Feed | None = None
    """Of the source whose version the workspace holds."""
    source: str | None = None
    content: Mapping[str, JsonValue] | None = None
    """Of the object that it holds: all fields but id and versions. Made to revoke it, or to send it again."""
    sources: Mapping[str, Backing] = Field(default_factory=dict)
    """Which sources gave it, by id."""
    withdrawn: AwareDatetime | None = None
    """Since when a person has withdrawn the observable, whoever brings it."""
    lifted: AwareDatetime | None = None
    """When a withdrawal was lifted last: revocations from before are void, and what was made before it is missed by
    nobody until it is seen again or backfilled."""
    accepted: int = 0
    """Distinct versions that were accepted, and once more for each workspace that was built anew: the rows that were
    paid for."""
    passed: AwareDatetime | None = None
    """The newest version that was passed over, since the workspace needs it not: another source's version covers it,
    or it is withdrawn."""
    rebuilt: str | None = None
    """The last backfill that gave it to a workspace that was built anew."""
    refused: Refusal | None = None
    """Set while the newest version that was tried is a refused one."""
    disturbed: int = 0
    """How often somebody else had been there in between when an answer was entered."""
    unsure: bool = False
    """It was disturbed, or withdrawn while it was uploaded, and nothing has made that good yet: Sentinel keeps what
    came last, and that may be something else than these books say."""

    def settles(self, version: datetime) -> bool:
        """Say whether the workspace needs no upload of that version: it holds it or a newer one, or passed it over."""
        return any(known is not None and known >= version for known in (self.version, self.passed))

    @property
    def alive(self) -> bool:
        """Whether the workspace holds it, not revoked."""
        return self.version is not None and not self.revoked

    def is_withdrawn_from(self, source: str) -> bool:
        """Say whether a person has withdrawn what that source brings here."""
        backing = self.sources.get(source)
        return self.withdrawn is not None or (backing is not None and backing.withdrawn is not None)

    @property
    def is_withdrawn(self) -> bool:
        """Whether a person has withdrawn anything of it here."""
        return self.withdrawn is not None or any(backing.withdrawn is not None for backing in self.sources.values())

    def is_backed(self, routed: Collection[str], moment: datetime) -> bool:
        """Say whether any source that is routed here still wants it at that moment, by what it brought."""
        if self.withdrawn is not None:
            return False
        return any(
            name in routed
            and backing.withdrawn is None
            and backing.valid_until is not None
            and backing.valid_until > moment
            for name, backing in self.sources.items()
        )

    def knows(self, source: str, version: datetime) -> bool:
        """Say whether passing over a version that a source brings would tell these books nothing new."""
        backing = self.sources.get(source)
        brought = backing is not None and backing.version is not None and backing.version >= version
        return brought and self.settles(version)

    def changed(self, **fields: object) -> "Published":
        """Return it with other fields: `model_copy(update=…)`, in a fifth of the time, since each upload needs it."""
        new = Published.__new__(Published)
        object.__setattr__(new, "__dict__", {**self.__dict__, **fields})
        object.__setattr__(new, "__pydantic_fields_set__", self.__pydantic_fields_set__ | fields.keys())
        object.__setattr__(new, "__pydantic_extra__", None)
        object.__setattr__(new, "__pydantic_private__", None)
        return new

    def document(self) -> dict[str, JsonValue]:
        """Return what the store keeps of it: `model_dump(mode="json")` without what is unset or default, in a fifth of
        the time, since each upload writes it.
        """
        found: dict[str, JsonValue] = {}
        for name, value in self.__dict__.items():
            if value is None or value == _UNSET[name]:
                continue
            if isinstance(value, datetime):
                found[name] = _written(value)
            elif name == "sources":
                found[name] = {source: _backing(backing) for source, backing in self.sources.items()}
            elif isinstance(value, BaseModel):
                found[name] = value.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
            else:
                found[name] = value.value if isinstance(value, Feed) else value
        return found

    @property
    def held(self) -> "Held":
        """What an upload changes: where it differs from what it was, somebody else has uploaded in between."""
        return self.generation, self.version, self.revoked, self.accepted, self.disturbed


NOTHING: Final = Published()
"""Of an observable that a workspace never saw."""
_UNSET: Final = dict(NOTHING.__dict__)


def _written(moment: datetime) -> str:
    text = moment.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _backing(backing: Backing) -> dict[str, JsonValue]:
    return {name: _written(moment) for name, moment in backing.__dict__.items() if moment is not None}


Held = tuple[int, datetime | None, bool, int, int]
"""See `Published.held`."""


def content_of(indicator: Carried) -> dict[str, JsonValue]:
    """Return all of an object that is not id or version, without what an object is anyhow."""
    content = dict(indicator.wire)
    for name in _VARIES:
        content.pop(name, None)
    for name, default in _DEFAULTS:
        if content.get(name) == default:
            del content[name]
    return content


def held_object(own: str, known: Published) -> Carried | None:
    """Return the object that a workspace holds, as it was uploaded; `None` where it holds none.

    Args:
        own: the observable's own id.
        known: the books of it.
    """
    if known.content is None or known.version is None or known.valid_until is None:
        return None
    indicator = Indicator.model_validate(
        {**known.content, "id": own, "modified": known.version, "valid_until": known.valid_until}
    )
    id = id_in(own, indicator.pattern, known.generation)
    return Carried.of(indicator.model_copy(update={"id": id, "revoked": True if known.revoked else None}))
