"""From pages as Mimecast sent them to STIX 2.1 indicators, one observable each, that are new or due for refresh."""
