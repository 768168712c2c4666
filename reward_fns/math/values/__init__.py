"""When two values are the same: numbers, sets, functions, solutions."""
