"""Questions for language models: in full sentences, behind what the database is and what an answer must be."""

from __future__ import annotations

import random
import re

from verl_agentic.core import Task
from verl_agentic.synthesis.plain_words import in_plain_words, wording_rng
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.sql.query import ADJECTIVES, AGGREGATES, AVERAGE, Query, SqlCondition, joined, read_question

SYSTEMS = (
    "You answer questions about a small SQLite database on {topic}. The tool schema shows its tables with the names"
    " of their columns, and the tool query runs a SELECT statement and shows the first rows of the result; nothing"
    " can be changed. Look at the schema before you write a statement, and try the statement before you hand it in."
    " The answer is the SELECT statement, not its result: it is run again on other data. It must return what the"
    " question asks for and no further column. The order of its rows matters only where the question asks for an"
    " order.",
    "There is a SQLite database with data on {topic}, and the user asks something about it. You do not know its"
    " tables yet: the tool schema lists them and their columns. With the tool query you can run any SELECT statement"
    " and see the beginning of its result. Hand in a single SELECT statement of SQLite that answers the question; it"
    " will be checked on databases of the same form with other rows, so do not write values into it that you only"
    " read from this data. Select nothing besides what is asked for, and sort only if an order is asked for.",
    "Translate the user's question into SQL. The database is SQLite, can only be read, and holds data on {topic}."
    " Find out how it is built with the tool schema, which names each table and its columns; a fact may stand in"
    " another table than the things that are asked about, and then the tables have to be joined. Test your statement"
    " with the tool query, which shows the first rows that it returns. Your final answer is that SELECT statement"
    " itself, not the rows: it must give the right result for any data in these tables, with exactly the columns that"
    " are asked for.",
    "You work as an analyst with a read-only SQLite database on {topic}. For each question you write a SELECT"
    " statement that answers it. Begin with the tool schema, which tells you the tables and columns, then use the"
    " tool query to run a statement and look at the start of its result. When you are sure, answer with the"
    " statement. It is judged by what it returns on several databases with these tables: the values that are asked"
    " for, in a column of their own, nothing else, and in the order that is asked for, if any.",
)

_PHRASES = {
    "pages": "number of pages",
    "price": "price",
    "minutes": "length in minutes",
    "votes": "number of votes",
    "sales": "number of sales",
    "speed": "speed",
    "weight": "weight",
    "rooms": "number of rooms",
    "age": "age",
    "score": "score",
    "goals": "number of goals",
    "salary": "salary",
    "plays": "number of plays",
}
"""How columns of numbers are called."""
_COLUMNS = {phrase: column for column, phrase in _PHRASES.items()}

# By what is selected: as generated tasks ask, and as tasks that are told anew do.
_COUNT = ("How many {things} are there{whose}?", "Count all {things}{whose}.")
_AGGREGATE = (
    "What is the {adjective} {phrase} of all {things}{whose}?",
    "Find the {adjective} {phrase} of all {things}{whose}.",
)
_LIST = ("List the {shown} of every {thing}{whose}.", "Give the {shown} of every {thing}{whose}.")
_FIRST = (
    "Among all {things}{whose}, which {limit} have the {end} {phrase}? List their {shown}s, starting with the {end}.",
    "Take all {things}{whose}, sort them from the {end} {phrase} to the {other}, and list the {shown}s of the first"
    " {limit}.",
)
_COUNT_ANEW = ("Tell us how many {things} we have{whose}.", "We need the number of all {things}{whose}.")
_AGGREGATE_ANEW = (
    "Looking at all {things}{whose}, give the {adjective} {phrase}.",
    "We would like to know the {adjective} {phrase} over all {things}{whose}.",
)
_LIST_ANEW = (
    "We are looking for all {things}{whose}; give us the {shown} of each.",
    "Name each {thing}{whose} by its {shown}.",
)
_FIRST_ANEW = (
    "Of all {things}{whose} we want the {limit} with the {end} {phrase}; name their {shown}s, the {end} first.",
    "Put all {things}{whose} in order by {phrase}, the {end} first, and give us the {shown}s of the first {limit}.",
)

_ENDS = {"top": ("highest", "lowest"), "low": ("lowest", "highest")}
_WORDS = {">": "above", "<": "below", "=": "exactly"}
_SIGNS = {word: sign for sign, word in _WORDS.items()}


def natural_question(task: Task, query: Query) -> Task:
    """The same question in plain words.

    Args:
        task: the task.
        query: what it asks for.
    """
    rng = wording_rng(task)
    tables = list(task.env_args["rows"])
    topic = f"{', '.join(tables[:-1])} and {tables[-1]}" if len(tables) > 1 else tables[0]
    system = rng.choice(SYSTEMS).format(topic=topic)
    if _match(question_of(task.messages)):
        return in_plain_words(task, system)
    return in_plain_words(task, system, tell_plainly(query, rng, anew=task.operator == "rephrase"))


