"""Bodies: models as canonical JSON, compressed. The same content gives the same JSON, on any machine and any try; how
many bytes that packs to may differ from machine to machine, and says nothing about what a message is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import ClassVar, Final, TypeVar, cast

import orjson
from isal import isal_zlib
from pydantic import BaseModel, ConfigDict, ValidationError

from mti.common.contracts.envelope import Envelope, envelope_of
from mti.common.errors import Poison, UnsupportedSchema
from mti.common.ports.bus import Outgoing, PropertyValue, Received

ENCODING = "content_encoding"
"""The application property that says how the body is packed: always `gzip` today."""

_GZIP: Final = 31
"""What zlib calls the format (https://zlib.net/manual.html#Advanced, `windowBits`)."""
_BROKEN: Final = cast("type[Exception]", isal_zlib.error)
"""Its stubs call the class an instance."""
_MAGIC: Final = b"\x1f\x8b"
_LEVEL: Final = 1
"""Of ISA-L: packs to a tenth more than zlib's level 6 in a fifteenth of its time, and hardly better any higher."""
_LENGTH: Final = Struct(">Q").pack
_DIGITS: Final = 40
"""Of a digest."""
UNPACKED_LIMIT = 64 * 1024 * 1024
"""Bytes that a body may unpack to: far above what any sender of ours makes of 256 KB."""


class Contract(BaseModel):
    """What is said on the bus. Within a major version fields are only added, with defaults; readers ignore new ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    """The CloudEvents type, versioned by name: `mimecast.ti.page.v1`."""

    def message(
        self,
        *,
        id: str,
        source: str,
        subject: str,
        message_id: str | None = None,
        session_id: str | None = None,
        body: bytes | None = None,
    ) -> Outgoing:
        """Return the contract as a message: compressed, in its envelope.

        Args:
            id: what it is, the CloudEvents id.
            source: the id of the source that it comes from.
            subject: what it is about, for people who look at the queue.
            message_id: what duplicate detection looks at; the id, unless it is sent on purpose once more.
            session_id: the session that it belongs to.
            body: what `packed` returned, for who sends the same to several; it is made when it is not given.
        """
        return Outgoing(
            body=self.packed() if body is None else body,
            message_id=message_id or id,
            subject=subject,
            session_id=session_id,
            properties=self.properties(id=id, source=source, subject=subject),
        )

    @classmethod
    def properties(cls, *, id: str, source: str, subject: str) -> dict[str, PropertyValue]:
        """Return the application properties of a message of this contract; for the arguments see `message`."""
        envelope = Envelope(id=id, source=f"/sources/{source}", type=cls.TYPE, subject=subject)
        return {**envelope.properties(), ENCODING: "gzip"}

    def packed(self) -> bytes:
        """Return the model as a body: canonical and compressed."""
        return compress(self.canonical())

    def canonical(self) -> bytes:
        """Return the model as JSON with sorted keys and no blanks, without what is unset."""
        return orjson.dumps(self.model_dump(mode="json", exclude_none=True), option=orjson.OPT_SORT_KEYS)


C = TypeVar("C", bound=Contract)


def compress(data: bytes) -> bytes:
    """Return the bytes under gzip, with no time in it."""
    return isal_zlib.compress(data, level=_LEVEL, wbits=_GZIP)


def decompress(data: bytes) -> bytes:
    """Return what `compress` packed.

    Raises:
        ValueError: it is not gzip, cut short, or unpacks to more than `UNPACKED_LIMIT`.
    """
    if not data.startswith(_MAGIC):
        message = "it does not begin as gzip does"
        raise ValueError(message)
    unpacker = isal_zlib.decompressobj(wbits=_GZIP)
    try:
        found = unpacker.decompress(data, UNPACKED_LIMIT)
    except _BROKEN as error:
        raise ValueError(str(error)) from error
    if unpacker.unconsumed_tail:
        message = f"it unpacks to more than {UNPACKED_LIMIT} bytes"
        raise ValueError(message)
    if not unpacker.eof:
        message = "the compressed body is cut short"
        raise ValueError(message)
    return found


def digest(*parts: str | bytes) -> str:
    """Return 40 hex digits of the SHA-256 of the parts, each under its length so that none runs into the next."""
    return digest_of_framed(framed(*parts))


def framed(*parts: str | bytes) -> bytes:
    """Return the parts, each under its length."""
    return b"".join([_framed(part.encode() if isinstance(part, str) else part) for part in parts])


def _framed(part: bytes) -> bytes:
    return _LENGTH(len(part)) + part


def digest_of_framed(first: bytes, *others: bytes | memoryview) -> str:
    """Return the digest of parts that are framed already."""
    found = hashlib.sha256(first)
    for part in others:
        found.update(part)
    return found.hexdigest()[:_DIGITS]


def digests_with(shared: bytes, names: Iterable[str]) -> Iterator[str]:
    """Yield a digest for each name: that of what they share, which is framed already, and then of the name.

    What they share is digested once.
    """
    begun = hashlib.sha256(shared)
    for name in names:
        found = begun.copy()
        found.update(name.encode())
        yield found.hexdigest()[:_DIGITS]


def unpacked(message: Received, contract: type[Contract]) -> tuple[Envelope, bytes | None]:
    """Return the envelope of a message of that contract, and its body unpacked; `None` if it can't be.

    Raises:
        UnsupportedSchema: it is of another type, or of a major version that this release does not know.
        Poison: `MalformedEnvelope`.
    """
    envelope = envelope_for(message, contract)
    try:
        return envelope, decompress(message.body)
    except ValueError:
        return envelope, None


def decode(message: Received, contract: type[C]) -> tuple[Envelope, C]:
    """Read a message as that contract.

    Raises:
        UnsupportedSchema: it is of another type, or of a major version that this release does not know.
        Poison: `MalformedEnvelope` or `MalformedBody`.
    """
    envelope, data = unpacked(message, contract)
    try:
        return envelope, contract.model_validate_json(decompress(message.body) if data is None else data)
    except ValueError as error:
        what = _first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise Poison(
            "MalformedBody",
            f"message {message.message_id!r} of {envelope.source} is not a {contract.TYPE}: {what}; "
            "look at it with `mti dlq show`, mend it or purge it",
        ) from error


def envelope_for(message: Received, contract: type[Contract]) -> Envelope:
    """Read the envelope of a message that is to be of that contract.

    Raises:
        UnsupportedSchema: it is of another type, or of a major version that this release does not know.
        Poison: `MalformedEnvelope`.
    """
    envelope = envelope_of(message)
    if envelope.type != contract.TYPE:
        raise UnsupportedSchema(
            f"message {message.message_id!r} is of type {envelope.type!r}, and this release reads {contract.TYPE!r}: "
            "upgrade this service to one that reads it, then replay the message",
        )
    return envelope


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}"
