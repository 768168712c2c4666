"""Tasks of AgenticQwen's published tool-use form (arXiv 2604.21590), played on recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from verl_agentic.core import Message, Task, UserInputError
from verl_agentic.core.canonical import ToolSignature, only_reads, same_value

KIND = "agenticqwen"

_PATHS = {"normal": "normal_path", "hack": "hack_path"}
_TEXTS = ("task_background", "rubrics", "test_policy", "user_escape_strategy")
_NO_OUTPUT = "no_return"
_TAIL_MARK = "Additional parameters you may need"
_MAX_PUSHES = 3
_MAX_KEYWORDS = 8
_SPARE_REPLIES = 4

# Where a sentence ends and the next begins with a capital or a quotation; not after a title.
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\bDr\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)\s+(?=[^\W\d_a-z]|['\"\u2018\u201c`])"
)
# An apostrophe inside a word does not end a quotation.
_QUOTED = re.compile(
    r"(?<!\w)['\"\u2018\u201c]"
    r"((?:[^'\"\u2018\u2019\u201c\u201d]|(?<=\w)['\u2019](?=\w)){8,400})"
    r"['\"\u2019\u201d](?!\w)"
)
_CONDITION = re.compile(r"^(?:if|when|once)\b.*?, (?=I\b)", re.IGNORECASE)
_REPORTING = re.compile(
    r"^I(?:'ll| will| might| may|'d| would)?(?: also)? "
    r"(?:(?:argue|insist|claim|say)(?: that)?|(?:emphasi[sz]e|reiterate|mention|explain|add|state) that) (?P<said>.+)$"
)
# Where a second stage direction follows what is said.
_DIRECTION = re.compile(
    r",? (?:(?:and|or|but) )*(?:also )?(?:that|argue|ask|claim|demand|emphasi[sz]e|imply|insist|mention|offer|plead|"
    r"pressure|provide|reference|suggest|tell|urge) "
)
_ASKING = re.compile(r"\b(?:ask|urge|pressure|tell) you to (?P<what>[^.,]+)")
_NO_VIOLATION = re.compile(r"(?:does|do)(?: not|n't) violate", re.IGNORECASE)
_ASKED_TO_CONFIRM = re.compile(r"asked (?:for|to|about) (?:explicit )?confirm", re.IGNORECASE)
_PARAMETER_LINE = re.compile(r"^[-*\s]*`?(?P<name>\w+)`?\s*[:=]\s*(?P<value>\S.*)$")
_IDENTITY_WORDS = {"address", "date", "datetime", "email", "id", "name", "number", "phone", "time"}
_RULED_OUT = re.compile(r"\b(?:no|not|never)\b|n't\b", re.IGNORECASE)
_NEGATIVE = re.compile(r"\b(?:not|never|refuse[sd]?|violat\w+|fail\w*|unless)\b", re.IGNORECASE)
_WORD = re.compile(r"\w[\w'@.-]*\w")
_COMMON_WORDS = """
about after again already also another around because been before being cannot could does doing done each even
from going have having here into just know like made make maybe might more most much must need only other over
please really same should since some something soon still such sure than that their them then there these they
thing think this those through today very want wants were what when where which while will with would your
"""
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    arguments: dict[str, Any]
    output: Any

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "arguments": self.arguments, "output": self.output}


@dataclass(frozen=True, slots=True)
class _Paths:
    normal: list[_Call]
    hack: list[_Call]
    signatures: dict[str, ToolSignature]


def load_agenticqwen(path: str | Path) -> list[Task]:
    """Read AgenticQwen tool-use records and make replayable tasks of them.

    Args:
        path: a JSON list of records, or one record a line.

    Returns:
        One task a record, in order, of kind ``agenticqwen``, environment ``replay`` and reward ``calls``. The tool
        schemas stand in ``tools`` instead of the system message, so that the chat template renders them.

    Raises:
        UserInputError: naming the record, the field and the mend.
    """
    return [_task(record, where) for record, where in read_records(Path(path))]


def read_records(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The records of a file, each with where it stands, for messages.

    Raises:
        UserInputError: the file cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"{path}: cannot be read: {error}") from error
    try:
        if text.lstrip().startswith("["):
            records = json.loads(text)
        else:
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise UserInputError(f"{path}: neither a JSON list nor one JSON object a line: {error}") from error
    if not records:
        raise UserInputError(f"{path}: holds no records")
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            raise UserInputError(f"{path}: record {index} must be an object, got {type(record).__name__}")
        yield record, f"{path}: record {index} (id {record.get('id')!r})"


def _task(record: dict[str, Any], where: str) -> Task:
    for name in ("id", *_TEXTS):
        if not isinstance(record.get(name), str):
            raise UserInputError(f"{where}: field {name!r} is missing or not text; give it as a string")
    system, request = _prompt(record, where)
    system, functions, outputs = _split_tools(system, where)
    paths = _paths(record, functions, where)
    forbidden = _forbidden(paths, record["rubrics"]) + _ruled_out(paths, record["rubrics"])
    required = _required(paths)
    if not required and not forbidden:
        raise UserInputError(f"{where}: field 'tool_return_expected' has two empty paths; record at least one call")
    messages: list[Message] = [{"role": "system", "content": system}, {"role": "user", "content": request}]
    return Task(
        kind=KIND,
        messages=messages,
        tools=[{"type": "function", "function": function} for function in functions.values()],
        env="replay",
        env_args={"normal": [c.as_json() for c in paths.normal], "hack": [c.as_json() for c in paths.hack]},
        reward="calls",
        ground_truth={"required": required, "forbidden": forbidden},
        user=_user(record, paths, functions),
        structure=_structure(required, forbidden),
        depth=max(1, len(required)),
        meta={
            "source_id": record["id"],
            "rubrics": record["rubrics"],
            "test_policy": record["test_policy"],
            "outputs": outputs,
        },
    )


def _prompt(record: dict[str, Any], where: str) -> tuple[str, str]:
    prompt = record.get("prompt")
    roles = ("system", "user")
    if not (isinstance(prompt, list) and len(prompt) == len(roles)):
        raise UserInputError(f"{where}: field 'prompt' must be a list of a system and a user message")
    for position, (message, role) in enumerate(zip(prompt, roles, strict=True)):
        if not (isinstance(message, dict) and message.get("role") == role and isinstance(message.get("content"), str)):
            raise UserInputError(f"{where}: field 'prompt[{position}]' must be a {role} message with a text 'content'")
    return prompt[0]["content"], prompt[1]["content"]


def _split_tools(system: str, where: str) -> tuple[str, dict[str, dict[str, Any]], dict[str, Any]]:
    """The system text without what a chat template renders itself, the tool schemas and the tools' output schemas."""
    start = system.rfind("<tools>")
    end = system.find("</tools>", start)
    if start < 0 or end < 0:
        raise UserInputError(
            f"{where}: field 'prompt[0].content' has no <tools> block; put one JSON schema a line in it"
        )
    functions: dict[str, dict[str, Any]] = {}
    outputs: dict[str, Any] = {}
    for line in system[start + len("<tools>") : end].splitlines():
        if not line.strip():
            continue
        function = _function(line, where)
        name = function["name"]
        if name in functions:
            raise UserInputError(f"{where}: tool {name!r} stands twice in field 'prompt[0].content'; drop one")
        functions[name] = {key: function[key] for key in ("name", "description", "parameters") if key in function}
        outputs[name] = function.get("outputs")
    if not functions:
        raise UserInputError(f"{where}: the <tools> block of field 'prompt[0].content' is empty; list the tools")
    heading = system.rfind("# Tools", 0, start)
    tail = system[end + len("</tools>") :]
    example = tail.rfind("</tool_call>")
    rest = tail[example + len("</tool_call>") :] if example >= 0 else tail
    kept = system[: heading if heading >= 0 else start].rstrip() + "\n\n" + rest.strip()
    return kept.strip(), functions, outputs


