"""Words and sentences of a message: cleaned, spelled out, put into classes, and read as values."""
