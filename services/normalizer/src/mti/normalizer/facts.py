"""What is known of an indicator beside its observable, and the redaction of names."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mti.common.registry import IndicatorPolicy, NamePolicy

_COMMON = """
    7z ace ade adp apk app appx arj asp aspx bat bin bz bz2 cab chm cmd com cpl csv dll dmg doc docb docm docx dot
    dotm dotx eml exe gif gz hta htm html img inf iso jar jpeg jpg js jse jsp lha lnk lz lzh mde mht mhtml msc msg
    msi msix mst odp ods odt one pdf php pif png pot potm potx pps ppsm ppsx ppt pptm pptx ps1 psm1 pub py r00 rar
    reg rev rtf scr sct sh shtml sldm slk svg swf tar tbz tgz tmp txt udf url vb vba vbe vbs vhd vhdx wim ws wsc
    wsf wsh xar xht xhtml xla xlam xll xlm xls xlsb xlsm xlsx xlt xltm xltx xml xsl xz z zip zipx zst
"""
_EXTENSIONS: Final = frozenset(_COMMON.split())
"""What follows the last dot is sent only when it is one of these: the end of a subject may be a person's name."""


class Facts(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the newest sightings say; each may be unknown."""

    name: str | None = None
    extension: str | None = None
    """Without the dot, in lower case; set where the name is left out."""
    size: int | None = None
    mime_type: str | None = None
    sender_ip: str | None = None
    labels: tuple[str, ...] = ()
    mimecast_id: str | None = None
    siblings: tuple[str, ...] = ()
    """The other hashes of the same file: a policy that does not let one of them be sent lets none."""

    @property
    def complete(self) -> bool:
        """Whether nothing could be added."""
        return bool(
            self.name
            and self.size is not None
            and self.mime_type
            and self.sender_ip
            and self.labels
            and self.mimecast_id
        )

    def or_else(self, older: "Facts") -> "Facts":
        """Return these facts, and the older ones where these are silent."""
        return Facts(
            name=self.name or older.name,
            extension=self.extension or older.extension,
            size=older.size if self.size is None else self.size,
            mime_type=self.mime_type or older.mime_type,
            sender_ip=self.sender_ip or older.sender_ip,
            labels=self.labels or older.labels,
            mimecast_id=self.mimecast_id or older.mimecast_id,
            siblings=self.siblings or older.siblings,
        )

    def redacted_by(self, policy: IndicatorPolicy) -> "Facts":
        """Return the facts that a policy lets be sent: where it redacts without the name, but for its extension."""
        if policy.names is NamePolicy.KEEP:
            return self
        return replace(self, name=None, extension=self.extension or extension_of(self.name))


NO_FACTS: Final = Facts()


def extension_of(name: str | None) -> str | None:
    """Return a name's extension if it is a common one of files, without the dot and in lower case."""
    if name is None or "." not in name:
        return None
    extension = name.rpartition(".")[2].lower()
    return extension if extension in _EXTENSIONS else None
