"""The client against a real server: faults, retries, bounds, and what its errors say."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.chat import (
    BudgetSpentError,
    ChatReply,
    ChatRequest,
    ContextFullError,
    MalformedReplyError,
    RefusalError,
    make_chat_model,
)
from verl_agentic.llm.reply import read_structured
from verl_agentic.llm.transport import retry_after

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def ask(llm: dict[str, Any], text: str = "hello", **options: Any) -> ChatReply:
    """One request, from an event loop of its own."""
    request = ChatRequest(({"role": "user", "content": text},), **options)
    return asyncio.run(make_chat_model(llm).complete(request))


def test_a_reply_and_what_is_sent(endpoint: Any, llm: dict[str, Any]) -> None:
    reply = ask({**llm, "extra_body": {"chat_template_kwargs": {"enable_thinking": False}}, "seed": 7}, sample=2)
    assert (reply.content, reply.parsed, reply.cached) == ("ok", None, False)
    [body] = endpoint.bodies
    assert body == {
        "model": "judge-1",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 1024,
        "seed": 9,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert endpoint.authorizations == [f"Bearer {endpoint.key}"]


def test_a_server_without_keys_gets_none(endpoint: Any, llm: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", endpoint.key)
    ask({**llm, "api_key_env": None})
    assert endpoint.authorizations == ["Bearer EMPTY"]


@pytest.mark.parametrize("fault", ["500", "408", "409", "429", "hang", "reset", "reset_midway", "drip"])
@pytest.mark.slow
def test_what_passes_is_tried_again(endpoint: Any, llm: dict[str, Any], fault: str) -> None:
    handler = endpoint.fail(int(fault)) if fault.isdigit() else getattr(endpoint, fault)
    endpoint.script = [handler, handler]
    slow = fault in ("hang", "drip")
    assert ask({**llm, "request_seconds": 0.25} if slow else llm).content == "ok"
    assert len(endpoint.bodies) >= 3 if slow else len(endpoint.bodies) == 3


def test_retry_after_is_honoured_by_all_requests(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.fail(429, headers={"Retry-After": "0.5"})]
    first = threading.Thread(target=ask, args=(llm, "first"))
    started = time.monotonic()
    first.start()
    assert endpoint.arrived.wait(20)
    time.sleep(0.1)
    ask(llm, "second")
    assert time.monotonic() - started >= 0.5
    first.join()
    assert len(endpoint.bodies) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_retry_after_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    seconds = retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert seconds is not None and 28 <= seconds <= 30


def test_an_outage_ends_within_the_time_budget(
    endpoint: Any, llm: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.script = [endpoint.fail(503, "overloaded")] * 10_000
    started = time.monotonic()
    with pytest.raises(InfrastructureError, match=r"no reply within 0\.6 s and \d+ failed attempts"):
        ask({**llm, "budget_seconds": 0.6})
    assert time.monotonic() - started < 10.0
    assert len(endpoint.bodies) > 1
    # Whoever waits is told what for, but not at every attempt.
    assert [record.levelname for record in caplog.records if "are retried; the last: 503" in record.message] == [
        "WARNING"
    ]


def test_a_wait_beyond_the_time_budget_is_not_begun(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.fail(429, headers={"Retry-After": "3600"})]
    started = time.monotonic()
    with pytest.raises(InfrastructureError, match="429"):
        ask(llm)
    assert time.monotonic() - started < 20.0


def test_nobody_at_home(llm: dict[str, Any]) -> None:
    with pytest.raises(InfrastructureError, match="connection failed"):
        ask({**llm, "base_url": "http://127.0.0.1:9/v1", "budget_seconds": 0.4})


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "UNIT_TEST_KEY"), (403, "UNIT_TEST_KEY"), (404, "agentic.llm.model")],
)
def test_configuration_errors_name_the_mend(endpoint: Any, llm: dict[str, Any], status: int, message: str) -> None:
    endpoint.script = [endpoint.fail(status)]
    with pytest.raises(UserInputError, match=message):
        ask(llm)
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(("status", "error"), [(400, {}), (413, {}), (422, {}), (429, {"code": "insufficient_quota"})])
def test_what_never_passes_is_not_repeated(endpoint: Any, llm: dict[str, Any], status: int, error: Any) -> None:
    endpoint.script = [endpoint.fail(status, "context too long", **error)]
    with pytest.raises(InfrastructureError, match="context too long"):
        ask(llm)
    assert len(endpoint.bodies) == 1


def test_structured_replies(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = lambda body: '{"n": 3}'
    assert ask(llm, schema=SCHEMA).parsed == {"n": 3}
    assert endpoint.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_server_without_schemas_is_asked_in_words_from_then_on(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.fail(400, "response_format is not supported")]
    endpoint.content = lambda body: '<think>easy</think>\n```json\n{"n": 4}\n```'
    assert ask(llm, "one", schema=SCHEMA).parsed == {"n": 4}
    assert ask(llm, "two", schema=SCHEMA).parsed == {"n": 4}
    assert ["response_format" in body for body in endpoint.bodies] == [True, False, False]
    assert json.dumps(SCHEMA) in endpoint.bodies[2]["messages"][0]["content"]


def test_tags_in_a_value_are_content() -> None:
    schema = {"type": "object", "required": ["said"]}
    for said in ("<think>6", "5</think>", "<reasoning>7</reasoning>"):
        value = {"said": said}
        assert read_structured(json.dumps(value), schema) == value
    assert read_structured('It is {"said": "?"}.</think>{"said": "5"}', schema) == {"said": "5"}


def test_other_parameters_a_server_lacks(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [
        endpoint.fail(400, "use max_completion_tokens instead", param="max_tokens", code="unsupported_parameter"),
        endpoint.fail(400, "does not support 0.0", param="temperature", code="unsupported_value"),
    ]
    ask(llm, temperature=0.0, max_tokens=5)
    assert {key: value for key, value in endpoint.bodies[-1].items() if key not in ("model", "messages")} == {
        "max_completion_tokens": 5
    }


@pytest.mark.parametrize(
    "reply",
    [
        b"<html>",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [null]}',
        b"[" * 100_000,
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": "not JSON"}}]}',
        b'{"choices": [{"message": {"content": "{\\"n\\": \\"3\\"}"}}]}',
        b'{"choices": [{"message": {"content": "{\\"n\\": NaN}"}}]}',
        b'{"choices": [{"finish_reason": "length", "message": {"content": "{\\"n\\": 3}"}}]}',
    ],
)
@pytest.mark.slow
def test_malformed_replies_are_asked_for_anew_and_never_kept(endpoint: Any, llm: dict[str, Any], reply: bytes) -> None:
    endpoint.script = [endpoint.send(reply)] * 3
    with pytest.raises(MalformedReplyError, match="3 malformed replies"):
        ask(llm, schema=SCHEMA)
    endpoint.script = [endpoint.send(reply)]
    endpoint.content = lambda body: '{"n": 3}'
    assert ask(llm, schema=SCHEMA).parsed == {"n": 3}
    assert len(endpoint.bodies) == 5


def test_a_seed_moves_on_after_a_malformed_reply(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.send(b"{}")]
    ask({**llm, "seed": 5})
    assert [body["seed"] for body in endpoint.bodies] == [5, 6]


def test_a_refusal_is_no_reply(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.say(None, refusal="I will not"), endpoint.say("", finish="content_filter")]
    with pytest.raises(RefusalError, match="I will not"):
        ask(llm)
    with pytest.raises(RefusalError, match="content filter"):
        ask(llm)
    assert ask(llm).cached is False


def test_a_huge_reply_is_not_read_to_its_end(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.say("x" * 10_000_000)]
    with pytest.raises(InfrastructureError, match="over 1048576 bytes"):
        ask(llm)


def test_concurrency_is_bounded_over_threads_loops_and_models(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.delay = 0.05
    bounded = {**llm, "concurrency": 3}

    async def many(name: str) -> None:
        model = make_chat_model({**bounded, "model": name})
        requests = [ChatRequest(({"role": "user", "content": f"{number}"},)) for number in range(5)]
        await asyncio.gather(*(model.complete(request) for request in requests))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: asyncio.run(many(name)), ["a", "b", "c", "d"]))
    assert len(endpoint.bodies) == 20
    assert endpoint.most_in_flight == 3
    with pytest.raises(UserInputError, match="in use with 3"):
        make_chat_model({**llm, "concurrency": 4})


def test_cancelling_the_caller_frees_the_slot(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.hang]
    single = {**llm, "concurrency": 1, "request_seconds": 30.0}

    async def impatient() -> None:
        model = make_chat_model(single)
        waiting = asyncio.ensure_future(model.complete(ChatRequest(({"role": "user", "content": "a"},))))
        assert await asyncio.to_thread(endpoint.arrived.wait, 20)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(impatient())
    started = time.monotonic()
    assert ask(single, "b").content == "ok"
    assert time.monotonic() - started < 25
    assert len(endpoint.bodies) == 2


@pytest.mark.slow
def test_a_forked_child_gets_connections_of_its_own(endpoint: Any, llm: dict[str, Any]) -> None:
    ask(llm, "parent")
    child = os.fork()
    if child == 0:
        try:
            gc.collect()  # what is not kept would be closed, in the parent's epoll set, too
            os._exit(0 if ask(llm, "child").content == "ok" else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    started = time.monotonic()
    assert ask(llm, "parent again").content == "ok"
    assert time.monotonic() - started < 15


def test_the_budget_stops(endpoint: Any, llm: dict[str, Any]) -> None:
    poor = {**llm, "budget": {"usd": 0.0004}}
    ask(poor, "one")
    ask(poor, "two")
    with pytest.raises(BudgetSpentError, match=r"budget.usd=0.0004 is spent \(0.00048\)"):
        ask(poor, "three")
    assert len(endpoint.bodies) == 2
    assert ask(poor, "one").cached  # what was paid for is still there
    with pytest.raises(BudgetSpentError, match="tokens=220"):
        ask({**llm, "budget": {"tokens": 220}}, "three")


def test_a_budget_needs_usage(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.usage = None
    assert ask(llm).usage.tokens == 0
    with pytest.raises(UserInputError, match="reports no usage"):
        ask({**llm, "budget": {"tokens": 5}}, "again")


def everything_written(error: BaseException) -> str:
    """An error with all that hangs on it, as a crash report would show it; this file's own variables aside."""
    texts = []
    seen: BaseException | None = error
    while seen is not None:
        frames = [frame for frame, _ in traceback.walk_tb(seen.__traceback__) if frame.f_code.co_filename != __file__]
        assert frames
        texts += [repr(seen), str(vars(seen)), *(str(frame.f_locals) for frame in frames)]
        seen = seen.__cause__ or seen.__context__
    return "".join(texts)