def tell_plainly(query: Query, rng: random.Random, anew: bool = False) -> str:
    """The question in full sentences; ``anew`` in words that generated tasks never have."""
    whose = " and whose ".join(_told(query, condition) for condition in query.conditions)
    said = {
        "things": query.table,
        "thing": query.table.removesuffix("s"),
        "whose": f" whose {whose}" if whose else "",
        "limit": query.limit,
        "shown": query.shown or query.column,
        "phrase": _PHRASES.get(query.column, query.column),
    }
    if query.head == "count":
        return rng.choice(_COUNT_ANEW if anew else _COUNT).format(**said)
    if query.head in AGGREGATES:
        adjective = next(word for word, head in ADJECTIVES.items() if head == query.head)
        return rng.choice(_AGGREGATE_ANEW if anew else _AGGREGATE).format(**said, adjective=adjective)
    if query.head == "list":
        return rng.choice(_LIST_ANEW if anew else _LIST).format(**said)
    end, other = _ENDS[query.head]
    return rng.choice(_FIRST_ANEW if anew else _FIRST).format(**said, end=end, other=other)


def read_told(text: str, schema: str = "") -> Query:
    """Read a question back into its query, in whichever register it is told.

    Args:
        text: the question.
        schema: what the schema tool shows; it decides which conditions need a join.

    Raises:
        ValueError: not a question of this family.
    """
    match = _match(text)
    return read_question(text, schema) if match is None else _read(match.groupdict(), schema)


def _told(query: Query, condition: SqlCondition) -> str:
    phrase = _PHRASES.get(condition.column, condition.column)
    if condition.nested:
        return f"{phrase} is {_WORDS[condition.sign]} the {AVERAGE} {phrase} of all {query.table}"
    if condition.numeric:
        return f"{phrase} is {_WORDS[condition.sign]} {condition.value}"
    if query.join and condition.column != query.join[1]:
        return f"{query.join[1]} has the {condition.column} {condition.value}"
    return f"{condition.column} is {'not ' if condition.sign == '!=' else ''}{condition.value}"


_PHRASE = "|".join(map(re.escape, _COLUMNS))
_NESTED = re.compile(rf"(?P<phrase>{_PHRASE}) is (?P<word>above|below) the {AVERAGE} (?P=phrase) of all \w+", re.ASCII)
_NUMERIC = re.compile(rf"(?P<phrase>{_PHRASE}) is (?P<word>above|below|exactly) (?P<value>[0-9]{{1,9}})", re.ASCII)
_VIA = re.compile(r"\w+ has the (?P<column>\w+) (?P<value>\w+)", re.ASCII)
_OWN = re.compile(r"(?P<column>\w+) is (?P<not>not )?(?P<value>\w+)", re.ASCII)


def _pattern(template: str) -> re.Pattern[str]:
    """What matches a sentence of :func:`tell_plainly`; of a word that comes twice the first one counts."""
    groups = {
        "things": r"\w+",
        "thing": r"\w+",
        "whose": r"(?: whose (?P<filters>[\w ]+?))?",
        "limit": r"[0-9]{1,3}",
        "shown": r"\w+?",
        "phrase": rf"{_PHRASE}|\w+",
        "adjective": "|".join(ADJECTIVES),
        "end": "highest|lowest",
        "other": "highest|lowest",
    }
    parts = []
    seen: set[str] = set()
    for part in re.split(r"(\{\w+\})", template):
        name = part[1:-1]
        if not part.startswith("{"):
            parts.append(re.escape(part))
        elif name == "whose":
            parts.append(groups[name])
        else:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{groups[name]})")
            seen.add(name)
    return re.compile("".join(parts), re.ASCII)


_PATTERNS = tuple(
    _pattern(template)
    for templates in (
        *(_COUNT, _AGGREGATE, _LIST, _FIRST),
        *(_COUNT_ANEW, _AGGREGATE_ANEW, _LIST_ANEW, _FIRST_ANEW),
    )
    for template in templates
)


def _match(text: str) -> re.Match[str] | None:
    return next((match for pattern in _PATTERNS if (match := pattern.fullmatch(text))), None)


def _read(said: dict[str, str | None], schema: str) -> Query:
    table = said.get("things") or f"{said['thing']}s"
    parts = (said["filters"] or "").split(" and whose ")
    conditions = tuple(_read_condition(part) for part in parts if part)
    phrase = said.get("phrase") or ""
    head = ADJECTIVES.get(said.get("adjective") or "") or ("list" if said.get("shown") else "count")
    head = next((name for name, (end, _) in _ENDS.items() if end == said.get("end")), head)
    shown = said.get("shown") or ""
    return Query(
        head,
        table,
        shown if head == "list" else _COLUMNS.get(phrase, phrase),
        "" if head == "list" else shown,
        conditions,
        int(said.get("limit") or 0),
        joined(table, conditions, schema),
    )


def _read_condition(text: str) -> SqlCondition:
    if match := _NESTED.fullmatch(text):
        return SqlCondition(_COLUMNS[match["phrase"]], _SIGNS[match["word"]], AVERAGE)
    if match := _NUMERIC.fullmatch(text):
        return SqlCondition(_COLUMNS[match["phrase"]], _SIGNS[match["word"]], int(match["value"]))
    if match := _VIA.fullmatch(text):
        return SqlCondition(match["column"], "=", match["value"])
    if match := _OWN.fullmatch(text):
        return SqlCondition(match["column"], "!=" if match["not"] else "=", match["value"])
    raise ValueError(f"cannot read {text!r}")
