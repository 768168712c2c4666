"""What endpoints refuse, and errors that look like replies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from endpoint_play import ASK, FUNCTION_CALL, TEXT_CALL, call_then_answer, played, strictly
from outside_case import Case
from scripted_server import ANSWER, KEY, Answer, Body, call, fail, rollout, say, turn

# G18: what is refused


def g18() -> Iterator[Case]:
    def without_choice(name: str, message: str, own: bool = True, status: int = 400) -> Case:
        def check() -> None:
            def script(body: Body, number: int) -> Answer:
                if "tool_choice" in body:
                    return fail(status, message)
                assert body.get("tools")
                return call() if turn(body) == 0 else say(ANSWER)

            played(name, script, calls={"executed": 1})

        return Case("G18", name, check, own=own)

    yield without_choice("ep-toolchoice-none-400", "tool_choice is not supported", own=False)
    bedrock = "This model doesn't support the toolConfig.toolChoice.auto field. Remove it and try again."
    yield without_choice("ep-toolchoice-bedrock", bedrock, own=False)
    yield without_choice("ep-toolchoice-unknown", "Unrecognized request argument supplied: tool_choice")
    yield without_choice("ep-toolchoice-extra-422", "body.tool_choice: Extra inputs are not permitted", status=422)

    def parserless() -> None:
        needs = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'

        def script(body: Body, number: int) -> Answer:
            if body.get("tool_choice", "auto") == "auto":
                return fail(400, needs)
            return say(TEXT_CALL) if turn(body) == 0 else say(ANSWER)

        done = played("ep-toolchoice-vllm", script, calls={"executed": 1})
        assert done.bodies[-1]["tool_choice"] == "none" and done.bodies[-1]["tools"]

    yield Case("G18", "ep-toolchoice-vllm", parserless, own=True)

    def one_tool(name: str, message: str, named: str = "now", own: bool = True, **error: Any) -> Case:
        """The second of two tools is refused; the task with the first alone goes on with native tools."""

        def check() -> None:
            def script(body: Body, number: int) -> Answer:
                if "tools" in body and len(body["tools"]) > 1:
                    return fail(400, message, **error)
                return call() if turn(body) == 0 else say(ANSWER)

            done = rollout(name, script, tools=(("get", "now"), ("get",)))
            by_task = {record["task_id"]: record for record in done.records}
            bad, good = by_task["task-0"], by_task["task-1"]
            assert bad["status"] == "broken_task" and f"'{named}'" in bad["error"], (bad["status"], bad["error"])
            assert (good["status"], good["success"], good["calls"]) == ("judged", 1.0, {"executed": 1}), good
            assert all("tools" in body for body in done.bodies)

        return Case("G18", name, check, own=own)

    pattern = (
        "Invalid 'tools[1].function.name': string does not match pattern. Expected a string that matches the pattern"
    )
    yield one_tool("ep-schema-400-openai", pattern, own=False, param="tools[1].function.name")
    schema = "Invalid schema for function 'now': schema must be of type \"object\", 'oneOf' is not supported."
    yield one_tool("ep-schema-400-function", schema, param="tools[1].function.parameters")
    yield one_tool("ep-schema-400-anthropic", "tools.1.custom.input_schema.type: Field required")
    gemini = "* GenerateContentRequest.tools[0].function_declarations[1].parameters.properties: should be non-empty"
    yield one_tool("ep-schema-400-gemini", gemini)
    yield one_tool("ep-schema-400-no-param", "Invalid schema for function 'now': array schema missing items")

    def in_words(name: str, status: int, message: str) -> Case:
        def check() -> None:
            def script(body: Body, number: int) -> Answer:
                if "tools" in body:
                    return fail(status, message)
                assert all(one["role"] != "tool" and "tool_calls" not in one for one in body["messages"])
                return say(TEXT_CALL) if turn(body) == 0 else say(ANSWER)

            done = played(name, script, calls={"executed": 1})
            assert "<tools>" in done.bodies[-1]["messages"][0]["content"]
            assert done.bodies[-1]["messages"][-2]["content"] == TEXT_CALL

        return Case("G18", name, check, own=True)

    yield in_words("ep-tools-jinja", 400, "tools param requires --jinja flag")
    yield in_words("ep-tools-ollama", 400, "registry.ollama.ai/library/gemma does not support tools")
    router = 'No endpoints found that support tool use. Try disabling "get". To learn more, visit the documentation.'
    yield in_words("ep-tools-openrouter-404", 404, router)


# G19: transcripts


def strict_case(name: str, *answers: Answer, own: bool = True, success: float = 1.0, **calls: int) -> Case:
    return Case("G19", name, lambda: played(name, strictly(*answers), success=success, calls=calls) and None, own=own)


def g19() -> Iterator[Case]:
    yield strict_case("ep-xml-in-content", say(TEXT_CALL, tool_calls=[]), say(ANSWER), own=False, executed=1)
    yield strict_case("ep-think-open", say(f"<think>Hm.</think>{TEXT_CALL}"), say(ANSWER), own=False, executed=1)
    yield strict_case("ep-name-empty", call(name=""), say(ANSWER), own=False, unknown_tool=1)
    yield strict_case("ep-strict-text-call", say(TEXT_CALL), say(ANSWER), own=False, executed=1)
    yield strict_case("ep-strict-text-call-fn", say(FUNCTION_CALL), say(ANSWER), own=False, executed=1)
    yield strict_case("ep-strict-mixed", say(TEXT_CALL), call(), say(ANSWER), own=False, executed=2)
    yield strict_case("ep-strict-name-empty", call(name="", one=""), say(ANSWER), own=False, unknown_tool=1)
    broken = say("<tool_call>\n{nonsense}\n</tool_call>")
    yield strict_case("ep-strict-malformed-text", broken, say(TEXT_CALL), say(ANSWER), malformed=1, executed=1)
    yield strict_case("ep-strict-same-id", call(), call(), say(ANSWER), executed=2)
    yield strict_case("ep-strict-no-id", call(one=None), call(one=None), say(ANSWER), executed=2)
    yield strict_case("ep-strict-native-then-text", call(), say(TEXT_CALL), call(one="x"), say(ANSWER), executed=3)
    yield strict_case("ep-strict-two-texts", say(TEXT_CALL + TEXT_CALL), say(ANSWER), executed=1, too_many=1)
    bare = say('{"name": "get", "arguments": {"city": "Rome"}}')
    yield strict_case("ep-strict-bare-json", bare, say(ANSWER), executed=1)
    yield strict_case("ep-strict-bad-native", call(arguments='{"city": '), say(ANSWER), malformed=1)
    yield strict_case("ep-strict-with-question", say(ASK), say(TEXT_CALL), say(ANSWER), executed=1)
    twice = call(content=f"I look. {TEXT_CALL}")
    yield strict_case("ep-strict-native-and-text", twice, say(ANSWER), executed=1)

    def no_name_in_text() -> None:
        nameless = say('<tool_call>{"arguments": {}}</tool_call>')
        played("ep-strict-text-no-name", strictly(nameless, say(ANSWER)), calls={"malformed": 1})

    yield Case("G19", "ep-strict-text-no-name", no_name_in_text, own=True)

    def odd_name() -> None:
        def script(body: Body, number: int) -> Answer:
            for message in body["messages"]:
                for one in message.get("tool_calls", []):
                    if not one["function"]["name"].replace("_", "").replace("-", "").isalnum():
                        return fail(400, "messages.1.tool_calls.0.function.name: does not match ^[a-zA-Z0-9_-]{1,64}$")
            return strictly(call(name="get the weather!"), say(ANSWER))(body, number)

        played("ep-strict-odd-name", script, calls={"unknown_tool": 1})

    yield Case("G19", "ep-strict-odd-name", odd_name, own=True)

    def kept_as_given() -> None:
        done = played("ep-strict-as-given", call_then_answer(call(one="toolu_01", content="I look.")))
        sent = done.bodies[1]["messages"][1]
        function = {"name": "get", "arguments": '{"city": "Rome"}'}
        wanted = {"id": "toolu_01", "type": "function", "function": function}
        assert sent == {"role": "assistant", "content": "I look.", "tool_calls": [wanted]}, sent

    yield Case("G19", "ep-strict-as-given", kept_as_given, own=True)


# G20: an error in a 200 body


def g20() -> Iterator[Case]:
    def told(name: str, payload: Any, words: str, status: int = 1, own: bool = True) -> Case:
        def check() -> None:
            done = rollout(name, lambda body, number: (200, payload, {}), llm={"budget_seconds": 0.8})
            said = done.records[0]["error"] if done.records else done.said
            assert done.status == status and words in said, (done.status, said[-300:])

        return Case("G20", name, check, own=own)

    def error(message: str, code: Any = None, **more: Any) -> dict[str, Any]:
        return {"error": {"message": message, "code": code, **more}}

    overloaded = "Upstream error from Chutes: model overloaded"
    yield told("ep-200-error-always", error(overloaded, 502), overloaded, own=False)

    def again(name: str, payload: Any, times: int, own: bool = True) -> Case:
        def check() -> None:
            def script(body: Body, number: int) -> Answer:
                return (200, payload, {}) if number < times else say(ANSWER)

            played(name, script, llm={"budget_seconds": 5})

        return Case("G20", name, check, own=own)

    yield again("ep-200-error-ratelimit-7", error("Rate limit exceeded", 429), 7, own=False)
    yield told("ep-200-detail", {"detail": "Not authenticated"}, "Not authenticated", own=False)
    yield again("ep-200-error-502-6", error(overloaded, 502), 6)
    yield again("ep-200-error-code-text", error("slow down", "429"), 5)
    yield again("ep-200-error-code-name", error("slow down", "rate_limit_exceeded"), 5)
    yield again("ep-200-choice-error", {"choices": [{"error": {"code": 502, "message": "gone"}, "message": {}}]}, 5)
    yield again("ep-200-choices-null", {**error("busy", 503), "choices": None}, 5)
    yield told("ep-200-error-401", error("No auth credentials found", 401), "No auth credentials found", status=2)
    yield told("ep-200-error-404", error("no such model", 404), "no such model", status=2)
    yield told("ep-200-error-text", {"error": "the model is asleep"}, "the model is asleep")
    yield told("ep-200-message", {"object": "error", "message": "no GPU left", "code": 500}, "no GPU left")

    def overflow() -> None:
        def script(body: Body, number: int) -> Answer:
            full = {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum", "code": 400}}
            return call() if turn(body) == 0 else (200, full, {})

        played("ep-200-context", script, end="max_tokens")

    yield Case("G20", "ep-200-context", overflow, own=True)

    def not_an_error() -> None:
        played("ep-200-null-error", lambda body, number: (200, {**say(ANSWER)[1], "error": None, "detail": ""}, {}))

    yield Case("G20", "ep-200-null-error", not_an_error, own=True)

    def no_secret() -> None:
        payload = error(f"key {KEY} is wrong", 500)
        done = rollout("ep-200-key", lambda body, number: (200, payload, {}), key=KEY, llm={"budget_seconds": 0.8})
        text = json.dumps(done.records) + done.said
        assert "is wrong" in text and KEY not in text, text[-300:]

    yield Case("G20", "ep-200-key", no_secret, own=True)


# G21: cut, though the server does not say so


def g21() -> Iterator[Case]:
    def cut(name: str, first: Answer, own: bool = True, sure: bool = True) -> Case:
        def check() -> None:
            done = played(name, call_then_answer(first), "--max-tokens", "24", end="max_tokens")
            assert not done.record["calls"], done.record["calls"]

        return Case("G21", name, check, sure=sure, own=own)

    part_of = call(arguments='{"city": "Ro"}', written=24)
    yield cut("ep-toolcalls-truncated-ok", part_of, own=False, sure=False)
    stopped = call(arguments='{"city": "Ro"}', written=24)
    stopped[1]["choices"][0]["finish_reason"] = "stop"
    yield cut("ep-toolcalls-truncated-stop", stopped)
    yield cut("ep-finish-model-length", say("Let me", "model_length"))
    yield cut("ep-finish-max-tokens", say("Let me", "max_tokens"))

    def whole(name: str, first: Answer) -> Case:
        return Case("G21", name, lambda: played(name, call_then_answer(first), "--max-tokens", "24") and None, own=True)

    yield whole("ep-toolcalls-below", call(written=23))
    # Hidden thoughts may be counted beyond the bound.
    yield whole("ep-toolcalls-above", call(written=500))
    yield whole("ep-text-at-the-bound", say(TEXT_CALL, written=24))


# G28: messages


def g28() -> Iterator[Case]:
    yield from g28_refusals()
    yield from g28_bounds()


def g28_refusals() -> Iterator[Case]:
    def told(name: str, answer: Answer, *words: str, own: bool = True, key: str | None = None) -> Case:
        def check() -> None:
            done = rollout(name, lambda body, number: answer, key=key)
            assert done.status == 2 and all(word in done.said for word in words), (done.status, done.said[-400:])
            assert "agentic.llm" not in done.said, done.said[-400:]

        return Case("G28", name, check, own=own)

    missing = fail(404, "The model `m` does not exist.")
    yield told("ep-404", missing, "does not exist", "--name", "--model", own=False)
    yield told("ep-401", fail(401, "bad key"), "bad key", "OUTSIDE_KEY", key=KEY)
    yield told("ep-401-no-key", fail(401, "No auth"), "No auth", "--api-key-env")

    def unset_key() -> None:
        done = rollout("ep-key-unset", lambda body, number: say(ANSWER), "--api-key-env", "NOT_SET_ANYWHERE")
        assert done.status == 2 and "NOT_SET_ANYWHERE is not set" in done.said, done.said
        assert "--api-key-env" in done.said and "agentic.llm" not in done.said, done.said

    yield Case("G28", "ep-key-unset", unset_key, own=True)

    def paused() -> None:
        busy = fail(429, "come back tomorrow", {"Retry-After": "86400"})
        started = time.monotonic()
        done = rollout("ep-retry-after-day", lambda body, number: busy, "--set", "attempts=2")
        assert time.monotonic() - started < 5
        error = done.record["error"]
        assert "86400 s" in error and "concurrency" not in error, error

    yield Case("G28", "ep-retry-after-day", paused, own=True)

    def user_is_down() -> None:
        user = 'simulator_options.llm={base_url: "http://127.0.0.1:9/v1", model: u, api_key_env: null, cache: null}'
        arguments = ("--simulator", "llm", "--set", user, "--set", "call_seconds=0.4", "--set", "grace_seconds=0.2")
        done = rollout("ep-user-down", lambda body, number: say(ASK), *arguments)
        error = done.record["error"]
        assert "the user took over" in error and "127.0.0.1:9" in error and "connection failed" in error, error

    yield Case("G28", "ep-user-down", user_is_down, own=True)

    def spent() -> None:
        limits = {"budget": {"tokens": 5}}
        done = rollout("ep-budget", call_then_answer(call()), llm=limits)
        assert done.status == 1 and "tokens=5 is spent" in done.said and "--llm" in done.said, done.said[-300:]

    yield Case("G28", "ep-budget-spent", spent, own=True)


def g28_bounds() -> Iterator[Case]:
    def same_url(name: str, *arguments: str, **options: Any) -> Case:
        def check() -> None:
            from scripted_server import server

            def script(body: Body, number: int) -> Answer:
                if "response_format" in body:
                    return say('{"reply": "Rome.", "stop": false}')
                return say(ASK) if turn(body) == 0 else say(ANSWER)

            url = f"{server().root}/{name}/v1"
            fields = {"base_url": url, "model": "u", "api_key_env": None, "cache": None, **options}
            user = f"simulator_options.llm={json.dumps(fields)}"
            played(name, script, "--simulator", "llm", "--set", user, *arguments)

        return Case("G28", name, check, own=True)

    yield same_url("ep-user-same-url-6", "--concurrency", "6")
    yield same_url("ep-user-same-url-64", "--concurrency", "64")
    yield same_url("ep-user-same-url-given", "--concurrency", "6", concurrency=4)

    def both_given() -> None:
        from scripted_server import server

        name = "ep-user-same-url-both"
        fields = {"base_url": f"{server().root}/{name}/v1", "model": "u", "api_key_env": None, "concurrency": 4}
        user = f"simulator_options.llm={json.dumps(fields)}"
        arguments = ("--simulator", "llm", "--set", user)
        done = rollout(name, lambda body, number: say(ANSWER), *arguments, llm={"concurrency": 5})
        assert done.status == 2 and "in use with 4" in done.said, done.said

    yield Case("G28", "ep-user-same-url-both", both_given, own=True)


def cases() -> Iterator[Case]:
    yield from g18()
    yield from g19()
    yield from g20()
    yield from g21()
    yield from g28()
