"""Verdicts per second of the SQL reward, and near misses that it lets through, beside BIRD's way of checking.

``python -m benchmarks.sql_reward``; the last line is one JSON object. The peer is what BIRD's evaluation and the
executors made after it do: a process for each query, ended after a timeout, that opens the database file, executes
prediction and reference, and compares ``set(rows) == set(rows)``; two of them at a time, on the same inputs. Without
the process (BIRD's own script keeps a pool of two, and a thread for each query that nothing can stop) it is faster;
that figure is among the details.
"""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, report
from verl_agentic.databases import Limits, QueryRefusedError, open_database
from verl_agentic.reward_fns.sql import Match, compute_score
from verl_agentic.reward_fns.sql.compare import difference
from verl_agentic.reward_fns.sql.draw import RowDrawer
from verl_agentic.reward_fns.sql.order import expected_groups
from verl_agentic.reward_fns.sql.states import StateSet, generate_states

SCHEMA = [
    "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL, born DATE, country TEXT)",
    "CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER REFERENCES author(id), "
    "pages INTEGER CHECK(pages > 0), price REAL)",
    "CREATE TABLE loan(id INTEGER PRIMARY KEY, book_id INTEGER NOT NULL REFERENCES book(id), day DATE, days INTEGER)",
]
QUERIES = [
    "SELECT title FROM book WHERE pages > 300 AND price <= 9.5 ORDER BY pages DESC, title LIMIT 3",
    "SELECT COUNT(*) FROM author WHERE country = 'France'",
    "SELECT a.name, COUNT(*) FROM author a JOIN book b ON a.id = b.author_id GROUP BY a.id HAVING COUNT(*) > 1",
    "SELECT DISTINCT country FROM author WHERE born > '1950-01-01'",
    "SELECT name FROM author WHERE id NOT IN (SELECT author_id FROM book WHERE author_id IS NOT NULL)",
    "SELECT AVG(price) FROM book WHERE title LIKE 'The%'",
    "SELECT title, price * 2 FROM book WHERE price BETWEEN 5 AND 10",
    "SELECT b.title, l.day FROM book b JOIN loan l ON b.id = l.book_id WHERE l.days >= 14 ORDER BY l.day",
    "SELECT b.title FROM book b LEFT JOIN loan l ON b.id = l.book_id WHERE l.id IS NULL",
    "SELECT country, MAX(born) FROM author WHERE country IS NOT NULL GROUP BY country",
    "SELECT SUM(l.days) FROM loan l JOIN book b ON b.id = l.book_id WHERE b.pages < 200 OR b.price > 20",
    "SELECT MIN(pages) FROM book WHERE author_id = 3",
    "SELECT name FROM author ORDER BY born LIMIT 1",
    "SELECT a.country, AVG(b.pages) FROM author a JOIN book b ON b.author_id = a.id GROUP BY a.country",
    "SELECT COUNT(DISTINCT author_id) FROM book WHERE price > 12",
    "SELECT title FROM book WHERE pages > (SELECT AVG(pages) FROM book)",
]
ROLLOUTS = 16
TIMEOUT_SECONDS = 5.0
ROUNDS = 5
LARGE = Limits(rows=20_000, instructions=20_000_000, seconds=10.0)

Item = tuple[int, str]


def right(truth: dict[str, Any], answer: str) -> bool:
    """Our verdict."""
    return compute_score("sql", f"<answer>{answer}</answer>", truth)["acc"] == 1.0


def warm(_: int) -> bool:
    """Import what a process imports once."""
    states: list[Any] = [{}, {}]
    return right({"sql": "SELECT id FROM loan ORDER BY id", "schema": SCHEMA, "states": states}, "SELECT 1")


def agree(predicted: str, reference: str, files: list[str]) -> bool:
    """BIRD's ``execute_sql``, on each of the files."""
    for file in files:
        connection = sqlite3.connect(file)
        try:
            cursor = connection.cursor()
            cursor.execute(predicted)
            found = cursor.fetchall()
            cursor.execute(reference)
            if set(found) != set(cursor.fetchall()):
                return False
        except sqlite3.Error:
            return False
        finally:
            connection.close()
    return True


def _send(pipe: Any, predicted: str, reference: str, files: list[str]) -> None:
    pipe.send(agree(predicted, reference, files))


def in_a_process(job: tuple[str, str, list[str]]) -> bool:
    """The peer: a process for the query, ended after the timeout."""
    mine, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(theirs, *job))
    process.start()
    theirs.close()
    try:
        return bool(mine.recv()) if mine.poll(TIMEOUT_SECONDS) else False
    except EOFError:
        return False
    finally:
        if process.is_alive():
            process.join(0.05)
            process.kill()
        process.join()
        mine.close()


