"""Chat endpoints as they are in the wild, each played by ``verl-agentic rollout`` against a scripted server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from outside_case import Case
from scripted_server import ANSWER, KEY, Answer, Body, Rolled, Script, call, fail, rollout, say, strict_problems, turn

ASK = "<question>Which city?</question>"
TEXT_CALL = '<tool_call>\n{"name": "get", "arguments": {"city": "Rome"}}\n</tool_call>'
FUNCTION_CALL = "<function=get>\n<parameter=city>\nRome\n</parameter>\n</function>"


def call_then_answer(first: Answer) -> Script:
    """``first``, then the answer."""
    return lambda body, number: first if turn(body) == 0 else say(ANSWER)


def strictly(*answers: Answer) -> Script:
    """The answers in order of the model's turns, by a server that refuses a transcript that is not strict."""

    def script(body: Body, number: int) -> Answer:
        problems = strict_problems(body)
        return fail(400, f"<400> InvalidParameter: {problems[0]}") if problems else answers[turn(body)]

    return script


def played(name: str, script: Script, *arguments: str, end: str = "answer", **options: Any) -> Rolled:
    """The rollout ended so and with a verdict."""
    calls = options.pop("calls", {})
    success = options.pop("success", 1.0 if end == "answer" else None)
    done = rollout(name, script, *arguments, **options)
    done.ended(end, success, **calls)
    return done


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


# G16: the context is full


def full_case(name: str, status: int, message: str, own: bool = True, sure: bool = True, **error: Any) -> Case:
    """A server that says so at the second turn, whatever length is asked for."""

    def check() -> None:
        def script(body: Body, number: int) -> Answer:
            return call() if turn(body) == 0 else fail(status, message, **error)

        done = played(name, script, end="max_tokens", calls={"executed": 1})
        assert len(done.bodies) <= 8, f"{len(done.bodies)} requests"

    return Case("G16", name, check, sure=sure, own=own)


def told_case(name: str, status: int, payload: Any) -> Case:
    def check() -> None:
        def script(body: Body, number: int) -> Answer:
            return call() if turn(body) == 0 else (status, payload, {})

        played(name, script, end="max_tokens")

    return Case("G16", name, check, own=True)


def not_full_case(name: str, status: int, message: str, **error: Any) -> Case:
    """Something else is refused once; what follows shows that the dialogue went on, or failed as infrastructure."""

    def check() -> None:
        def script(body: Body, number: int) -> Answer:
            return fail(status, message, **error) if number == 1 else (call() if turn(body) == 0 else say(ANSWER))

        done = rollout(name, script)
        again = status == 429 or status >= 500
        got = done.record["status"], done.record["end"]
        assert got == (("judged", "answer") if again else ("infrastructure", None)), got

    return Case("G16", name, check, own=True)


