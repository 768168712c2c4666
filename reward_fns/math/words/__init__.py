"""Words in answers: units, names, numerals, dates, labels of parts."""
