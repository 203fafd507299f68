"""What an operator does, apart from any terminal: the `mti` command is one face of it, others may follow."""