FULL = {
    "ep-ctx-dashscope": (400, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]"),
    "ep-ctx-gemini": (
        400,
        "The input token count (40000) exceeds the maximum number of tokens allowed (32768).",
    ),
    "ep-ctx-anthropic": (400, "prompt is too long: 210000 tokens > 200000 maximum"),
    "ep-ctx-groq413": (
        413,
        "Request too large for model `llama` on tokens per minute (TPM): Limit 6000, Requested 8000, please reduce "
        "your message size and try again.",
    ),
    "ep-maxtok-negative": (400, "max_tokens must be at least 1, got -186."),
    "ep-ctx2-xai": (
        400,
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    ),
    "ep-ctx2-500-llamacpp": (500, "the request exceeds the available context size. try increasing the context size"),
}
OWN_FULL = {
    "ep-ctx-openai": (
        400,
        "This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens. Please "
        "reduce the length of the messages.",
    ),
    "ep-ctx-vllm-old": (
        400,
        "This model's maximum context length is 4096 tokens. However, you requested 6120 tokens (5096 in the messages, "
        "1024 in the completion). Please reduce the length of the messages or completion.",
    ),
    "ep-ctx-vllm-decoder": (
        400,
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that "
        "`max_model_len` is no smaller than the number of text tokens.",
    ),
    "ep-ctx-vllm-passed": (
        400,
        "You passed 4097 input tokens and requested 1 output tokens. However, the model's context length is only 4096 "
        "tokens. Please reduce the length of the input prompt.",
    ),
    "ep-ctx-sglang": (400, "The input (40000 tokens) is longer than the model's context length (32768 tokens)."),
    "ep-ctx-sglang-allowed": (400, "Input length (9000 tokens) exceeds the maximum allowed length (8192 tokens)."),
    "ep-ctx-tgi": (422, "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000"),
    "ep-ctx-mistral": (
        400,
        "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    ),
    "ep-ctx-fireworks": (400, "The prompt is too long: 40000, model maximum context length: 32767"),
    "ep-ctx-cohere": (
        400,
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.",
    ),
    "ep-ctx-bedrock": (400, "Input is too long for requested model."),
    "ep-ctx-kimi": (400, "Invalid request: Your request exceeded model token limit: 8192 (requested: 9000)"),
    "ep-ctx-minimax": (400, "invalid params, context window exceeds limit (2013)"),
    "ep-ctx-zhipu": (400, "Prompt 超长"),
    "ep-ctx-ollama": (400, "the input length exceeds the context length"),
    "ep-ctx-lmstudio": (
        400,
        "The number of tokens to keep from the initial prompt is greater than the context length.",
    ),
    "ep-ctx-litellm-500": (500, "litellm.ContextWindowExceededError: BadRequestError"),
    "ep-ctx-llamacpp-500-short": (500, "Context size has been exceeded."),
    "ep-ctx-mlc": (400, "prompt tokens exceed context window size: number of prompt tokens: 5000; size: 4096"),
    "ep-ctx-copilot": (400, "prompt token count of 140000 exceeds the limit of 128000"),
    "ep-ctx-azure": (
        400,
        "Input tokens exceed the configured limit of 272,000 tokens. Your messages resulted in 300,000 tokens.",
    ),
    "ep-ctx-413-nginx": (413, "Request Entity Too Large"),
    "ep-ctx-trt": (500, "default_max_tokens (-186) should be greater than 0, default_max_tokens = max_seq_len - ..."),
    "ep-ctx-429-too-large": (
        429,
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 31582. The input or output "
        "tokens must be reduced in order to run successfully.",
    ),
}
NOT_FULL = {
    "ep-not-ctx-tpm": (
        429,
        "Rate limit reached for model on tokens per minute (TPM): Limit 6000, Used 5990, Requested 400.",
    ),
    "ep-not-ctx-rate-500": (500, "Rate limit exceeded: too many input tokens per minute"),
    "ep-not-ctx-oom": (500, "CUDA out of memory. Tried to allocate 2.00 GiB"),
    "ep-not-ctx-quota": (400, "You exceeded your monthly token limit; upgrade your plan"),
    "ep-not-ctx-pydantic": (400, "temperature_: Input should be greater than 0"),
    "ep-not-ctx-string": (400, "Invalid 'messages[1].tool_calls[0].id': string too long. Expected maximum length 40"),
    "ep-not-ctx-role": (400, "messages: roles must alternate"),
}


def g16() -> Iterator[Case]:
    for name, (status, message) in FULL.items():
        yield full_case(name, status, message, own=False)
    for name, (status, message) in OWN_FULL.items():
        yield full_case(name, status, message)
    yield full_case("ep-ctx-code", 400, "Bad request.", code="context_length_exceeded")
    tgi = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens"
    yield told_case("ep-ctx-tgi-error-is-text", 422, {"error": tgi, "error_type": "validation"})
    yield told_case("ep-ctx-detail", 400, {"detail": "prompt is too long: 210000 tokens > 200000 maximum"})
    yield told_case("ep-ctx-list", 400, [{"error": {"code": 400, "message": FULL["ep-ctx-gemini"][1]}}])
    yield told_case("ep-ctx-plain-text", 400, b"prompt is too long: 210000 tokens > 200000 maximum")
    numbers = {"type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
    yield told_case("ep-ctx-llamacpp-400", 400, {"error": {"code": 400, "message": "no", **numbers}})
    raw = json.dumps({"error": {"message": FULL["ep-ctx-anthropic"][1]}})
    upstream = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}
    yield told_case("ep-ctx-openrouter-raw", 400, {"error": upstream})
    for name, (status, message) in NOT_FULL.items():
        yield not_full_case(name, status, message)

    def echoed() -> None:
        # A server that repeats the request in its complaint: what the model wrote there means nothing.
        complaint = [
            {"loc": ["body", "x"], "msg": "Field required", "input": "prompt is too long: 9 tokens > 8 maximum"}
        ]

        def script(body: Body, number: int) -> Answer:
            return (422, {"detail": complaint}, {}) if number else call()

        done = rollout("ep-not-ctx-echo", script)
        assert done.record["status"] == "infrastructure" and "Field required" in done.record["error"], done.record

    yield Case("G16", "ep-not-ctx-echo", echoed, own=True)


# G17: the length that was asked for is above what is left


def vllm_large(asked: int, prompt: int, limit: int = 4096) -> str:
    return (
        f"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is "
        f"{limit} tokens and your request has {prompt} input tokens ({asked} > {limit} - {prompt}). None"
    )


def room_case(name: str, words: Any, limit: int = 4096, at: int = 0, own: bool = True, status: int = 400) -> Case:
    """The server refuses more than is left of ``limit``: at turn ``at`` the prompt leaves 596 tokens, else all."""

    def check() -> None:
        def script(body: Body, number: int) -> Answer:
            asked = body.get("max_tokens") or body.get("max_completion_tokens")
            prompt = limit - 596 if turn(body) == at else 100
            if prompt + asked > limit:
                return fail(status, words(asked, prompt))
            return call() if turn(body) == 0 else say(ANSWER)

        done = played(name, script, "--max-tokens", "1024", calls={"executed": 1})
        assert len(done.bodies) <= 5, f"{len(done.bodies)} requests"

    return Case("G17", name, check, own=own)


def longest_case(name: str, message: str, most: int = 512) -> Case:
    """A server that never writes more than ``most`` tokens."""

    def check() -> None:
        def script(body: Body, number: int) -> Answer:
            asked = body.get("max_tokens") or body.get("max_completion_tokens")
            return fail(400, message) if asked > most else (call() if turn(body) == 0 else say(ANSWER))

        done = played(name, script, "--max-tokens", "1024", calls={"executed": 1})
        assert len(done.bodies) <= 5, f"{len(done.bodies)} requests"

    return Case("G17", name, check, own=True)


ROOM = {
    "ep-room-openai": lambda asked, prompt: (
        f"This model's maximum context length is 4096 tokens. However, you requested {asked + prompt} tokens ({prompt} "
        f"in the messages, {asked} in the completion). Please reduce the length of the messages or completion."
    ),
    "ep-room-total": lambda asked, prompt: (
        f"This model's maximum context length is 4,096 tokens, however you requested {asked + prompt:,} tokens. Please "
        "reduce your prompt; or completion length."
    ),
    "ep-room-sglang": lambda asked, prompt: (
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of "
        f"{asked + prompt} tokens: {prompt} tokens from the input messages and {asked} tokens for the completion."
    ),
    "ep-room-anthropic": lambda asked, prompt: (
        f"input length and `max_tokens` exceed context limit: {prompt} + {asked} > 4096, decrease input length or "
        "`max_tokens` and try again"
    ),
    "ep-room-tgi": lambda asked, prompt: (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
        f"{prompt} `inputs` tokens and {asked} `max_new_tokens`"
    ),
    "ep-room-openrouter": lambda asked, prompt: (
        f"This endpoint's maximum context length is 4096 tokens. However, you requested about {asked + prompt} tokens "
        f"({prompt} of text input, {asked} in the output). Please reduce the length of either one"
    ),
    "ep-room-no-numbers": lambda asked, prompt: "Please reduce the length of the messages or completion.",
}


def g17() -> Iterator[Case]:
    yield room_case("ep-maxtok-large", vllm_large, own=False)
    yield room_case("ep-maxtok-later", vllm_large, at=1, own=False)
    for name, words in ROOM.items():
        yield room_case(name, words)
        yield room_case(f"{name}-later", words, at=1)
    deepseek = "Invalid max_tokens value, the valid range of max_tokens is [1, 512]"
    yield longest_case("ep-longest-deepseek", deepseek)
    yield longest_case("ep-longest-dashscope", "<400> InvalidParameter: Range of max_tokens should be [1, 512]")
    groq = "`max_tokens` must be less than or equal to `512`, the maximum value for `max_tokens` is less than the "
    yield longest_case("ep-longest-groq", f"{groq}`context_window` for this model")
    anthropic = "max_tokens: 1024 > 512, which is the maximum allowed number of output tokens for m"
    yield longest_case("ep-longest-anthropic", anthropic)
    openai = (
        "max_tokens is too large: 1024. This model supports at most 512 completion tokens, whereas you provided 1024."
    )
    yield longest_case("ep-longest-openai", openai)

    def never_fits() -> None:
        def script(body: Body, number: int) -> Answer:
            return fail(400, ROOM["ep-room-openai"](body["max_tokens"], 5000))

        done = rollout("ep-prompt-too-long", script)
        record = done.record
        assert record["status"] == "broken_task" and "prompt does not fit" in record["error"], record["error"]
        assert len(done.bodies) == 1, len(done.bodies)

    yield Case("G17", "ep-prompt-too-long", never_fits, own=True)

    def another_name() -> None:
        complaint = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."

        def script(body: Body, number: int) -> Answer:
            return fail(400, complaint, param="max_tokens") if "max_tokens" in body else say(ANSWER)

        done = played("ep-maxtok-other-name", script, "--max-tokens", "1024")
        assert done.bodies[-1]["max_completion_tokens"] == 1024

    yield Case("G17", "ep-maxtok-other-name", another_name, own=True)


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
            full = {"error": {"message": FULL["ep-ctx-anthropic"][1], "code": 400}}
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
    """All of them."""
    for kind in (g8, g14, g15, g16, g17, g18, g19, g20, g21, g26, g27, g28):
        yield from kind()
