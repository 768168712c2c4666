"""Which texts PostgreSQL may see: their functions are known ones, and they name nothing of the system's own.

The scan is stricter than PostgreSQL's lexer wherever the two might differ: spellings that hide names are refused.
"""

from __future__ import annotations

import math
import re

from verl_agentic.databases.base import QueryLimitError, QueryRefusedError
from verl_agentic.databases.expansion import TOKEN, is_name, mentions

MAX_EXPANSION = 100_000

# fmt: off
_FUNCTIONS = frozenset({
    "abs", "age", "array", "array_agg", "array_length", "avg", "bit_length", "bool_and", "bool_or", "btrim", "cast",
    "cbrt", "ceil", "ceiling", "char", "char_length", "character_length", "chr", "coalesce", "concat", "concat_ws",
    "corr", "count", "covar_pop", "covar_samp", "cume_dist", "date", "date_part", "date_trunc", "degrees",
    "dense_rank", "div", "every", "exp", "extract", "first_value", "float", "floor", "greatest", "initcap",
    "interval", "lag",
    "last_value", "lead", "least", "left", "length", "ln", "log", "log10", "lower", "ltrim", "make_date",
    "make_interval", "make_timestamp", "max", "md5", "min", "mod", "mode", "now", "nth_value", "ntile", "nullif",
    "numeric", "decimal", "overlay", "percent_rank", "percentile_cont", "percentile_disc", "pi", "position", "pow",
    "power", "radians", "rank", "regexp_match", "replace", "reverse", "right", "round", "row", "row_number", "rtrim",
    "sign", "split_part", "sqrt", "starts_with", "stddev", "stddev_pop", "stddev_samp", "string_agg", "strpos",
    "substr", "substring", "sum", "time", "timestamp", "to_char", "to_date", "to_number", "to_timestamp", "translate",
    "trim", "trunc", "unnest", "upper", "var_pop", "var_samp", "varchar", "variance",
})
# Words that a parenthesis may follow without being functions.
_WORDS = frozenset({
    "all", "and", "any", "as", "between", "by", "case", "cross", "cube", "distinct", "else", "except", "exists",
    "filter", "from", "group", "grouping", "having", "ilike", "in", "intersect", "is", "join", "lateral", "like",
    "limit", "materialized", "not", "offset", "on", "only", "or", "over", "partition", "rollup", "select", "sets",
    "similar", "some", "then", "to", "union", "using", "values", "when", "where", "window", "with", "within",
})
# fmt: on
# No function that gives one value can be followed by AS and a parenthesis.
_CTE_COLUMNS = re.compile(r",\s*\w+\s*(\()[\w\s,]*\)\s*as\s*(?:not\s+)?(?:materialized\s*)?\(", re.IGNORECASE)
_SYSTEM = re.compile(r"pg_|information_schema$|lo_|dblink|txid_|has_\w+_privilege$", re.IGNORECASE)


def check_text(sql: str) -> None:
    """Let a text pass, or not.

    Raises:
        QueryRefusedError: it calls an unknown function, names a system object, or may be read in two ways.
    """
    if "\x00" in sql:
        raise QueryRefusedError("query holds a NUL character")
    columns_of_cte = {found.start(1) for found in _CTE_COLUMNS.finditer(sql)}
    before, previous = "", ""
    for found in TOKEN.finditer(sql):
        token = found.group()
        if token.isspace() or token.startswith("--"):
            continue
        if token.startswith("/*"):
            if "/*" in token[2:]:
                raise QueryRefusedError("nested comments are not available")
            continue
        # Dollar quotes, escapes and Unicode names, and quotes that do not close.
        hidden = (token[0] == "'" and previous.lower() in ("e", "&")) or (token[0] == '"' and previous == "&")
        if token in ("$", "\\", "'", '"') or hidden:
            raise QueryRefusedError("only plain quotes are available")
        if is_name(token) and _SYSTEM.match(token.strip('"')):
            raise QueryRefusedError(f"{token[:40]} is not available")
        if token == "(" and is_name(previous):
            # Names of columns: FROM (...) t(a, b), FROM u AS t(a, b), WITH t(a, b) AS (...).
            listed = before.lower() in (")", "as", "with", "recursive") or found.start() in columns_of_cte
            if not listed and previous.lower() not in _FUNCTIONS | _WORDS:
                raise QueryRefusedError(f"function {previous[:40]} is not available")
        before, previous = previous, token
    # Flattening looks at no clock. Common table expressions are flattened only where they are mentioned once.
    if math.prod(max(1, count) for count in mentions(sql)) > MAX_EXPANSION:
        raise QueryLimitError("query is too deeply nested")
