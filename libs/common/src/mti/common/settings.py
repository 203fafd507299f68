"""Settings of a process, from environment variables that begin with `MTI_`.

A variable that is empty counts as not set. What is wrong ends in a `ConfigurationError` that names the variable and
the cure; a value is shown in none, since it may be a credential.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from mti.common.connection_strings import checked_connection_string
from mti.common.errors import ConfigurationError
from mti.common.registry.endpoints import SERVICEBUS_HOSTS, VAULT_HOSTS, checked_url, is_known
from mti.common.store_targets import FORMS, CosmosTarget, SqliteTarget, target_of
from mti.common.topology import STANDARD, Topology

PREFIX = "MTI_"

_ENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,259}")
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]")


def _switch(value: object) -> object:
    """Read `True`, `1 ` and the like, and refuse what Python's `bool("False")` would take for true."""
    return value.strip().lower() if isinstance(value, str) else value


Switch = Annotated[bool, BeforeValidator(_switch)]


class LogLevel(StrEnum):
    """What is logged: this and all that is graver."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Settings(BaseSettings):
    """The base of all settings."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def from_environment(cls, **given: Any) -> Self:  # noqa: ANN401  as the fields are
        """Read the settings from the environment of this process.

        Args:
            given: fields that are known otherwise, from a command line say; they go before the environment.

        Raises:
            ConfigurationError: names every variable that is missing or malformed, and the cure.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            problems = [_problem(details) for details in error.errors(include_url=False, include_input=False)]
        raise ConfigurationError("\n".join(problems))


class BusSettings(Settings):
    """Where the bus is, and what its entities are called."""

    servicebus_connection_string: SecretStr | None = None
    """Of the namespace, with its key; exactly one of this and the namespace's name is given."""
    servicebus_namespace: str | None = None
    """The full name of the namespace, which is used with a managed identity; a bare name is completed."""
    fetch_jobs_queue: str = STANDARD.jobs.name
    """The queue of the fetcher's jobs."""
    raw_pages_topic: str = STANDARD.pages.name
    """The topic of the chunks that the fetcher publishes."""
    raw_pages_subscription: str = STANDARD.pages.to
    """The normalizer's subscription of it."""
    indicators_topic: str = STANDARD.indicators.name
    """The topic of the indicators that the normalizer emits."""
    indicators_subscription: str = STANDARD.indicators.to
    """The publisher's subscription of it, which has sessions."""
    set_aside_queue: str = STANDARD.set_aside.name
    """The queue for what a function app can't dead-letter where it is."""

    @property
    def topology(self) -> Topology:
        """The entities, under these names."""
        return Topology.named(
            jobs=self.fetch_jobs_queue,
            pages=(self.raw_pages_topic, self.raw_pages_subscription),
            indicators=(self.indicators_topic, self.indicators_subscription),
            set_aside=self.set_aside_queue,
        )

    @field_validator("servicebus_connection_string")
    @classmethod
    def _whole(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        return SecretStr(checked_connection_string(value.get_secret_value()))

    @field_validator("servicebus_namespace")
    @classmethod
    def _full_name(cls, value: str | None) -> str | None:
        if value is None:
            return None
        name = value.lower()
        full = name if "." in name else SERVICEBUS_HOSTS[0].replace("*", name)
        if not is_known(full, SERVICEBUS_HOSTS) or not _NAMESPACE.fullmatch(full.partition(".")[0]):
            raise ValueError("is not a Service Bus namespace; write NAME.servicebus.windows.net")
        return full

    @field_validator(
        "fetch_jobs_queue",
        "raw_pages_topic",
        "raw_pages_subscription",
        "indicators_topic",
        "indicators_subscription",
        "set_aside_queue",
    )
    @classmethod
    def _entity(cls, value: str) -> str:
        if not _ENTITY.fullmatch(value):
            raise ValueError("is not a name of a queue, topic or subscription; write letters, digits and dashes")
        return value

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.servicebus_connection_string is None) == (self.servicebus_namespace is None):
            raise ValueError(
                "MTI_SERVICEBUS_NAMESPACE and MTI_SERVICEBUS_CONNECTION_STRING: exactly one is needed; set the"
                " namespace to connect by managed identity, or the connection string"
            )
        return self


class StoreSettings(Settings):
    """Where checkpoints and what is known are kept."""

    store: str
    """`sqlite:/path/file.db` or `cosmos:https://ACCOUNT.documents.azure.com/DATABASE`."""
    cosmos_key: SecretStr | None = None
    """The account's key; without it the process's managed identity is used."""
    allow_loopback: Switch = False
    """Accept endpoints on this machine, by plain http too: for development and tests."""

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        try:
            target_of(self.store, self.allow_loopback)
        except ValueError as refused:
            raise ValueError(f"MTI_STORE: {refused}") from None
        return self

    @property
    def target(self) -> SqliteTarget | CosmosTarget:
        """The store, taken apart."""
        return target_of(self.store, self.allow_loopback)


