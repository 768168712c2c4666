"""Tasks that others published, in our form."""
