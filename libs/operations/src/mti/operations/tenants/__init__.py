"""The tenants in a store, brought in from a file and given back as one; and their states, wherever they are."""

from mti.operations.tenants.adding import Entry, entry_of, read_fields, with_entry
from mti.operations.tenants.exporting import export_text
from mti.operations.tenants.importing import Change, ChangeKind, ImportPlan, apply_import, plan_import
from mti.operations.tenants.states import StateChange, known_among, set_state, whoever

__all__ = [
    "Change",
    "ChangeKind",
    "Entry",
    "ImportPlan",
    "StateChange",
    "apply_import",
    "entry_of",
    "export_text",
    "known_among",
    "plan_import",
    "read_fields",
    "set_state",
    "whoever",
    "with_entry",
]
