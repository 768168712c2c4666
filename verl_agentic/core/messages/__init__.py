"""How a model's message is read: thoughts, the visible text, tool calls in every spelling, and the one action it is."""
