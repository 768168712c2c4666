"""Contexts that are full, lengths that are too long, in any server's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from endpoint_play import played
from outside_case import Case
from scripted_server import ANSWER, Answer, Body, call, fail, rollout, say, turn

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


def cases() -> Iterator[Case]:
    yield from g16()
    yield from g17()
