import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.tool_envs import ToolError, make_environment
from verl_agentic.tool_envs.search.documents import Document, DocumentFile
from verl_agentic.tool_envs.search.environment import SearchEnvironment, render
from verl_agentic.tool_envs.search.index import SearchIndex, open_index, shared_index, tokens

pytest.importorskip("bm25s")

ANIMALS = [
    {"id": "1", "title": "Otter", "text": "The otter swims and eats fish."},
    {"id": "2", "title": "Eagle", "text": "The eagle flies and eats fish and mice."},
    {"id": "3", "title": "Mole", "text": "The mole digs."},
    {"id": "4", "title": "水獺", "text": "水獺會游泳 也吃魚"},
]


def task(**env_args: Any) -> Task:
    return Task("qa", [{"role": "user", "content": "?"}], [], "search", env_args, "none", None)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    (folder / "more").mkdir(parents=True)
    (folder / "animals.jsonl").write_text("\n".join(map(json.dumps, ANIMALS)) + "\n\n", encoding="utf-8")
    (folder / "more" / "plants.md").write_text("# Oak\nThe oak grows acorns.", encoding="utf-8")
    (folder / "ignored.bin").write_bytes(b"\xff")
    return folder


def ids(index: SearchIndex, query: str, k: int = 3) -> list[str]:
    return [document.id for document in index.search(query, k)]


def test_words_and_pairs_of_ideographs() -> None:
    assert tokens("The OTTER's 2 fish_ponds") == ["the", "otter", "s", "2", "fish_ponds"]
    assert tokens("水獺會游泳 GPU卡") == ["水獺", "獺會", "會游", "游泳", "gpu", "卡"]


def test_the_best_come_first_and_only_those_that_share_a_word(tmp_path: Path, corpus: Path) -> None:
    index = open_index(corpus, tmp_path / "cache")
    assert ids(index, "mice fish") == ["2", "1"]
    assert ids(index, "the mole", 1) == ["3"]
    assert ids(index, "acorns") == ["more/plants.md"]
    assert ids(index, "游泳") == ["4"]
    assert ids(index, "zebra") == ids(index, "...") == ids(index, "") == []
    assert len(ids(index, "the", 100)) == 4
    scores = [document.score for document in index.search("otter fish", 5)]
    assert scores == sorted(scores, reverse=True) and min(scores) > 0


def test_an_index_is_found_again_by_content_and_mapped(tmp_path: Path, corpus: Path) -> None:
    cache = tmp_path / "cache"
    first = open_index(corpus, cache)
    built = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"}
    os.utime(corpus / "animals.jsonl", (1, 1))
    again = open_index(corpus, cache)
    assert built == {path: path.stat().st_mtime_ns for path in built}
    assert ids(first, "fish") == ids(again, "fish") == ["1", "2"]
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert "data.csc.index.npy" in maps and "documents.jsonl" in maps
    (corpus / "more" / "plants.md").write_text("The fish oak.", encoding="utf-8")
    assert "more/plants.md" in ids(open_index(corpus, cache), "fish")
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


@pytest.mark.slow
def test_processes_that_start_together_build_once_and_agree(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    lines = (json.dumps({"id": str(i), "text": f"number {i} of {i % 97}"}) for i in range(3000))
    corpus.write_text("\n".join(lines), encoding="utf-8")
    script = (
        "import sys; from pathlib import Path; from verl_agentic.tool_envs.search import index as s\n"
        "build = s._build\n"
        "def told(*a):\n    print('built'); build(*a)\n"
        "s._build = told\n"
        "print([d.id for d in s.open_index(Path(sys.argv[1]), Path(sys.argv[2])).search('number 41', 2)])"
    )
    command = [sys.executable, "-c", script, str(corpus), str(tmp_path / "cache")]
    root = Path(__file__).parents[4]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(3)]
    said = [process.communicate()[0].splitlines() for process in processes]
    assert sum("built" in lines for lines in said) == 1
    assert {lines[-1] for lines in said} == {said[0][-1]} and said[0][-1].startswith("['41'")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.count(".") and path.suffix != ".lock"]


