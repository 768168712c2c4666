"""Worlds: a database as state, SQL statements as tools, preconditions as policy."""
