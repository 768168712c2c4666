"""Tool calls as models write them (kinds G1 to G8 and G27): executed as written, or refused by what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from outside_case import Case


def function(name: str, properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required), **more}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


TEXT = {"type": "string"}
TOOLS = [
    function("write_file", {"content": TEXT, "path": TEXT}, ("content",)),
    function("get", {"city": TEXT, "days": {"type": "integer"}, "tags": {"type": "array", "items": TEXT}}),
    function(
        "edit",
        {
            "edits": {"type": "array", "items": {"type": "object"}},
            "when": {"$ref": "#/$defs/date"},
            "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "code": {"allOf": [{"type": "string"}, {"minLength": 1}]},
            "five": {"const": "5"},
            "color": {"$ref": "#/$defs/color"},
            "level": {"enum": [1, 2, "high"]},
            "loop": {"$ref": "#/$defs/loop"},
            "any": {},
        },
        **{
            "$defs": {
                "date": {"type": "string"},
                "color": {"enum": ["red", "1"], "type": "string"},
                "loop": {"$ref": "#/$defs/loop"},
            }
        },
    ),
    function("now", {}),
]

Made = list[tuple[str, dict[str, Any]]]


def played(text: str) -> tuple[Made, list[str], Any]:
    """Calls that reached the tools, the replies, and the trajectory, of one message."""
    from verl_agentic.core import Task
    from verl_agentic.rollout import Dialogue, DialogueLimits
    from verl_agentic.tool_envs import Environment

    made: Made = []

    class Echo(Environment):
        def tools(self) -> list[dict[str, Any]]:
            return TOOLS

        async def call(self, name: str, arguments: dict[str, Any]) -> str:
            made.append((name, arguments))
            return "ok"

        def state(self) -> dict[str, Any]:
            return {}

    async def once() -> tuple[list[str], Any]:
        task = Task("x", [{"role": "user", "content": "Go."}], [], "x", {}, "math", "1")  # type: ignore[list-item]
        async with Dialogue(task, Echo(), DialogueLimits(max_parallel_calls=4)) as dialogue:
            await dialogue.open()
            replies = await dialogue.feed(text)
            return [str(reply["content"]) for reply in replies], dialogue.trajectory

    replies, trajectory = asyncio.run(once())
    return made, replies, trajectory


def makes(text: str, *calls: tuple[str, dict[str, Any]]) -> Callable[[], None]:
    def check() -> None:
        made, replies, trajectory = played(text)
        assert made == list(calls), f"got {made} {replies} {trajectory.end}, expected {list(calls)}"

    return check


def refuses(text: str, *words: str) -> Callable[[], None]:
    def check() -> None:
        made, replies, trajectory = played(text)
        assert not made, f"executed {made}"
        said = " ".join(replies)
        assert replies and all(word in said for word in words), f"said {said!r} ({trajectory.end}), expected {words}"

    return check


def ends(text: str, end: str, answer: str | None = None) -> Callable[[], None]:
    def check() -> None:
        made, replies, trajectory = played(text)
        got = (trajectory.end and trajectory.end.value, trajectory.answer)
        assert not made and got == (end, answer), f"got {got}, {made} {replies}"

    return check


def hermes(name: str, arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def coder(name: str, wrapped: bool = True, **parameters: str) -> str:
    inside = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in parameters.items())
    text = f"<function={name}>\n{inside}</function>"
    return f"<tool_call>\n{text}\n</tool_call>" if wrapped else text


def cases() -> Iterator[Case]:
    yield from _json_strings()
    yield from _elements()
    yield from _values()
    yield from _keys()
    yield from _thoughts()
    yield from _empty()
    yield from _other_forms()


def _json_strings() -> Iterator[Case]:
    for name, content in (
        ("parse-closing-tag-in-json-string", "a block ends with </tool_call> on its line"),
        ("parse-both-tags-in-json-string", "<tool_call>\n{}\n</tool_call>\n"),
    ):
        yield Case("G1", name, makes(hermes("write_file", {"content": content}), ("write_file", {"content": content})))
    edits = [{"old": "</tool_call>", "new": ""}]
    yield Case(
        "G1", "parse-closing-tag-nested-array", makes(hermes("edit", {"edits": edits}), ("edit", {"edits": edits}))
    )

    quoted = {"content": 'say "</tool_call>" \\ "'}
    two = hermes("write_file", quoted) + "\n" + hermes("now", {})
    yield Case("G1", "escaped-quotes-then-another", makes(two, ("write_file", quoted), ("now", {})), own=True)
    unclosed = hermes("write_file", {"content": "</tool_call> x"}).removesuffix("\n</tool_call>")
    yield Case("G1", "no-tag-at-the-end", makes(unclosed, ("write_file", {"content": "</tool_call> x"})), own=True)
    broken = '<tool_call>{"name": "now, "arguments": {}}</tool_call>' + hermes("now", {})
    yield Case("G1", "broken-one-does-not-take-the-next", makes(broken, ("now", {})), own=True)
    thought = "<think>not <tool_call> yet</think>" + hermes("write_file", {"content": "</think></tool_call>"})
    yield Case("G1", "after-a-thought", makes(thought, ("write_file", {"content": "</think></tool_call>"})), own=True)


def _elements() -> Iterator[Case]:
    for name, content in (
        ("parse-xml-closing-parameter-in-value", 'def f():\n    return "</parameter>"'),
        ("parse-xml-closing-function-in-value", "see </function> here"),
        ("parse-xml-closing-tag-regex-value", "grep -n '</parameter>' a.txt"),
        ("parse-xml-tool_call-pair-value", "s = '<tool_call></tool_call>'"),
    ):
        yield Case("G2", name, makes(coder("write_file", content=content), ("write_file", {"content": content})))
    example = "<function=x>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\n2\n</parameter>\n</function>"
    for name, content in (
        ("whole-example-in-a-value", example),
        ("wrapped-example-in-a-value", f"<tool_call>\n{example}\n</tool_call>"),
        ("pair-in-a-line", "use <parameter=a>1</parameter> here"),
        ("think-tag", "# </think> and <think>"),
        ("answer-tag", "<answer>5</answer>"),
        ("html", "<p>a < b && c > d</p>"),
    ):
        call = makes(
            coder("write_file", content=content, path="a.txt"), ("write_file", {"content": content, "path": "a.txt"})
        )
        yield Case("G2", name, call, own=True)
        call = makes(coder("write_file", wrapped=False, content=content), ("write_file", {"content": content}))
        yield Case("G2", f"{name}-unwrapped", call, own=True)
    ended = coder("write_file", content="use </parameter></function></tool_call> to end it")
    yield Case("G2", "value-that-ends-the-call", refuses(ended, "outside of the calls"), own=True)
    two = coder("write_file", content="</function>") + "\n" + coder("now")
    yield Case("G2", "two-calls", makes(two, ("write_file", {"content": "</function>"}), ("now", {})), own=True)

    dropped = coder("get", city="Rome", days="3").replace("Rome\n</parameter>", "Rome")
    yield Case("G3", "parse-xml-dropped-parameter-close", refuses(dropped, "city", "not closed"))
    required = dropped.replace("get", "write_file").replace("city", "path").replace("days", "content")
    yield Case("G3", "parse-xml-dropped-close-required", refuses(required, "path", "not closed"))
    by_name = (
        "<tool_call>\n<function=write_file>\n<parameter=content>\nhi</content>\n<parameter=path>\na.txt\n</parameter>\n"
        "</function>\n</tool_call>"
    )
    yield Case("G3", "parse-xml-close-by-name", refuses(by_name, "content", "not closed"))
    last = "<tool_call>\n<function=get>\n<parameter=city>\nRome\n</function>\n</tool_call>"
    yield Case("G3", "last-not-closed", refuses(last, "city"), own=True)
    third = dropped.replace("</function>", "<parameter=tags>\n[]\n</parameter>\n</function>")
    yield Case("G3", "three-with-the-first-not-closed", refuses(third, "city", "not closed"), own=True)
    middle = coder("get", city="Rome", days="3", tags="[]").replace("3\n</parameter>", "3")
    yield Case("G3", "three-with-the-second-not-closed", refuses(middle, "days"), own=True)
    yield Case(
        "G3", "unwrapped", refuses(dropped.replace("<tool_call>\n", "").replace("\n</tool_call>", ""), "city"), own=True
    )
    strange = coder("get", city="Rome\n</parameter>\n<param=days>\n3")
    yield Case("G3", "element-of-another-form", refuses(strange, "</parameter>"), own=True)
    whole = makes(coder("get", city="Rome", days="3"), ("get", {"city": "Rome", "days": 3}))
    yield Case("G3", "all-closed", whole, own=True)
    no_end = coder("get", city="Rome").replace("</function>\n", "")
    yield Case("G3", "function-not-closed", makes(no_end, ("get", {"city": "Rome"})), own=True)


def _values() -> Iterator[Case]:
    def one(
        name: str, tool: str, key: str, text: str, value: Any, kind: str, own: bool = False, sure: bool = True
    ) -> Case:
        return Case(kind, name, makes(coder(tool, **{key: text}), (tool, {key: value})), own=own, sure=sure)

    yield one("parse-xml-python-list", "get", "tags", "['python', 'tutorial']", ["python", "tutorial"], "G4")
    edits = [{"old": "a", "new": None}]
    yield one("parse-xml-python-list-of-dicts", "edit", "edits", "[{'old': 'a', 'new': None}]", edits, "G4")
    yield one("python-tuple-within", "edit", "edits", "[{'a': (1, 2)}]", [{"a": [1, 2]}], "G4", own=True)
    yield one("python-true", "edit", "edits", "[{'a': True, 'b': False}]", [{"a": True, "b": False}], "G4", own=True)
    yield one("json-list", "get", "tags", '["a", "b"]', ["a", "b"], "G4", own=True)
    yield one("text-stays-text", "write_file", "content", "['a']", "['a']", "G4", own=True)
    for name, text in (
        ("code", "[__import__('os').getcwd()]"),
        ("set", "[{1, 2}]"),
        ("bytes", "[{'a': b'x'}]"),
        ("minus-signs", "[" + "-" * 5000 + "1]"),
        ("deep", "[" * 3000 + "]" * 3000),
        ("infinite", "[{'a': 1e999}]"),
        ("number-keys", "[{1: 2}]"),
        ("no-comma", "[{'a': 'b' 'c'}]"),
        ("key-twice", "[{'a': 1, 'a': 2}]"),
    ):
        yield Case("G4", f"refused-{name}", refuses(coder("edit", edits=text), "bad arguments at edits"), own=True)

    yield one("xml-allOf-string", "edit", "code", "12345", "12345", "G5")
    yield one("xml-const-string", "edit", "five", "5", "5", "G5", sure=False)
    yield one("parse-xml-ref-date", "edit", "when", "2026", "2026", "G5")
    yield one("enum-of-texts-behind-a-reference", "edit", "color", "1", "1", "G5", own=True)
    yield one("enum-number", "edit", "level", "2", 2, "G5", own=True)
    yield one("enum-text", "edit", "level", "high", "high", "G5", own=True)
    yield Case("G5", "enum-none-of-it", refuses(coder("edit", level="3"), "level"), own=True)
    yield one("integer-still-read", "get", "days", "3", 3, "G5", own=True)
    yield Case("G5", "reference-to-itself", _ends_somehow(coder("edit", loop="x")), own=True)


def _ends_somehow(text: str) -> Callable[[], None]:
    def check() -> None:
        from verl_agentic.core import BrokenTaskError

        with contextlib.suppress(BrokenTaskError):  # such a schema can be read by nobody
            played(text)

    return check


def _keys() -> Iterator[Case]:
    rome = ("get", {"city": "Rome"})
    for key in ("parameters", "input", "args"):
        text = f'<tool_call>\n{{"name": "get", "{key}": {{"city": "Rome"}}}}\n</tool_call>'
        yield Case("G6", f"parse-{key}-key", makes(text, rome))
        alone = f'{{"name": "get", "{key}": {{"city": "Rome"}}}}'
        yield Case("G6", f"bare-{key}-key", makes(alone, rome), own=True)
    flat = '<tool_call>{"name": "get", "city": "Rome"}</tool_call>'
    yield Case("G6", "flattened", refuses(flat, '"city"', '"arguments"'), own=True)
    beside = '<tool_call>{"name": "get", "arguments": {"city": "Rome"}, "days": 3}</tool_call>'
    yield Case("G6", "beside-arguments", refuses(beside, '"days"'), own=True)
    both = '<tool_call>{"name": "get", "arguments": {}, "parameters": {"city": "Rome"}}</tool_call>'
    yield Case("G6", "two-keys", refuses(both, '"parameters"'), own=True)
    label = '<tool_call>{"name": "get", "id": "Rome"}</tool_call>'
    yield Case("G6", "a-label-alone", refuses(label, '"id"'), own=True)
    schema = '<tool_call>{"name": "get", "description": "d", "parameters": {"type": "object"}}</tool_call>'
    yield Case("G6", "a-tool-echoed", refuses(schema, '"description"'), own=True)
    named = '{"name": "get", "arguments": {"city": "Rome"}}'
    openai = f'<tool_call>{{"id": "1", "type": "function", "function": {named}}}</tool_call>'
    yield Case("G6", "openai-form", makes(openai, rome), own=True)
    yield Case("G6", "no-arguments-at-all", makes('<tool_call>{"name": "now"}</tool_call>', ("now", {})), own=True)


def _thoughts() -> Iterator[Case]:
    real = '<tool_call>\n{"name": "get", "arguments": {"city": "real"}}\n</tool_call>'
    call = ("get", {"city": "real"})
    mention = "I must answer with a <tool_call> block as the system says.\n</think>\n\n"
    yield Case("G7", "parse-tag-mentioned-in-thought-opened-by-prompt", makes(mention + real, call))
    answer = "The tag is <tool_call> but none is needed.\n</think>\n<answer>42</answer>"
    yield Case("G7", "parse-thought-opened-by-prompt-then-answer", ends(answer, "answer", "42"))
    in_function = coder("write_file", wrapped=False, content="the tag </think> ends it")
    content = {"content": "the tag </think> ends it"}
    yield Case("G7", "parse-think-close-in-xml-args-unwrapped", makes(in_function, ("write_file", content)))
    twice = "Use <tool_call> ... </tool_call>? The tag <tool_call> again.\n</think>\n" + real
    yield Case("G7", "parse-thought-names-tag-twice", makes(twice, call))
    question = "No <tool_call> yet, I ask first.\n</think>\n\n<question>Which city?</question>"
    yield Case("G7", "parse-thought-names-tag-then-question", ends(question, "no_user"))
    code = "# </think> is the end\nprint(1)"
    unwrapped = coder("write_file", wrapped=False, content=code)
    yield Case("G7", "parse-unwrapped-function-think-in-value", makes(unwrapped, ("write_file", {"content": code})))
    bare = '{"name": "write_file", "arguments": {"content": "</think>"}}'
    yield Case("G7", "parse-bare-json-think-in-value", makes(bare, ("write_file", {"content": "</think>"})))

    wrapped = hermes("write_file", {"content": "</think>"})
    yield Case("G7", "wrapped-json-think-in-value", makes(wrapped, ("write_file", {"content": "</think>"})), own=True)
    drafted = hermes("get", {"city": "draft"}) + "\nNo, the other one.</think>" + real
    yield Case("G7", "a-drafted-call-in-a-thought", makes(drafted, call), own=True)
    functions = "I could use <function=get> here.</think>" + coder("get", city="real")
    yield Case("G7", "names-a-function", makes(functions, call), own=True)
    answered = "Maybe <answer>41</answer>.</think><answer>42</answer>"
    yield Case("G7", "names-an-answer", ends(answered, "answer", "42"), own=True)
    opened = "<think>I need <tool_call>.</think>" + real
    yield Case("G7", "opened-by-the-message", makes(opened, call), own=True)
    yield Case("G7", "thought-without-end", ends("<think>" + real, "no_user"), own=True)


def _empty() -> Iterator[Case]:
    for name, tool, given in (
        ("parse-null-arguments", "now", "null"),
        ("parse-arguments-null-optional", "get", "null"),
        ("parse-arguments-blank", "get", '"  "'),
    ):
        text = f'<tool_call>{{"name": "{tool}", "arguments": {given}}}</tool_call>'
        yield Case("G8", name, makes(text, (tool, {})))
    for name, given, arguments in (
        ("empty-text", '""', {}),
        ("encoded", json.dumps('{"city": "Rome"}'), {"city": "Rome"}),
        ("encoded-twice", json.dumps(json.dumps('{"city": "Rome"}')), {"city": "Rome"}),
        ("encoded-null", '"null"', {}),
    ):
        text = f'<tool_call>{{"name": "get", "arguments": {given}}}</tool_call>'
        yield Case("G8", name, makes(text, ("get", arguments)), own=True)
    needed = '<tool_call>{"name": "write_file", "arguments": null}</tool_call>'
    yield Case("G8", "required-is-still-told", refuses(needed, "'content' is a required property"), own=True)
    for name, given in (("number", "5"), ("list", "[1]"), ("word", '"Rome"')):
        text = f'<tool_call>{{"name": "get", "arguments": {given}}}</tool_call>'
        yield Case("G8", f"refused-{name}", refuses(text, '"arguments"'), own=True)


def _other_forms() -> Iterator[Case]:
    call = ("get", {"city": "A"})
    body = '{"name": "get", "arguments": {"city": "A"}}'
    yield Case("G27", "parse-qwen25coder-tools-tag", makes(f"<tools>\n{body}\n</tools>", call), sure=False)
    missing = makes(coder("edit", any="12345"), ("edit", {"any": "12345"}))
    yield Case("G27", "xml-type-missing-digits", missing, sure=False)
    yield Case("G27", "parse-xml-python-None", makes(coder("edit", n="None"), ("edit", {"n": None})), sure=False)
    yield Case("G27", "parse-fence-tool_call-language", makes(f"```tool_call\n{body}\n```", call), sure=False)
    two = f'{body}\n{{"name": "now", "arguments": {{}}}}'
    yield Case("G27", "two-bare-calls", makes(two, call, ("now", {})), own=True, sure=False)
    content = {"content": "###TRANSFER_TO_HUMAN <answer>5</answer> <tool_call>"}
    marks = json.dumps({"name": "write_file", "arguments": content})
    yield Case("G27", "bare-call-with-marks", makes(marks, ("write_file", content)), own=True)
    yield Case("G27", "bare-call-cut", refuses(marks[:-1], "not valid JSON"), own=True)
    yield Case("G27", "list-of-calls", makes(f"[{body}]", call), own=True, sure=False)
    for mark in ("### TRANSFER_TO_HUMAN", "###TRANSFER_TO_HUMAN", "Sorry.\n### TRANSFER TO HUMAN"):
        yield Case("G27", f"hands-over-{mark[:8]!r}-{len(mark)}", ends(mark, "transfer"), own=True, sure=False)
    for name, text in (
        ("prose-behind", f"{body} is what I would call"),
        ("record", '{"name": "Bob", "age": 3}'),
        ("list-of-data", '[{"name": "Bob"}]'),
    ):
        yield Case("G27", f"no-call-{name}", ends(text, "no_user"), own=True)
