"""Brings the stores of an earlier release into the form of this one; see `migrate`."""

from mti.operations.migration.migrate import Migrated, is_needed, migrate

__all__ = ["Migrated", "is_needed", "migrate"]
