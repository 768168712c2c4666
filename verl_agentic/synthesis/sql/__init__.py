"""Questions about generated databases: worlds, queries and what makes them harder."""