def test_the_key_is_nowhere(
    endpoint: Any, llm: dict[str, Any], caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"key {endpoint.key} is wrong"
    endpoint.script = [endpoint.fail(500, echo), endpoint.fail(401, echo)]
    with pytest.raises(UserInputError) as refused:
        ask(llm)
    endpoint.script = [endpoint.fail(429, echo, headers={"Retry-After": "3600"})]
    with pytest.raises(InfrastructureError) as failed:
        ask({**llm, "temperature": 0.1})
    quiet = {**llm, "base_url": llm["base_url"].replace("127.0.0.1", "localhost")}
    endpoint.content = lambda body: f"you sent {endpoint.key}"
    reply = ask(quiet)
    assert reply.content == "you sent [redacted]"
    model = make_chat_model(quiet)
    texts = [everything_written(refused.value), everything_written(failed.value), repr(model), str(vars(model))]
    texts += [record.getMessage() + str(vars(record)) for record in caplog.records]
    files = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(caplog.records) > 5 and len(files) >= 2
    assert [text for text in texts + files if endpoint.key in text] == []


def test_an_error_with_status_200_is_that_error(endpoint: Any, llm: dict[str, Any]) -> None:
    busy = {"error": {"message": "too many requests", "code": 429}, "usage": endpoint.usage}
    endpoint.script = [endpoint.send(json.dumps(busy).encode())] * 5
    reply = ask(llm)
    assert (reply.content, reply.usage.retries, reply.usage.prompt_tokens) == ("ok", 5, 600)
    rows = make_chat_model(llm).metrics()
    assert rows["llm/judge-1/chat/prompt_tokens"] == 600.0  # what was reported was spent
    endpoint.script = [endpoint.send(b'{"error": {"message": "who are you", "code": 401}}')]
    with pytest.raises(UserInputError, match="who are you"):
        ask(llm, "two")
    endpoint.script = [endpoint.send(b'{"detail": "asleep"}')] * 3
    with pytest.raises(MalformedReplyError, match="asleep"):
        ask(llm, "three")


def test_less_is_asked_for_where_less_is_left(endpoint: Any, llm: dict[str, Any]) -> None:
    words = "This model's maximum context length is 4096 tokens and your request has 4000 input tokens"
    endpoint.script = [endpoint.fail(400, words)]
    ask(llm, "one")
    ask(llm, "two")
    assert [body["max_tokens"] for body in endpoint.bodies] == [1024, 96, 1024]
    # A limit of its own is kept in mind.
    endpoint.script = [endpoint.fail(400, "Range of max_tokens should be [1, 512]")]
    ask(llm, "three")
    ask(llm, "four")
    assert [body["max_tokens"] for body in endpoint.bodies[3:]] == [1024, 512, 512]
    endpoint.script = [endpoint.fail(400, "Please reduce the length of the messages or completion.")] * 20
    with pytest.raises(ContextFullError, match="reduce the length"):
        ask(llm, "five")
    assert len(endpoint.bodies) < 14


def test_a_long_pause_is_named_and_not_waited_for(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.fail(429, "tomorrow", headers={"Retry-After": "86400"})]
    started = time.monotonic()
    for _ in range(2):
        with pytest.raises(InfrastructureError, match=r"wants no request for 86400 s \(Retry-After\).*tomorrow"):
            ask(llm)
    assert len(endpoint.bodies) == 1 and time.monotonic() - started < 20
    # It is asked again when the time of a request is over, whatever it said.
    quick = {**llm, "base_url": llm["base_url"].replace("127.0.0.1", "localhost"), "budget_seconds": 0.5}
    endpoint.script = [endpoint.fail(429, "tomorrow", headers={"Retry-After": "86400"})]
    with pytest.raises(InfrastructureError, match="86400"):
        ask(quick)
    time.sleep(0.6)
    assert ask(quick).content == "ok"


def test_a_bound_that_nobody_asked_for_gives_way(endpoint: Any, llm: dict[str, Any]) -> None:
    usual = make_chat_model(llm)
    assert usual.endpoint.concurrency == 32  # type: ignore[attr-defined]
    make_chat_model({**llm, "concurrency": 3})
    make_chat_model({**llm, "model": "other"})
    assert usual.endpoint.concurrency == 3  # type: ignore[attr-defined]
    with pytest.raises(UserInputError, match="in use with 3"):
        make_chat_model({**llm, "concurrency": 4})


def test_content_in_parts(endpoint: Any, llm: dict[str, Any]) -> None:
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "4"}, "2", {"type": "image_url"}]
    endpoint.script = [endpoint.say(parts), endpoint.say(parts)]
    assert ask(llm).content == "42"
    reply = ask(llm, "two", verbatim=True)
    assert (reply.content, reply.reasoning) == ("42", "Hm.")
