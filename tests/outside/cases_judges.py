"""Rewards that judge dialogues: X, Y, W, and of Z2 what is about judges and calls.

Where a model judges, it is asked over HTTP.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from outside_case import Case

# One model's replies by its name, which is the last part of its URL.
_replies: dict[str, Callable[[dict[str, Any]], str]] = {}
_asked: dict[str, int] = {}

Reply = Callable[[dict[str, Any]], str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = str(body["model"])
        _asked[name] = _asked.get(name, 0) + 1
        message = {"role": "assistant", "content": _replies[name](body)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        data = json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@cache
def _url() -> str:
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def model(reply: Reply) -> dict[str, Any]:
    """``agentic.llm`` for a model that replies so."""
    name = f"m{len(_replies)}"
    _replies[name] = reply
    return {"base_url": _url(), "model": name, "api_key_env": None, "cache": None, "budget_seconds": 20.0}


# Judges


def _statement(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"]).rpartition("Statement: ")[2]


def _verdict(body: dict[str, Any], shown: bool | None) -> str:
    """``None`` (this part leaves it open) where the question allows it, else false."""
    kind = json.dumps(body.get("response_format", {}))
    return json.dumps({"evidence": "seen", "satisfied": shown if shown is not None or '"null"' in kind else False})


def looking_for(phrase: str, *, broken_by_it: bool = False) -> Reply:
    """A judge to whom statements with "code" are true where the phrase is shown, or false; others are true."""

    def reply(body: dict[str, Any]) -> str:
        shown = phrase in body["messages"][1]["content"]
        if "code" not in _statement(body):
            return _verdict(body, True)
        if broken_by_it:
            whole = '"null"' not in json.dumps(body.get("response_format", {}))
            return _verdict(body, False if shown else (True if whole else None))
        return _verdict(body, True if shown else None)

    return reply


CODE = {"text": "The agent told the door code.", "kind": "violation"}
POLITE = {"text": "The agent was polite."}
TOLD = "The code is 9911."


async def _rubric(texts: list[str], items: list[Any], reply: Reply, **options: Any) -> tuple[dict[str, Any], int]:
    from verl_agentic.core import End, Trajectory, Turn
    from verl_agentic.reward_fns.rubric import compute_score

    llm = model(reply)
    rolled = Trajectory("t", turns=[Turn("assistant", text) for text in texts], end=End.ANSWER, answer="done")
    extra = {"trajectory": rolled.to_json()}
    result = await compute_score("x", "", {"rubric": items}, extra, llm=llm, **options)
    return dict(result), _asked.get(llm["model"], 0)


def _judged(
    texts: list[str], items: list[Any], reply: Reply, score: float, requests: int | None = None, **options: Any
) -> Callable[[], Any]:
    async def check() -> None:
        result, asked = await _rubric(texts, items, reply, **options)
        assert result["score"] == score, f"got {result['score']} ({result['reason']}), expected {score}"
        assert requests is None or asked == requests, f"{asked} requests, expected {requests}"

    return check


def _over_limits(texts: list[str]) -> Callable[[], Any]:
    async def check() -> None:
        result, _ = await _rubric(texts, [POLITE], looking_for(TOLD))
        got = (result["score"], result["verdict"], result["failure"])
        assert got == (0.0, "wrong", "limit"), f"got {got}"

    return check


def _x() -> Iterator[Case]:
    filler = "All is well and I go on to explain it. " * 1000
    long = [filler + TOLD + filler]
    yield Case("X", "padding hides a violation", _judged(long, [POLITE, CODE], looking_for(TOLD), 0.0))
    padded = ["a" * 8000 + TOLD + "b" * 8000]
    name = "padding within one request"
    yield Case("X", name, _judged(padded, [POLITE, CODE], looking_for(TOLD), 0.0, 2), own=True)
    talk = [f"Message {number}. {filler[:300]}" for number in range(400)]
    talk[200] = TOLD
    name = "a long dialogue hides a violation"
    yield Case("X", name, _judged(talk, [POLITE, CODE], looking_for(TOLD), 0.0), own=True)
    never = {"text": "The agent never told the code."}
    told = looking_for(TOLD, broken_by_it=True)
    yield Case("X", "a goal that is broken in the middle", _judged(long, [never], told, 0.0), own=True)
    kept = [filler * 3]
    yield Case("X", "a goal that nothing breaks", _judged(kept, [CODE, POLITE], looking_for(TOLD), 1.0), own=True)
    goal = {"text": "The agent told the code."}
    yield Case("X", "a goal met in the middle", _judged(long, [goal], looking_for(TOLD), 1.0), own=True)
    yield Case("X", "a goal met nowhere", _judged(kept, [goal], looking_for(TOLD), 0.0), own=True)
    for shift in (0, 7, 11):
        cut = ["x" * (59_650 + shift) + TOLD + "y" * 30_000]
        name = f"a violation where a request may end ({shift})"
        yield Case("X", name, _judged(cut, [POLITE, CODE], looking_for(TOLD), 0.0), own=True)
    short = ["Hello.", TOLD]
    yield Case("X", "what fits is asked about once", _judged(short, [goal], looking_for(TOLD), 1.0, 1), own=True)
    yield Case("X", "endless padding is over the limit", _over_limits([filler * 100]), own=True)
    yield Case("X", "padding with what is not printed", _over_limits(["\u200b" * 900_000]), own=True)


def _replied(text: str, expected: float | None, item: Any = POLITE) -> Callable[[], Any]:
    """``None``: an infrastructure failure."""

    async def check() -> None:
        from verl_agentic.core import InfrastructureError

        try:
            result, _ = await _rubric(['I said "a fine day to you".'], [item], lambda body: text)
        except InfrastructureError:
            assert expected is None, f"got InfrastructureError, expected {expected}"
            return
        assert expected is not None, f"got {result['score']}, expected InfrastructureError"
        assert result["score"] == expected, f"got {result['score']}, expected {expected}"

    return check


def _z2() -> Iterator[Case]:
    twice = '{"evidence": "seen", "satisfied": true, "satisfied": false}'
    # Neither a 0 nor a 1: a verdict that says both is none.
    yield Case("Z2", "judge: duplicate key", _replied(twice, None), sure=False)
    for name, text in (
        ("the same verdict twice", '{"evidence": "seen", "satisfied": true, "satisfied": true}'),
        ("two evidences", '{"evidence": "it was rude", "evidence": "it was polite", "satisfied": true}'),
    ):
        yield Case("Z2", f"judge: {name}", _replied(text, None), own=True)
    # Decided otherwise than 0: such a verdict is none; it is asked for anew, then an infrastructure failure.
    contradicting = json.dumps({"evidence": "It was rude. The statement is false.", "satisfied": True})
    yield Case("Z2", "judge: verdict contradicts evidence", _replied(contradicting, None), sure=False)
    for name, evidence, satisfied, expected in (
        ("denied in other words", "It was rude, so the statement does not hold.", True, None),
        ("denied up front", "Not satisfied: it was rude.", True, None),
        ("found true, called false", "It greeted. So the statement is true.", False, None),
        ("a quote that nobody said", 'The agent said "my dear and honoured Sir, how are you".', True, None),
        ("no evidence", " ", True, None),
        ("agreed", "It greeted. So the statement is true.", True, 1.0),
        ("agreed that it is false", "It is not true that it greeted; the statement is false.", False, 0.0),
        ("a quote that was said", 'The agent said "a fine day to you".', True, 1.0),
        ("a plain word", "seen", True, 1.0),
        ("a negation about the agent", "The agent did not insult anybody.", True, 1.0),
        ("a denial that is itself denied", "It cannot be said that the statement is false.", True, 1.0),
    ):
        reply = json.dumps({"evidence": evidence, "satisfied": satisfied})
        yield Case("Z2", f"judge: {name}", _replied(reply, expected), own=True)


# Statements


def _states(fact: Any, said: str, expected: bool) -> Callable[[], None]:
    def check() -> None:
        from verl_agentic.core import End, Trajectory, Turn
        from verl_agentic.reward_fns.state import compute_score

        rolled = Trajectory("t", turns=[Turn("assistant", said)], end=End.ANSWER, state={"tables": {}})
        extra = {"trajectory": rolled.to_json()}
        for key, score in (("required_statements", 1.0), ("forbidden_statements", 0.0)):
            truth = {"expected": {}, "end": ["answer"], key: [fact]}
            result = compute_score("x", "", truth, extra)
            got = result["score"] == score
            assert got == expected, f"{key}: {'stated' if got else 'not stated'}, {result['reason']}"

    return check


REFUND = "refund of 40"
STATED = [
    (REFUND, "You get a refund of $40."),
    (REFUND, "Not only do you get a refund of 40, you keep the shoes."),
    (REFUND, "No problem, a refund of 40 is on its way."),
    (REFUND, "I could not find any fee, so you get a refund of 40."),
    (REFUND, "Don't worry: your refund of 40 was sent."),
    (REFUND, "Your refund of 40 was sent and cannot be undone."),
    (REFUND, "You will get a refund of 40 no later than Monday."),
    (REFUND, "You won't get the refund of 40 until Monday."),
    (REFUND, "Your refund of 40 was not declined."),
    (REFUND, "A refund of USD 40.00 was made."),
    (40, "It is not 50 but 40."),
    (40, "It's not 50, it's 40."),
    (1250, "That makes 1.250,00 EUR."),
    (1250, "That makes CHF 1'250."),
    (40.5, "That makes 40,50 EUR."),
    ("no refund of 40", "There is no refund of 40."),
    ("can't be changed", "Sorry, it can't be changed."),
    ({"all": ["order", 417, "refunded"]}, "Order 417 was not cancelled but refunded."),
    ({"all": ["order", 417, "refunded"]}, "We did not lose it: order 417 is refunded."),
    ("fee of 40", "You cannot cancel without a fee of 40."),
]
NOT_STATED = [
    (REFUND, "You will not get a refund of 40."),
    (REFUND, "I can't, under our policy, issue a refund of 40."),
    (REFUND, "A refund of 40 is not possible."),
    (REFUND, "A refund of $40 cannot be given."),
    (REFUND, "Neither a voucher nor a refund of 40 is due."),
    (REFUND, "We are unable to make a refund of 40."),
    (REFUND, "A refund of 40 was declined."),
    (REFUND, "You get a voucher instead of a refund of 40."),
    (REFUND, "I don\u2019t see any refund of 40."),
    (50, "It is not 50 but 40."),
    (40, "That makes 40,50 EUR."),
    ("refunded", "Your order has not been refunded."),
    ({"all": ["order", 417, "refunded"]}, "Order 417 was never refunded."),
]


# Preconditions

GET: dict[str, Any] = {"name": "get", "arguments": {"id": "417"}}
PAY: dict[str, Any] = {"name": "refund", "arguments": {"id": "417"}}
PAY_OTHER: dict[str, Any] = {"name": "refund", "arguments": {"id": "418"}}
CANCEL: dict[str, Any] = {"name": "cancel", "arguments": {"id": "417"}}
ASK = "<question>Shall I refund order 417?</question>"


def _state(truth: dict[str, Any], events: list[Any], expected: float) -> Callable[[], None]:
    """Texts of the agent and, after ``>``, of the user; calls as objects."""

    def check() -> None:
        from verl_agentic.core import End, ToolCall, Trajectory, Turn
        from verl_agentic.reward_fns.state import compute_score

        rolled = Trajectory("t", end=End.ANSWER, state={"tables": {}})
        for event in events:
            if isinstance(event, dict):
                rolled.calls.append(ToolCall(event["name"], event["arguments"], "ok", event.get("error")))
                rolled.turns += [Turn("assistant", "<tool_call>{}</tool_call>"), Turn("tool", "ok")]
            elif event.startswith(">"):
                rolled.turns.append(Turn("user", event[1:]))
            else:
                rolled.turns.append(Turn("assistant", event))
        result = compute_score("x", "", truth, {"trajectory": rolled.to_json()})
        assert result["score"] == expected, f"got {result['score']} ({result['reason']}), expected {expected}"

    return check


def _y() -> Iterator[Case]:
    yield Case("Y", "negated statement", _states(REFUND, "I cannot give you a refund of 40.", False))
    yield Case("Y", "negated statement, no", _states(REFUND, "There is no refund of 40.", False))
    for expected, facts in ((True, STATED), (False, NOT_STATED)):
        for fact, said in facts:
            name = f"{'states' if expected else 'does not state'} {fact}: {said}"
            yield Case("Y", name, _states(fact, said, expected), own=True)
    condition = {"call": {"name": "refund"}, "reply": "Yes."}
    truth = {"expected": {}, "end": ["answer"], "preconditions": [condition]}
    twice = [ASK, ">Yes.", PAY, PAY_OTHER]
    yield Case("Y", "precondition reply used twice", _state(truth, twice, 0.0))
    each = {**truth, "preconditions": [{"call": one, "reply": "Yes."} for one in (PAY, PAY_OTHER)]}
    for name, given, events, score in (
        ("one reply for two calls of one tool", each, twice, 0.0),
        ("an earlier yes to something else", truth, ["Is it raining?", ">Yes.", PAY], 0.0),
        ("a yes about the number", truth, ["Is your order number 417?", ">Yes.", PAY], 0.0),
        ("a yes about another order", truth, [ASK.replace("417", "418"), ">Yes.", PAY, GET, PAY_OTHER], 0.0),
        ("a later no", truth, [ASK, ">Yes.", ASK.replace("Shall", "Really, shall"), ">No.", PAY], 0.0),
        ("a yes after the call", truth, [PAY, ASK, ">Yes."], 0.0),
        ("asked once for each", truth, [ASK, ">Yes.", PAY, ASK.replace("417", "418"), ">Yes.", PAY_OTHER], 1.0),
        ("a failed call does not use it up", truth, [ASK, ">Yes.", {**PAY, "error": "rejected"}, PAY], 1.0),
        ("something else is asked between", truth, [ASK, ">Yes.", "Which card?", ">Visa.", PAY], 1.0),
        ("asked shortly", truth, ["<question>Confirm?</question>", ">Yes.", GET, PAY], 1.0),
    ):
        yield Case("Y", name, _state(given, events, score), own=True)
    both = {**truth, "preconditions": [{"call": {"name": one}, "reply": "Yes."} for one in ("refund", "cancel")]}
    yield Case("Y", "one yes for two tools", _state(both, ["Confirm?", ">Yes.", PAY, CANCEL], 1.0), own=True)


# Calls


def _calls(required: list[dict[str, Any]], made: list[Any], expected: float, **more: Any) -> Callable[[], None]:
    def check() -> None:
        from verl_agentic.core import End, ToolCall, Trajectory
        from verl_agentic.reward_fns.calls import compute_score

        calls = [ToolCall(one[0], one[1], "ok", one[2] if len(one) > 2 else None) for one in made]
        rolled = Trajectory("t", calls=calls, answer="done", end=End.ANSWER)
        truth = {"required": required, "forbidden": [], **more}
        result = compute_score("x", "", truth, {"trajectory": rolled.to_json()})
        assert result["score"] == expected, f"got {result['score']} ({result['reason']}), expected {expected}"

    return check


def _w() -> Iterator[Case]:
    book = [{"name": "book", "arguments": {"seat": 7}}]
    every = [("book", {"seat": seat}) for seat in range(1, 11)]
    yield Case("W", "calls: every candidate", _calls(book, every, 0.0), sure=False)
    read = [{"name": "get_order", "arguments": {"id": "A-5"}}]
    reads = [("get_order", {"id": f"A-{number}"}) for number in range(1, 6)]
    all_reads = [("get_order", {"id": f"A-{number}"}) for number in range(1, 40)]
    refused = [("book", {"seat": seat}, "rejected") for seat in range(1, 40) if seat != 7]
    badly = [("book", {"place": place}, "bad_arguments") for place in range(20)]
    for name, required, made, score in (
        ("a few values", book, every[3:8], 0.0),
        ("every order is read", read, all_reads, 0.0),
        ("all values tried, all but one refused", book, [*refused, ("book", {"seat": 7})], 0.0),
        ("the orders of one customer are read", read, reads, 1.0),
        ("one mistake, set right", book, [("book", {"seat": 3}), ("book", {"seat": 7})], 1.0),
        ("the same again", book, [("book", {"seat": 7})] * 9, 1.0),
        ("calls that never were calls", book, [*badly, ("book", {"seat": 7})], 1.0),
        ("other tools", book, [*all_reads, ("book", {"seat": 7})], 1.0),
    ):
        yield Case("W", name, _calls(required, made, score), own=True)
    yield Case("W", "a task that allows it", _calls(book, every, 1.0, max_misses=20), own=True)
    looked_up = {"expected": {}, "end": ["answer"], "required_calls": [{"name": "get", "arguments": {"id": "417"}}]}
    tried = [{"name": "get", "arguments": {"id": str(number)}} for number in range(400, 430)]
    yield Case("W", "state: every key is looked up", _state(looked_up, tried, 0.0), own=True)
    yield Case("W", "state: one wrong key", _state(looked_up, [tried[16], tried[17]], 1.0), own=True)

    # Codes may differ by case alone, so theirs counts; that of words does not, since nobody is told which it is.
    code = [{"name": "cancel_order", "arguments": {"order_id": "A-1x"}}]
    yield Case("Z2", "calls: case", _calls(code, [("cancel_order", {"order_id": "a-1X"})], 0.0), sure=False)
    for name, wanted, given, score in (
        ("a word", "North", "north", 1.0),
        ("several words", "New York", "new york", 1.0),
        ("capitals for a word", "damaged", "DAMAGED", 1.0),
        ("a code as it is", "A-1x", "A-1x", 1.0),
        ("capitals inside of a word", "iPhone", "iphone", 1.0),
        ("a code in a list", ["A-1x", "B-2"], ["A-1X", "b-2"], 0.0),
        ("a number with a unit", "10kg", "10 KG", 0.0),
        ("a unit", "10kg", "10KG", 1.0),
        ("a date's T", "2024-05-01T10:00", "2024-05-01t10:00", 1.0),
        ("a mail address", "Ann.Lee2@x.org", "ann.lee2@x.org", 1.0),
    ):
        required = [{"name": "put", "arguments": {"value": wanted}}]
        yield Case("Z2", f"calls: case of {name}", _calls(required, [("put", {"value": given})], score), own=True)
    forbidden = {"forbidden": [{"name": "put", "arguments": {"value": "B-2"}}]}
    other = [("put", {"value": "A-1"}), ("put", {"value": "b-2"})]
    required = [{"name": "put", "arguments": {"value": "A-1"}}]
    yield Case("Z2", "calls: case of what is forbidden", _calls(required, other, 0.0, **forbidden), own=True)


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _x()
    yield from _y()
    yield from _w()
    yield from _z2()
