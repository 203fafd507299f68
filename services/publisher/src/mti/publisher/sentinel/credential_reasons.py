"""The reason for which a destination waits whose credential is no good, whoever notices it."""

CREDENTIALS_REFUSED = "CredentialsRefused"
