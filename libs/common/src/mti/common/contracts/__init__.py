"""What is said on the bus: versioned models, their envelope and how pages are cut into messages."""
