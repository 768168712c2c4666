"""Users' Python functions as tools."""
