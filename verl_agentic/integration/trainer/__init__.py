"""verl's trainers over a pool of tasks, and what they record."""
