"""What stands behind the ports: Service Bus, Cosmos DB, SQLite, and the places where secrets are kept."""