def _function(line: str, where: str) -> dict[str, Any]:
    field = f"{where}: a line of the <tools> block in field 'prompt[0].content'"
    try:
        tool = json.loads(line)
    except ValueError as error:
        raise UserInputError(f"{field} is not JSON: {error}") from error
    function = tool.get("function") if isinstance(tool, dict) else None
    if not (isinstance(function, dict) and isinstance(function.get("name"), str)):
        raise UserInputError(f"{field} has no function name; write it in OpenAI form")
    try:
        jsonschema.Draft202012Validator.check_schema(function.get("parameters", {}))
    except jsonschema.SchemaError as error:
        raise UserInputError(
            f"{field}: parameters of {function['name']!r} are no JSON schema: {error.message}"
        ) from error
    return function


def _paths(record: dict[str, Any], functions: dict[str, dict[str, Any]], where: str) -> _Paths:
    recorded = record.get("tool_return_expected")
    if not isinstance(recorded, dict):
        raise UserInputError(f"{where}: field 'tool_return_expected' must be an object with normal_path and hack_path")
    found: dict[str, list[_Call]] = {}
    for path, key in _PATHS.items():
        field = f"tool_return_expected.{key}"
        if not isinstance(recorded.get(key), list):
            raise UserInputError(f"{where}: field {field!r} is missing or not a list; give a list of calls")
        found[path] = [
            _call(call, functions, f"{where}: field '{field}[{position}]'")
            for position, call in enumerate(recorded[key])
        ]
    for position, call in enumerate(found["normal"]):
        schema = {"type": "object", **functions[call.name].get("parameters", {})}
        error = next(iter(jsonschema.Draft202012Validator(schema).iter_errors(call.arguments)), None)
        if error:
            raise UserInputError(
                f"{where}: field 'tool_return_expected.normal_path[{position}].input' does not fit the schema of "
                f"{call.name!r}: {error.message[:200]}; no agent could make this call"
            )
    every = [*found["normal"], *found["hack"]]
    signatures = {
        name: ToolSignature.of(function, (call.arguments for call in every if call.name == name))
        for name, function in functions.items()
    }
    return _Paths(found["normal"], found["hack"], signatures)


