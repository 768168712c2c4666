"""What models behind endpoints say: calls, thoughts, content in parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from endpoint_play import ASK, TEXT_CALL, call_then_answer, played
from outside_case import Case
from scripted_server import ANSWER, Answer, Body, call, fail, rollout, say, turn

# G8: arguments of native calls


def args_case(name: str, arguments: Any, own: bool = True, city: str = "") -> Case:
    def check() -> None:
        done = played(name, call_then_answer(call(arguments=arguments)), calls={"executed": 1})
        heard = next(one["content"] for one in done.record["messages"] if one["role"] == "tool")
        assert heard == f"sunny in {city}", heard
        sent = next(one for one in done.bodies[-1]["messages"] if one.get("tool_calls"))
        assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == ({"city": city} if city else {}), sent

    return Case("G8", name, check, own=own)


def malformed_args_case(name: str, arguments: Any) -> Case:
    def check() -> None:
        played(name, call_then_answer(call(arguments=arguments)), calls={"malformed": 1})

    return Case("G8", name, check, own=True)


def g8() -> Iterator[Case]:
    yield args_case("ep-args-double", json.dumps(json.dumps({"city": "Rome"})), own=False, city="Rome")
    yield args_case("ep-args-whitespace", "  ", own=False)
    yield args_case("ep-args-empty", "")
    yield args_case("ep-args-newline", "\n")
    yield args_case("ep-args-null", None)
    yield args_case("ep-args-null-text", "null")
    yield args_case("ep-args-object", {"city": "Rome"}, city="Rome")
    yield args_case("ep-args-empty-encoded", json.dumps(""))
    yield args_case("ep-args-double-spaced", f"  {json.dumps(json.dumps({'city': 'Rome'}))}\n", city="Rome")
    yield args_case("ep-args-text-that-looks-encoded", json.dumps({"city": '{"a": 1}'}), city='{"a": 1}')
    yield malformed_args_case("ep-args-list", "[1]")
    yield malformed_args_case("ep-args-cut", '{"city": "Ro')
    yield malformed_args_case("ep-args-encoded-text", json.dumps("Rome"))


# G14: thoughts go back


def back_case(
    name: str, field: str, first: Answer, demanded: str | None = None, own: bool = True, sure: bool = True
) -> Case:
    """The server refuses every request whose assistant messages lack ``field``."""

    def script(body: Body, number: int) -> Answer:
        for message in body["messages"]:
            if message["role"] == "assistant" and field not in message:
                return fail(400, demanded or f"The `{field}` in the thinking mode must be passed back to the API.")
        return first if turn(body) == 0 else say(ANSWER, **{field: "All known."})

    return Case("G14", name, lambda: played(name, script) and None, sure=sure, own=own)


def g14() -> Iterator[Case]:
    tool = call(content="", reasoning_content="I need the weather.")
    yield back_case("ep-reasoning-back", "reasoning_content", tool, own=False)
    other = call(content="", reasoning="I need the weather.")
    yield back_case("ep-reasoning-second-field", "reasoning", other, own=False)
    plain = say(ASK, reasoning_content="I must ask.")
    yield back_case("ep-reasoning-plain-turn", "reasoning_content", plain, own=False)
    details = call(reasoning_details=[{"type": "reasoning.encrypted", "data": "x"}], reasoning="Hm.")
    yield back_case("ep-reasoning-details", "reasoning_details", details)
    text = say(TEXT_CALL, reasoning_content="I need the weather.")
    yield back_case("ep-reasoning-text-call", "reasoning_content", text)
    # Servers that demand the field of a message for which they gave none, or an empty one.
    yield back_case("ep-reasoning-empty", "reasoning_content", call(content="", reasoning_content=""))
    missing = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
    yield back_case("ep-reasoning-never-given", "reasoning_content", call(), demanded=missing)

    def signature() -> None:
        signed = {"google": {"thought_signature": "c2ln"}}
        first = call()
        first[1]["choices"][0]["message"]["tool_calls"][0]["extra_content"] = signed

        def script(body: Body, number: int) -> Answer:
            if turn(body) == 0:
                return first
            sent = body["messages"][1]["tool_calls"][0].get("extra_content")
            return say(ANSWER) if sent == signed else fail(400, "Function call is missing a thought_signature.")

        played("ep-thought-signature", script)

    yield Case("G14", "ep-thought-signature", signature, own=True)

    def refused(name: str, field: str, complaint: str) -> Case:
        def check() -> None:
            def script(body: Body, number: int) -> Answer:
                if any(field in one for one in body["messages"]):
                    return fail(400, complaint)
                return [call(**{field: "Hm."}), call(one="call_b", **{field: "Hm."}), say(ANSWER)][turn(body)]

            done = played(name, script, calls={"executed": 2})
            # Once refused, it is left out from then on.
            assert len(done.bodies) == 4, len(done.bodies)

        return Case("G14", name, check, own=True)

    groq = "'messages.1' : for 'role:assistant' property 'reasoning_content' is unsupported"
    yield refused("ep-reasoning-refused-groq", "reasoning_content", groq)
    yield refused("ep-reasoning-refused-extra", "reasoning", "messages.1.reasoning: Extra inputs are not permitted")

    def untouched() -> None:
        done = played("ep-no-reasoning", call_then_answer(call()))
        assert set(done.bodies[1]["messages"][1]) == {"role", "content", "tool_calls"}, done.bodies[1]["messages"][1]

    yield Case("G14", "ep-no-reasoning", untouched, own=True)

    def said_once() -> None:
        done = played("ep-reasoning-once", call_then_answer(say(ASK, reasoning_content="Hm, where?")))
        sent = done.bodies[1]["messages"][1]
        assert (sent["content"], sent["reasoning_content"]) == (ASK, "Hm, where?"), sent

    yield Case("G14", "ep-reasoning-once", said_once, own=True)


# G15: content in parts


def parts_case(name: str, answers: list[Answer], own: bool = True, **ended: Any) -> Case:
    def check() -> None:
        played(name, lambda body, number: answers[turn(body)], **ended)

    return Case("G15", name, check, own=own)


def part(text: Any, kind: str = "text", key: str = "text") -> dict[str, Any]:
    return {"type": kind, key: text}


def g15() -> Iterator[Case]:
    halves = [part("<answer>done"), part("</answer>")]
    yield parts_case("ep-content-list", [call(), say(halves)], own=False)

    def beside() -> None:
        done = played("ep-content-list-calls", call_then_answer(call(content=[part("Let me look. ")])))
        message = next(one for one in done.record["messages"] if one.get("tool_calls"))
        assert message["content"] == "Let me look. ", message
        assert done.bodies[1]["messages"][1]["content"] == "Let me look. "

    yield Case("G15", "ep-content-list-calls", beside)
    yield parts_case("ep-content-list-xml", [say([part(TEXT_CALL)]), say(ANSWER)], own=False, calls={"executed": 1})
    yield parts_case("ep-content-object", [say(part(ANSWER))])
    yield parts_case("ep-content-texts", [say(["<answer>", "done</answer>"])])
    yield parts_case("ep-content-output-text", [say([part(ANSWER, "output_text")])])
    yield parts_case("ep-content-text-value", [say([part({"value": ANSWER, "annotations": []})])])
    yield parts_case("ep-content-parts-of-gemini", [say({"parts": [{"text": ANSWER}]})])
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    yield parts_case("ep-content-with-image", [say([image, part(ANSWER), None, 7])])
    yield parts_case("ep-content-empty-list", [call(content=[]), say(ANSWER)], calls={"executed": 1})

    def thinking() -> None:
        thought = {"type": "thinking", "thinking": [part("<answer>no</answer>")]}
        done = played("ep-content-thinking-part", lambda body, number: say([thought, part(ANSWER)]))
        assert done.record["trajectory"]["answer"] == "done", done.record["trajectory"]["answer"]

    yield Case("G15", "ep-content-thinking-part", thinking, own=True)

    def nothing_but_images() -> None:
        done = rollout("ep-content-image-only", lambda body, number: say([image]))
        assert done.record["status"] == "infrastructure" and "image_url" in done.record["error"], done.record["error"]

    yield Case("G15", "ep-content-image-only", nothing_but_images, own=True)


# G26: one call a turn


def g26() -> Iterator[Case]:
    def two(**more: Any) -> Answer:
        first = call()
        message = first[1]["choices"][0]["message"]
        message["tool_calls"].append({**message["tool_calls"][0], "id": "call_b"})
        return first

    def asked(name: str, *arguments: str, parallel: bool, own: bool = True, sure: bool = True, **calls: int) -> Case:
        def check() -> None:
            done = played(name, call_then_answer(two()), *arguments, calls=calls)
            assert done.bodies[0].get("parallel_tool_calls") is parallel, done.bodies[0].get("parallel_tool_calls")

        return Case("G26", name, check, sure=sure, own=own)

    # What the second call is told is the rule of max_parallel_calls; the server is asked for one.
    yield asked("ep-two-calls", parallel=False, own=False, sure=False, executed=1, too_many=1)
    yield asked("ep-two-calls-allowed", "--set", "max_parallel_calls=2", parallel=True, executed=2)

    def refused() -> None:
        def script(body: Body, number: int) -> Answer:
            if "parallel_tool_calls" in body:
                return fail(400, "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.")
            return call() if turn(body) == 0 else say(ANSWER)

        done = played("ep-parallel-refused", script, calls={"executed": 1})
        assert len(done.bodies) == 3 and all(body["tools"] and body["tool_choice"] == "auto" for body in done.bodies)

    yield Case("G26", "ep-parallel-refused", refused, own=True)

    def toolless() -> None:
        done = played("ep-parallel-no-tools", lambda body, number: say(ANSWER), "--tool-env", "calculator")
        assert ("parallel_tool_calls" in done.bodies[0]) == ("tools" in done.bodies[0])

    yield Case("G26", "ep-parallel-with-tools-only", toolless, own=True)


# G27: lost in silence


def g27() -> Iterator[Case]:
    def thoughts_only() -> None:
        # A thought is no answer, wherever the server's parser puts it; but the record says what happened.
        done = rollout("ep-all-in-reasoning", call_then_answer(say(None, reasoning_content=ANSWER)))
        record = done.record
        assert record["end"] == "answer" or "thought" in record["error"], record

    yield Case("G27", "ep-all-in-reasoning", thoughts_only, sure=False)

    def nan(name: str, own: bool = True, **fields: Any) -> Case:
        def check() -> None:
            payload = {**say(ANSWER)[1], **fields}
            played(name, lambda body, number: (200, json.dumps(payload).encode(), {}))

        return Case("G27", name, check, own=own)

    yield nan("ep-nan", own=False, timings={"predicted_per_second": float("nan")})
    yield nan("ep-infinity", prompt_logprobs=[float("inf"), float("-inf")])

    def nan_argument() -> None:
        played("ep-nan-argument", call_then_answer(call(arguments={"city": float("nan")})), calls={"malformed": 1})

    yield Case("G27", "ep-nan-argument", nan_argument, own=True)

    def surrogate() -> None:
        # Models whose reply was cut within an emoji; half of it crashes whoever encodes it.
        first = call(content="It rains \ud83d", reasoning_content="\ud83d", name="get", one="a\ude00")
        played("ep-surrogate", call_then_answer(first), calls={"executed": 1})

    yield Case("G27", "ep-surrogate", surrogate, own=True)

    def thoughts_then_answer() -> None:
        done = played("ep-reasoning-and-answer", lambda body, number: say(ANSWER, reasoning_content="Hm."))
        assert not done.record["error"], done.record["error"]

    yield Case("G27", "ep-reasoning-and-answer", thoughts_then_answer, own=True)

    def thoughts_then_call() -> None:
        done = played("ep-reasoning-and-call", call_then_answer(call(reasoning_content="Hm.")))
        assert not done.record["error"], done.record["error"]

    yield Case("G27", "ep-reasoning-and-call", thoughts_then_call, own=True)


def cases() -> Iterator[Case]:
    yield from g8()
    yield from g14()
    yield from g15()
    yield from g26()
    yield from g27()
