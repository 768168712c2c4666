"""Questions about a database that the policy may look into."""
