"""verl's agent loop, which plays our dialogues."""
