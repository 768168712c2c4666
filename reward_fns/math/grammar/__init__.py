"""From text to a tree: characters, LaTeX, lexer, parser."""