async def test_sessions_share_one_index(tmp_path: Path, corpus: Path) -> None:
    found = await asyncio.gather(*(shared_index(corpus, tmp_path / "cache") for _ in range(200)))
    assert len(set(map(id, found))) == 1


async def test_a_session_searches_and_bounds_what_it_shows(tmp_path: Path, corpus: Path) -> None:
    env = SearchEnvironment(corpus=str(corpus), cache=str(tmp_path / "cache"), max_chars=100)
    await env.open(task(), 0)
    assert env.tools()[0]["function"]["name"] == "search"
    assert await env.call("search", {"query": "mole", "k": 1}) == "[1] Mole\nThe mole digs."
    assert await env.call("search", {"query": "zebra"}) == "no results"
    both = await env.call("search", {"query": "fish eats"})
    assert len(both) <= 100 and "[1] Otter" in both and "[2] Eagle" in both and "..." not in both.splitlines()[1]
    assert await env.call("search", {"query": "\ud800 mole", "k": 1}) == "[1] Mole\nThe mole digs."
    for query, k in ((None, 1), (" ", 1), (3, 1), ("x" * 1001, 1), ("x", 0), ("x", 11), ("x", True)):
        with pytest.raises(ToolError):
            await env.call("search", {"query": query, "k": k})
    await env.close()


async def test_a_task_brings_its_own_documents() -> None:
    env = make_environment("search")
    await env.open(task(documents=ANIMALS), 0)
    assert await env.call("search", {"query": "digs"}) == "[1] Mole\nThe mole digs."
    await env.close()
    for wrong in ([], "x", [{"id": "1"}], [3]):
        with pytest.raises(BrokenTaskError, match="documents"):
            await SearchEnvironment().open(task(documents=wrong), 0)


def test_long_documents_leave_room_for_others() -> None:
    documents = [Document("1", "Long", "x" * 10_000), Document("2", "Short", "y")]
    shown = render(documents, 400)
    assert len(shown) <= 400 and shown.endswith("[2] Short\ny") and "x..." in shown


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "search.corpus"),
        ({"corpus": "/no/such/folder"}, "search.corpus"),
        ({"corpus": "x", "url": "http://x"}, "both"),
        ({"url": "localhost:8000"}, "search.url"),
        ({"k": 0}, "search.k"),
        ({"k": True}, "search.k"),
        ({"k": 20}, "search.max_k"),
        ({"seconds": float("inf")}, "search.seconds"),
    ],
)
async def test_wrong_options_are_named(options: dict[str, Any], key: str, tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=key):
        await SearchEnvironment(cache=str(tmp_path), **options).open(task(), 0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"{", "a.jsonl:1: not JSON"),
        ("a.jsonl", b'{"text": "x"}\n[]', "a.jsonl:2: a document must be an object"),
        ("a.txt", b"\xff\xfe", "not UTF-8"),
        ("a.jsonl", b'{"text": "..."}', "no words"),
    ],
)
def test_a_broken_corpus_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / name).write_bytes(content)
    with pytest.raises(UserInputError, match=message):
        open_index(tmp_path / "corpus", tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_search_r1_passages_have_their_title_in_the_first_line(tmp_path: Path) -> None:
    line = json.dumps({"id": "7", "contents": '"Otter"\nThe otter swims.'})
    (tmp_path / "wiki.jsonl").write_text(line, encoding="utf-8")
    found = open_index(tmp_path / "wiki.jsonl", tmp_path / "cache").search("swims", 1)
    assert (found[0].id, found[0].title, found[0].text) == ("7", "Otter", "The otter swims.")


def test_documents_are_read_by_number(tmp_path: Path) -> None:
    documents = [Document(str(i), f"t{i}", "é\n" * i) for i in range(5)]
    assert list(DocumentFile.write(tmp_path, iter(documents))) == documents
    read = DocumentFile(tmp_path)
    assert [read[i] for i in range(len(read))] == documents
    with pytest.raises(IndexError):
        read[5]
