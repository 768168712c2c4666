"""Text that others wrote, made harmless: fenced for a prompt, without control tokens."""
