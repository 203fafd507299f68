"""Answers as people see them: charts, tables, numbers and text, without a script."""
