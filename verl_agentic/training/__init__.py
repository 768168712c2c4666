"""A run without verl: its settings, stages and epochs, the stream of prompts, and figures."""