class TenantsSettings(Settings):
    """Where the tenants are described, and where their secrets are."""

    tenants_store: str | None = None
    """A store whose container `tenants` describes them, in the form of `MTI_STORE`; instead of a file."""
    tenants_text: str | None = None
    """What would stand in a tenants file, as YAML or JSON: for one or a few that a deployment describes. Secrets are
    references here too."""
    tenants_file: Path | None = Field(default=None, validate_default=True)
    """The tenants file; exactly one of this and the tenants' store is given."""
    tenants_states: str | None = None
    """A store whose container `tenants` says which tenants of the file or text are paused or removed."""
    tenants_seconds: float = Field(default=15.0, ge=0.1, le=3600)
    """Between two looks for changes: how long one goes unnoticed at most."""
    cosmos_key: SecretStr | None = None
    """The Cosmos DB account's key; without it the process's managed identity is used."""
    allow_loopback: Switch = False
    """Accept endpoints on this machine, by plain http too: for development and tests."""
    keyvault_url: str | None = None
    """The vault that `keyvault:NAME` means."""

    @field_validator("tenants_file")
    @classmethod
    def _described_once(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        others = [f"{PREFIX}{name.upper()}" for name in ("tenants_store", "tenants_text") if info.data.get(name)]
        if len(others) + (value is not None) != 1:
            named = " and ".join(others)
            state = f"is set, and {named} too" if value else f"is not set, {named} are" if others else "is not set"
            raise ValueError(
                f"{state}; set it to the path of the tenants file, or MTI_TENANTS_STORE to {FORMS}, or"
                " MTI_TENANTS_TEXT to what the file would hold, exactly one of them"
            )
        return value

    @model_validator(mode="after")
    def _stores_well_formed(self) -> Self:
        if self.tenants_store is not None and self.tenants_states is not None:
            raise ValueError(
                "MTI_TENANTS_STATES: is for a tenants file or text; MTI_TENANTS_STORE holds the states as well:"
                " unset one"
            )
        for variable, store in (("STORE", self.tenants_store), ("STATES", self.tenants_states)):
            if store is not None:
                try:
                    target_of(store, self.allow_loopback)
                except ValueError as refused:
                    raise ValueError(f"MTI_TENANTS_{variable}: {refused}") from None
        return self

    @property
    def tenants_store_target(self) -> SqliteTarget | CosmosTarget | None:
        """The store that describes the tenants, taken apart."""
        return target_of(self.tenants_store, self.allow_loopback) if self.tenants_store is not None else None

    @property
    def tenants_states_target(self) -> SqliteTarget | CosmosTarget | None:
        """The store of the states beside a tenants file, taken apart."""
        return target_of(self.tenants_states, self.allow_loopback) if self.tenants_states is not None else None

    @property
    def tenants_folder(self) -> Path:
        """Where relative `file:` references start: the tenants file's folder, or the working directory."""
        return self.tenants_file.parent if self.tenants_file is not None else Path()

    @model_validator(mode="after")
    def _known_vault(self) -> Self:
        if self.keyvault_url is not None:
            try:
                checked_url(self.keyvault_url, hosts=VAULT_HOSTS, allow_loopback=self.allow_loopback)
            except ValueError as refused:
                raise ValueError(f"MTI_KEYVAULT_URL: {refused}") from None
        return self


class RunSettings(Settings):
    """How this run goes."""

    run_started: AwareDatetime | None = None
    """What was paused before this is probed at once."""
    until_idle: Switch = False
    """Fetch every source once and end when nothing is left to do."""
    log_level: Annotated[LogLevel, BeforeValidator(lambda v: v.strip().upper() if isinstance(v, str) else v)] = (
        LogLevel.INFO
    )
    """What is logged: this and all that is graver."""


class ClockSettings(Settings):
    """How far the clock may be wrong."""

    clock_skew_seconds: float = Field(default=120.0, ge=5, le=240)
    """From the clocks of the servers that are called: less than a claim lasts. Beyond it nothing is fetched."""


_CURES = {
    "store": f"set it to {FORMS}",
}
_WRONG = {
    "bool_parsing": "is neither true nor false; write true or false",
    "timezone_aware": "has no time zone; end it with Z for UTC, as in 2026-11-24T10:15:30Z",
    "datetime_from_date_parsing": "is not a time; write it as 2026-11-24T10:15:30Z",
    "datetime_parsing": "is not a time; write it as 2026-11-24T10:15:30Z",
}


def _problem(details: ErrorDetails) -> str:
    """Name the variable, what is wrong with it and the cure."""
    kind, context = details["type"], details.get("ctx", {})
    field = str(details["loc"][0]) if details["loc"] else ""
    variable = f"{PREFIX}{field.upper()}: " if field else ""
    if kind == "value_error":
        return f"{variable}{context['error']}"
    if kind == "missing":
        return f"{variable}is not set; {_CURES.get(field, 'set it')}"
    if kind == "enum":
        return f"{variable}is not known; write {context['expected']}"
    return f"{variable}{_WRONG.get(kind) or _other(details)}"


def _other(details: ErrorDetails) -> str:
    return f"is not valid ({details['msg']}); write another value, or unset it"
