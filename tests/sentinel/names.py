"""Who and what is in the world: workspaces, people, files, and when it is now."""

import hashlib
from datetime import datetime, timedelta

from tests.normalizer.world import NOW, md5, sha256


def sha1(name: str) -> str:
    """Return the SHA-1 of a file of that name."""
    return hashlib.sha1(name.encode()).hexdigest()


CONTOSO, FABRIKAM = "contoso-workspace", "fabrikam-workspace"
ALICE, BOB, CAROL = (f"{name}@contoso.example" for name in ("alice", "bob", "carol"))
DAN = "dan@fabrikam.example"
OTHER = "OtherFeed"
TOOL = "Setup_of_the_tool.exe"
SHA1, MD5 = sha1("three"), md5("three")
THREE = (
    f"[file:hashes.'SHA-256' = '{sha256('three')}' AND file:hashes.'SHA-1' = '{SHA1}' AND file:hashes.MD5 = '{MD5}']"
)
"""A file that Mimecast tells three hashes of."""


def ago(**span: float) -> datetime:
    """Return a time before now."""
    return NOW - timedelta(**span)


DELETED = sha256("deleted by hand")
"""An indicator that somebody deleted in the portal of Sentinel: its newest row says so."""
