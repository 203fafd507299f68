"""Packs small documents into few large ones: a log-structured merge tree over any container of the store's port.

Cosmos DB charges a document of a few hundred bytes like one of a kilobyte, and a hundred of them in one document a
twentieth of what they cost alone. Above, it is the port of the store as ever, with its etags and its times to live;
below, a batch of writes is one document of a journal, and what is older lies sorted in pages (O'Neil et al., *The
Log-Structured Merge-Tree*, 1996).
"""

from mti.common.adapters.packed.forms import Limits
from mti.common.adapters.packed.store import PACKS, PackedStore, PackOf, packed

__all__ = ["PACKS", "Limits", "PackOf", "PackedStore", "packed"]
