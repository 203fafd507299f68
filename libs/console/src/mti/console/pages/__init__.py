"""The pages of the operator, one module a section."""
