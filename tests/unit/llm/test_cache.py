"""Replies and usage on disk: across processes, kills and the size bound."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.core.chat import ChatReply, ChatRequest, ChatUsage, make_chat_model
from verl_agentic.llm.cache import ReplyCache, reply_key
from verl_agentic.llm.ledger import Ledger
from verl_agentic.llm.settings import Budget

PROGRAM = """
import asyncio, json, os, signal, sys
from verl_agentic.core.chat import ChatRequest, make_chat_model
request = ChatRequest(({"role": "user", "content": "hello"},), purpose="test")
reply = asyncio.run(make_chat_model(json.loads(sys.argv[1])).complete(request))
print(reply.content, reply.cached, flush=True)
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def ask(llm: dict[str, Any], text: str = "hello", **options: Any) -> ChatReply:
    request = ChatRequest(({"role": "user", "content": text},), **options)
    return asyncio.run(make_chat_model(llm).complete(request))


@pytest.mark.slow
def test_replies_and_usage_survive_a_kill(endpoint: Any, llm: dict[str, Any]) -> None:
    def run(end: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-X", "dev", "-c", PROGRAM, json.dumps(llm), end]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    killed = run("die")
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "ok False\n")
    again = run("live")
    # asyncio's development mode tells of steps that took long, as they do on a busy machine.
    complaints = [line for line in again.stderr.splitlines() if not line.startswith("Executing <")]
    assert (again.returncode, again.stdout, complaints) == (0, "ok True\n", [])
    assert len(endpoint.bodies) == 1
    counters = {
        name.rpartition("/")[2]: value
        for name, value in make_chat_model(llm).metrics().items()
        if name.startswith("llm/judge-1/test/")
    }
    assert counters == {
        "requests": 1,
        "cache_hits": 1,
        "prompt_tokens": 100,
        "cached_tokens": 40,
        "completion_tokens": 10,
        "cost": pytest.approx((60 * 2.0 + 40 * 0.5 + 10 * 10.0) / 1e6),
    }


def test_equal_requests_share_a_reply_and_no_others_do(endpoint: Any, llm: dict[str, Any]) -> None:
    assert ask(llm).usage == ChatUsage(100, 40, 10, 0.00024)
    again = ask(llm)
    assert (again.cached, again.usage) == (True, ChatUsage())
    others: list[dict[str, Any]] = [
        {"text": "bye"},
        {"sample": 1},
        {"temperature": 0.5},
        {"max_tokens": 9},
        {"seed": 1},
        {"llm": {**llm, "model": "judge-2"}},
        {"llm": {**llm, "extra_body": {"top_k": 1}}},
    ]
    for other in others:
        assert not ask(**{"llm": llm, **other}).cached
    assert not ask({**llm, "cache": None}).cached
    assert len(endpoint.bodies) == 2 + len(others)


def test_a_nonce_is_no_part_of_the_request() -> None:
    def key(nonce: str) -> str:
        body = {"messages": [{"role": "user", "content": f"{nonce}\ndata\n{nonce}"}]}
        return reply_key("http://a", body, None, 0, nonce)

    assert key("0f" * 16) == key("e1" * 16)
    assert key("0f" * 16) != reply_key("http://a", {"messages": []}, None, 0, "")


def test_unusable_replies_are_paid_for(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.say("")]
    assert ask(llm).usage.tokens == 220
    assert make_chat_model(llm).metrics()["llm/judge-1/chat/requests"] == 2


def test_the_size_is_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.db", 200_000)
    for number in range(300):
        cache.put(f"{number:064}", "x" * 2000)
    kept = [number for number in range(300) if cache.get(f"{number:064}")]
    assert kept == list(range(kept[0], 300))
    assert 40 <= len(kept) <= 100
    assert (tmp_path / "replies.db").stat().st_size < 400_000


@pytest.mark.slow
def test_many_processes_write_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from verl_agentic.core.chat import ChatUsage\n"
        "from verl_agentic.llm.cache import ReplyCache; from verl_agentic.llm.ledger import Ledger\n"
        "from verl_agentic.llm.settings import Budget\n"
        "cache, ledger = ReplyCache(Path('replies.db'), 1 << 20), Ledger(Path('usage.db'), Budget())\n"
        "for n in range(20):\n"
        "    cache.put(f'{sys.argv[1]}-{n}', 'text'); ledger.add('m', 'p', ChatUsage(2, 1, 3, 0.5))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(n)], cwd=tmp_path) for n in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    cache = ReplyCache(tmp_path / "replies.db", 1 << 20)
    assert all(cache.get(f"{process}-{n}") == "text" for process in range(2) for n in range(20))
    row = Ledger(tmp_path / "usage.db", Budget()).rows()["m", "p"]
    assert (row["requests"], row["prompt_tokens"], row["cost"]) == (40, 80, 20.0)


def test_a_ledger_in_memory_counts_for_all_threads() -> None:
    ledger = Ledger(None, Budget())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.add("m", f"p{n % 2}", ChatUsage(1, 0, 1, 0.25)), range(200)))
    assert [ledger.rows()["m", name]["cost"] for name in ("p0", "p1")] == [25.0, 25.0]


def test_a_file_that_cannot_be(tmp_path: Path, llm: dict[str, Any]) -> None:
    wrong = tmp_path / "text.db"
    wrong.write_text("this is no database " * 100)
    for key in ("cache", "ledger"):
        with pytest.raises(UserInputError, match=rf"agentic.llm.{key}.*text.db cannot be used"):
            make_chat_model({**llm, key: str(wrong)})
    with pytest.raises(UserInputError, match="cannot be used"):
        make_chat_model({**llm, "cache": "/proc/none/replies.db"})


def test_a_cache_that_fails_costs_no_reply(
    endpoint: Any, llm: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    ask(llm)
    with sqlite3.connect(llm["cache"]) as other:
        other.execute("DROP TABLE replies")
    assert ask(llm, "other").content == "ok"
    assert "agentic.llm.cache cannot be read" in caplog.text and "agentic.llm.cache cannot be written" in caplog.text
