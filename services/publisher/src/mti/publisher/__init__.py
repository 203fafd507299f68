"""The publisher: takes indicators off the bus and uploads them to Microsoft Sentinel, one session a workspace."""
