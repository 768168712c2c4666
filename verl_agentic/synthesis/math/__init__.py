"""Word problems: generated, told, solved and made harder."""
