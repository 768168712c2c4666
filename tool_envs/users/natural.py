"""Stopgap."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from verl_agentic.tool_envs.users import message_acts as acts
from verl_agentic.tool_envs.users.base import UserReply
from verl_agentic.tool_envs.users.script import UserFact, _fact, asked_for

_DONE = re.compile(
    r"\b(?:done|all set|completed|processed|cancell?ed|registered|have (?:now )?\w+ed|has been|anything else)\b", re.I
)


class Natural:
    def __init__(self, data: dict[str, Any]) -> None:
        self.d = data
        self.counts = Counter[str]()
        self.facts: list[tuple[UserFact, dict[str, Any]]] = []
        for i, e in enumerate(data["facts"]):
            self.facts.append((_fact({**e, "say": e["say"][0], "ask": e["ask"]} | {} if True else e, i), dict(e, n=0)))

    def line(self, what: str) -> str:
        l = self.d["lines"][what]
        self.counts[what] += 1
        return str(l[(self.counts[what] - 1) % len(l)])

    def reply(self, raw: str) -> UserReply:
        r = self._r(acts.readable(raw))
        self.counts["replies"] += 1
        if not r.stop and self.counts["replies"] > self.d.get("patience", 20):
            return UserReply(self.line("out_of_patience"), stop=True)
        return r

    def _tell(self, e: dict[str, Any], f: UserFact) -> str:
        f.told = True
        m = e.get("mistaken")
        if m and not e.get("corrected"):
            if e["n"] == 0 and not e["known"]:
                e["n"] += 1
                return str(m["say"])
            e["corrected"] = True
        s = e["say"][e["n"] % len(e["say"])]
        e["n"] += 1
        return str(s)

    def _r(self, m: str) -> UserReply:
        asked = acts.asking_part(m)
        found = asked_for([f for f, _ in self.facts if not f.told], asked)
        if found or (
            asked_for([f for f, _ in self.facts], asked) and not acts.asks_to_confirm(m) and not acts.offers(m)
        ):
            want = found or asked_for([f for f, _ in self.facts], asked)
            return UserReply(" ".join(self._tell(e, f) for f, e in self.facts if f in want))
        c = self.d.get("confirm")
        if c and (acts.asks_to_confirm(m) or acts.offers(m)):
            ch = self.d.get("change")
            if ch and not self.counts["change"]:
                self.counts["change"] += 1
                return UserReply(ch["say"])
            return UserReply(c)
        if acts.refuses(m):
            k = self.counts["arguments"]
            if k >= len(self.d.get("push", [])):
                return UserReply(self.d.get("gives_up", ""), stop=True)
            self.counts["arguments"] += 1
            return UserReply(self.d["push"][k])
        if acts.closes(m) or _DONE.search(m):
            return UserReply(self.d["done"], stop=True)
        if acts.at_work(m):
            return UserReply(self.line("wait"))
        if asked:
            return UserReply(self.line("unknown"))
        if self.counts["unclear"] >= 2:
            return UserReply(self.line("out_of_patience"), stop=True)
        return UserReply(self.line("unclear"))