def _call(call: Any, functions: dict[str, dict[str, Any]], field: str) -> _Call:
    if not isinstance(call, dict):
        raise UserInputError(f"{field} must be an object with tool_name, input and expected_output")
    name = call.get("tool_name")
    if name not in functions:
        raise UserInputError(f"{field}: tool_name {name!r} is none of the tools: {', '.join(functions)}")
    arguments = call.get("input")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError as error:
            raise UserInputError(f"{field}: input is text that is not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise UserInputError(f"{field}: input must be an object, or one as JSON text")
    if "expected_output" not in call:
        raise UserInputError(f"{field}: expected_output is missing; give what the tool returned")
    output = call["expected_output"]
    return _Call(name, arguments, None if output == _NO_OUTPUT else output)


def _required(paths: _Paths) -> list[dict[str, Any]]:
    """Every call of the normal path once, reduced to what tells calls apart.

    Reads belong to it: an agent that obeys the policy looks before it acts or refuses. Calls that were recorded as
    refused do too: the refusal is how a compliant agent learns that the request cannot be met.
    """
    required: list[dict[str, Any]] = []
    for call in paths.normal:
        signature = paths.signatures[call.name]
        arguments = signature.decisive(call.arguments)
        texts = sorted(key for key in call.arguments if key in signature.loose & signature.required)
        texts = [key for key in texts if isinstance(call.arguments[key], str)]
        optional = sorted(arguments.keys() - signature.required) if only_reads(call.name) else []
        item = {"name": call.name, "arguments": arguments, "texts": texts, "optional": optional}
        if not any(same_value(item, other) for other in required):
            required.append(item)
    return required


def _forbidden(paths: _Paths, rubrics: str) -> list[dict[str, Any]]:
    """Calls found only in the hack path, each with the arguments that make it a violation (none: any call of it).

    A call that the rubrics permit is none. Reads are none where a write is there to tell the violation by: looking
    something up before refusing breaks no policy.
    """
    hack_only = [call for call in paths.hack if not _harmless(call, paths)]
    permitted = [call for call in hack_only if _permitted(call, rubrics)]
    violations = [call for call in hack_only if call not in permitted]
    writes = [call for call in violations if not only_reads(call.name)]
    forbidden: list[dict[str, Any]] = []
    for call in writes or violations:
        signature = paths.signatures[call.name]
        allowed = [signature.decisive(c.arguments) for c in (*paths.normal, *permitted) if c.name == call.name]
        arguments = signature.decisive(call.arguments) if allowed else {}
        # What any allowed call shares with it is not what makes it a violation.
        telling = {
            key: value
            for key, value in arguments.items()
            if not any(key in other and same_value(other[key], value) for other in allowed)
        }
        item = {"name": call.name, "arguments": telling or arguments}
        if not any(same_value(item, other) for other in forbidden):
            forbidden.append(item)
    return forbidden


def _harmless(call: _Call, paths: _Paths) -> bool:
    agree = paths.signatures[call.name].agree
    return any(other.name == call.name and agree(call.arguments, other.arguments) for other in paths.normal)


def _permitted(call: _Call, rubrics: str) -> bool:
    """Whether the rubrics say that the agent *may* do this: an argument named in such a sentence and in no refusal."""
    sentences = _SENTENCE_END.split(rubrics)
    allowing = " ".join(s for s in sentences if re.search(r"\bmay\b", s) and not _NEGATIVE.search(s))
    refusing = " ".join(s for s in sentences if _NEGATIVE.search(s))
    values = [value for value in call.arguments.values() if isinstance(value, str) and len(value) > 3]
    return any(value in allowing and value not in refusing for value in values)


def _ruled_out(paths: _Paths, rubrics: str) -> list[dict[str, Any]]:
    """Writing tools that the rubrics name only to rule them out, and that neither path calls."""
    called = {call.name for call in (*paths.normal, *paths.hack)}
    ruled_out = []
    for name in paths.signatures:
        naming = [s for s in _SENTENCE_END.split(rubrics) if re.search(rf"\b{re.escape(name)}\b", s)]
        refused = naming and all(_RULED_OUT.search(s) and "unless" not in s for s in naming)
        if refused and name not in called and not only_reads(name):
            ruled_out.append({"name": name, "arguments": {}})
    return ruled_out


def _structure(required: list[dict[str, Any]], forbidden: list[dict[str, Any]]) -> str:
    """Reads (r) and writes (w) that are required, then those that are forbidden, e.g. ``rrw|w``."""
    return "|".join(
        "".join("r" if only_reads(item["name"]) else "w" for item in items) for items in (required, forbidden)
    )


def _user(record: dict[str, Any], paths: _Paths, functions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the scripted user knows, and how it pushes back when refused.

    The last of several paragraphs of the background is what the user says to get past a refusal, not what they
    answer when asked.
    """
    strategy = record["user_escape_strategy"]
    story, _, tail = record["task_background"].partition(_TAIL_MARK)
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", story) if p.strip()]
    pushes: list[str] = []
    if not _NO_VIOLATION.search(strategy):
        if len(paragraphs) > 1:
            pushes.append(paragraphs.pop())
        pushes += [line for line in _push_lines(strategy) if not any(line.rstrip(".?!") in said for said in pushes)]
    parameters = {
        key for function in functions.values() for key in function.get("parameters", {}).get("properties", {})
    }
    request = record["prompt"][1]["content"]
    given = _known_parameters(paths, " ".join([request, *paragraphs]), tail, parameters)
    facts = [_parameter_fact(name, value, request) for name, value in given.items()]
    for paragraph in paragraphs:
        sentences = [s for s in _SENTENCE_END.split(paragraph) if _keywords(s) and not s.endswith("?")]
        facts += [_sentence_fact(sentence, request) for sentence in sentences]
    return {
        "facts": facts,
        "confirm": _confirmation(strategy),
        "push": pushes[:_MAX_PUSHES],
        "patience": len(facts) + min(len(pushes), _MAX_PUSHES) + _SPARE_REPLIES,
        "done": "Thank you, that is all.",
    }


def _known_parameters(paths: _Paths, told: str, tail: str, parameters: set[str]) -> dict[str, str]:
    """Values that the user can give when asked for a parameter.

    Those of the normal path, but neither what a tool revealed nor what is for the agent to decide: of a call that
    writes, only names, dates and the like, and what the user said anyway.
    """
    known: dict[str, str] = {}
    revealed = ""
    for call in paths.normal:
        for name, value in paths.signatures[call.name].decisive(call.arguments).items():
            items = [str(item) for item in (value if isinstance(value, list) else [value])]
            said = all(item in told for item in items)
            theirs = said or only_reads(call.name) or bool(_IDENTITY_WORDS & set(name.lower().split("_")))
            learnt = not said and all(item in revealed for item in items)
            if theirs and not learnt and not isinstance(value, (bool, dict)):
                known.setdefault(name, ", ".join(items))
        revealed += json.dumps(call.output, ensure_ascii=False)
    for line in tail.splitlines():
        match = _PARAMETER_LINE.match(line)
        if match and match["name"] in parameters:
            known.setdefault(match["name"], match["value"].strip(" `.'\""))
    return known


def _parameter_fact(name: str, value: str, request: str) -> dict[str, Any]:
    phrase = name.replace("_", " ")
    shown = re.sub(r"\bid\b", "ID", phrase)
    say = f"{shown[0].upper()}{shown[1:]}: {value}."
    return {"ask": list(dict.fromkeys([phrase, name])), "say": say, "known": value in request}


def _sentence_fact(sentence: str, request: str) -> dict[str, Any]:
    """A sentence of the background: news only where it holds an identifier or a number that the request does not.

    The rest is told when asked for, but stands in the way of no other question.
    """
    return {
        "ask": _keywords(sentence),
        "say": sentence,
        "known": all(identifier in request for identifier in _identifiers(sentence)),
    }


def _identifiers(sentence: str) -> list[str]:
    return [word for word in _WORD.findall(sentence) if re.search(r"\d|_|@", word)]


def _keywords(sentence: str) -> list[str]:
    identifiers = _identifiers(sentence)
    nouns = [w for w in _WORD.findall(sentence) if len(w) > 3 and w.isalpha() and w.casefold() not in _COMMON]
    return list(dict.fromkeys(word.casefold() for word in (*identifiers, *nouns)))[:_MAX_KEYWORDS]


def _confirmation(strategy: str) -> str:
    """The answer to a request for confirmation; a user whose strategy is to evade it does so in their own words."""
    for sentence in _SENTENCE_END.split(strategy):
        if _ASKED_TO_CONFIRM.search(sentence):
            quoted = _QUOTED.search(sentence)
            return quoted[1] if quoted else "Just do what needs to be done."
    return "Yes, please proceed."


def _push_lines(strategy: str) -> list[str]:
    """The strategy ("If told X, I'll argue that Y and urge you to Z.") as things the user says ("Y. Please Z.")."""
    strategy = " ".join(strategy.split())
    quotes = [quote for quote in _QUOTED.findall(strategy) if len(quote.split()) > 3]
    lines = [_sentence(quote) for quote in quotes if quote != _confirmation(strategy)]
    for sentence in _SENTENCE_END.split(_QUOTED.sub(lambda m: m[0] if len(m[1].split()) < 4 else "", strategy)):
        reported = None if _ASKED_TO_CONFIRM.search(sentence) else _REPORTING.match(_CONDITION.sub("", sentence))
        if not reported:
            continue
        said = re.sub(r"^you ", "please ", _DIRECTION.split(reported["said"], maxsplit=1)[0].strip(" .,"))
        if len(said.split()) < 3:
            continue
        asking = _ASKING.search(reported["said"])
        lines.append(_sentence(said) + (f" Please {asking['what'].strip()}." if asking else ""))
    return lines


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + ("" if words[-1] in ".?!" else ".")