def in_a_thread(job: tuple[str, str, list[str]]) -> bool:
    """BIRD's script: ``func_timeout`` runs the query in a thread and waits so long for it."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(agree(*job)), daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    return bool(found and found[0])


def write_files(folder: Path, question: int, chosen: StateSet) -> list[str]:
    """The states as database files."""
    files = []
    for number, rows in enumerate(chosen.states):
        file = str(folder / f"{question}-{number}.sqlite")
        with sqlite3.connect(file) as connection:
            for statement in SCHEMA:
                connection.execute(statement)
            for table, table_rows in rows.items():
                if table_rows:
                    holes = ", ".join("?" * len(table_rows[0]))
                    connection.executemany(f"INSERT INTO {table} VALUES ({holes})", table_rows)
        connection.close()
        files.append(file)
    return files


def truly_different(reference: str, texts: list[str]) -> set[str]:
    """Mutants that differ from the reference on larger databases, drawn apart from the states."""
    drawer, rng, found = RowDrawer(SCHEMA, reference, "sqlite"), random.Random(10_007), set()
    for size in (5, 12, 25, 25, 40, 40):
        with open_database("sqlite://", SCHEMA, drawer.draw(rng, size), LARGE) as database:
            result = database.query(reference)
            groups = expected_groups(database, reference, result, "sqlite")
            for text in texts:
                try:
                    if difference(groups, result.columns, database.query(text), Match()) is not None:
                        found.add(text)
                except QueryRefusedError:
                    continue
    return found


def rate(run: Callable[[], list[bool]], count: int) -> tuple[float, list[bool]]:
    """Verdicts per second in one run, and the verdicts."""
    started = time.perf_counter()
    verdicts = run()
    return count / (time.perf_counter() - started), verdicts


def main() -> None:
    """Measure and print."""
    chosen = [generate_states(SCHEMA, query, seed, maximum=10) for seed, query in enumerate(QUERIES)]
    truths = [
        {"sql": query, "schema": SCHEMA, "states": states.states} for query, states in zip(QUERIES, chosen, strict=True)
    ]
    rng = random.Random(0)
    items: list[Item] = []
    for number, (query, states) in enumerate(zip(QUERIES, chosen, strict=True)):
        wrong = sorted(states.killed)
        # A group of rollouts, half of them right, as in the middle of training.
        group = [query] * (ROLLOUTS // 2) + [rng.choice(wrong) for _ in range(ROLLOUTS - ROLLOUTS // 2)]
        items += [(number, text) for text in group]
    with tempfile.TemporaryDirectory() as name:
        files = [write_files(Path(name), number, states) for number, states in enumerate(chosen)]
        jobs = [(text, QUERIES[number], files[number]) for number, text in items]
        judged = [(truths[number], text) for number, text in items]
        rates: list[tuple[float, float, float]] = []
        for _ in range(ROUNDS):  # in turns, since other work on the machine comes and goes
            with multiprocessing.get_context("fork").Pool(2) as pool:
                pool.map(warm, range(4), chunksize=1)
                # Rollouts of one question go to one process, as verl hands them to its reward workers. Each round
                # starts with no database open.
                one, our_verdicts = rate(lambda: pool.starmap(right, judged, chunksize=ROLLOUTS), len(items))
                two, _ = rate(lambda: pool.map(in_a_thread, jobs, chunksize=1), len(jobs))
            with ThreadPoolExecutor(2) as threads:
                three, peer_verdicts = rate(lambda: list(threads.map(in_a_process, jobs)), len(jobs))
            rates.append((one, two, three))
        ours, pooled, peer = (statistics.median(column) for column in zip(*rates, strict=True))
        leaks = {"ours": 0, "bird_one_state": 0, "bird_all_states": 0}
        total = unkilled = equivalent = 0
        for number, states in enumerate(chosen):
            texts = sorted(states.killed) + [mutant.sql for mutant in states.unkilled]
            different = truly_different(QUERIES[number], texts) | set(states.killed)
            total += len(different)
            unkilled += len(states.unkilled)
            equivalent += len(texts) - len(different)
            for text in sorted(different):
                leaks["ours"] += right(truths[number], text)
                leaks["bird_one_state"] += agree(text, QUERIES[number], files[number][:1])
                leaks["bird_all_states"] += agree(text, QUERIES[number], files[number])
    details = {
        "machine": machine("sqlglot", "sqlalchemy") | {"sqlite": sqlite3.sqlite_version},
        "processes": 2,
        "questions": len(QUERIES),
        "verdicts": len(items),
        "rounds": ROUNDS,
        "states_per_question": sum(len(states.states) for states in chosen) / len(chosen),
        "pool_with_threads": round(pooled, 1),
        "verdicts_that_differ": sum(a != b for a, b in zip(our_verdicts, peer_verdicts, strict=True)),
        "mutants_not_equivalent": total,
        "mutants_unkilled": unkilled,
        "mutants_alike_on_large_databases": equivalent,
        "let_through": leaks,
    }
    for key, value in details.items():
        print(f"{key}: {value}")
    what = "verdicts per second on the same queries and states; a process for each query is the peer"
    report("sql_reward", what, "verdicts/s", round(ours, 1), round(peer, 1), details)


if __name__ == "__main__":
    main()
