"""What the services share. A service imports this package and itself, nothing else of the project."""
