"""One object on its way: what it is, where it came from and which message holds it."""

from collections.abc import Collection
from datetime import timedelta
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from mti.common.contracts import Carried, id_in, own_id
from mti.common.registry import Feed


class Item(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """One object of one message. Two items are the same only when they are the same object of the same message."""

    object: Carried
    """As the message holds it or, of an item that is about to be uploaded, as the workspace is given it."""
    source: str
    """The source's id."""
    feed: Feed
    """The feed of that source."""
    extension: timedelta
    """By how much it must extend the validity to be worth another row when another source gave the id already."""
    message: int
    """The place of its message in the batch."""
    backers: Collection[str] = ()
    """The sources that are routed to the workspace now: what one of these still backs is not revoked."""
    tried: bool = False
    """Its message was handled before, so that it may have been uploaded without anybody learning of it."""
    rebuilt: str | None = None
    """The run of a backfill, when its workspace was built anew and is to be given it once more."""
    trace: str | None = None
    """The `traceparent` of its message."""
    generation: int = 0
    """Of the id under which it is uploaded."""
    own: str
    """The observable's own id, by which the books know it, whatever id it is uploaded under."""
    withdraws: bool
    """Whether it withdraws the indicator."""

    @classmethod
    def of(
        cls,
        carried: Carried,
        *,
        source: str,
        feed: Feed,
        extension: timedelta,
        message: int = 0,
        backers: Collection[str] = (),
        rebuilt: str | None = None,
    ) -> Self:
        """Return the item of an object, with its own id worked out."""
        return cls(
            object=carried,
            source=source,
            feed=feed,
            extension=extension,
            message=message,
            backers=backers,
            rebuilt=rebuilt,
            own=own_id(carried.id, carried.pattern),
            withdraws=bool(carried.revoked),
        )

    def with_object(self, carried: Carried, generation: int) -> "Item":
        """Return it with another object of the same observable."""
        return replace(self, object=carried, generation=generation, withdraws=bool(carried.revoked))

    def as_generation(self, generation: int) -> "Item":
        """Return it under the id that belongs to a generation; itself when it has that id."""
        id = id_in(self.own, self.object.pattern, generation) if generation else self.own
        if id == self.object.id and generation == self.generation:
            return self
        return self.with_object(self.object.under(id), generation)
