"""Scripts of the natural register, checked."""

from __future__ import annotations

from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs.users.base import UserCall
from verl_agentic.tool_envs.users.plan import LINES, is_natural, read_plan

ORDER: dict[str, Any] = {"name": "order", "ask": ["order"], "say": "Order A417."}
ACTION: dict[str, Any] = {
    "name": "restart",
    "ask": [["restart"], ["router"]],
    "call": {"name": "restart_router", "arguments": {"wait": 3}},
    "say": "Done. {result}",
}


def test_a_whole_script_is_read() -> None:
    plan = read_plan(
        {
            "facts": [{**ORDER, "known": True, "mistaken": {"say": "A471.", "value": "A471"}}],
            "confirm": "Yes.",
            "change": {"say": "Wait, B2.", "facts": [{**ORDER, "say": ["It is B2.", "B2."], "value": ["B2"]}]},
            "push": ["Please!"],
            "gives_up": "Pity.",
            "next": [{"say": "And my bill?", "facts": [{"name": "bill", "ask": ["bill"], "say": "Bill 9."}]}],
            "actions": [ACTION],
            "lines": {"wait": ["Fine.", "Hm."]},
            "patience": 3,
            "persona": "A baker.",
        }
    )
    first, second = plan.requests
    [fact] = first.facts
    assert (fact.say, fact.values, fact.slip, fact.slip_values) == (("Order A417.",), ("A417",), "A471.", ("A471",))
    assert first.change and first.change.facts[0].say == ("It is B2.", "B2.")
    assert (first.push, first.gives_up, first.done) == (("Please!",), "Pity.", "Thanks.")
    assert (second.say, second.confirm, second.push, second.gives_up) == ("And my bill?", "Yes.", (), "")
    assert plan.actions[0].call == UserCall("restart_router", {"wait": 3}, "Done. {result}")
    assert plan.lines["wait"] == ("Fine.", "Hm.") and plan.lines["unknown"] == LINES["unknown"]
    assert (plan.patience, plan.prose) == (3, {"persona": "A baker."})
    assert [one.name for one in plan.facts()] == ["order", "order", "bill"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ({"facts": [ORDER, ORDER]}, r"user.facts\[1\].name is 'order' again"),
        ({"facts": {}}, None),
        ({"facts": "x"}, "user.facts must be a list"),
        ({"facts": [1]}, r"user.facts\[0\] must be an object"),
        ({"facts": [{**ORDER, "ask": "order"}]}, r"user.facts\[0\].ask must be a list of words"),
        ({"facts": [{**ORDER, "say": []}]}, r"user.facts\[0\].say must be a text or a list of texts"),
        ({"facts": [{**ORDER, "value": 3}]}, r"user.facts\[0\].value must be"),
        ({"facts": [{**ORDER, "known": 1}]}, r"user.facts\[0\].known must be true or false"),
        ({"facts": [{**ORDER, "name": ""}]}, r"user.facts\[0\].name must be a text"),
        ({"facts": [{**ORDER, "mistaken": "A1"}]}, r"user.facts\[0\].mistaken must be an object with .say"),
        ({"facts": [{**ORDER, "mistaken": {"say": "A1", "value": []}}]}, r"user.facts\[0\].mistaken.value must be"),
        ({"confirm": " "}, "user.confirm must be a text, and not empty"),
        ({"change": {"facts": []}}, "user.change must be an object with .say"),
        ({"change": {"say": "Wait.", "facts": [{}]}}, r"user.change.facts\[0\].ask"),
        ({"push": [""]}, "user.push must be a list of texts"),
        ({"gives_up": 3}, "user.gives_up must be a text"),
        ({"done": 3}, "user.done must be a text"),
        ({"patience": 0}, "user.patience must be a whole number"),
        ({"next": {"say": "And?"}}, "user.next must be a list"),
        ({"next": [{"facts": []}]}, r"user.next\[0\] must be an object with .say"),
        ({"next": [{"say": "And?", "push": "no"}]}, r"user.next\[0\].push must be a list"),
        ({"actions": [{}]}, r"user.actions\[0\].ask must be a list of groups"),
        ({"actions": [{**ACTION, "ask": ["restart"]}]}, r"user.actions\[0\].ask must be a list of groups"),
        ({"actions": [{**ACTION, "call": {}}]}, r"user.actions\[0\].call must be an object"),
        ({"actions": [{**ACTION, "call": {"name": "x", "arguments": 1}}]}, r"user.actions\[0\].call.arguments"),
        ({"actions": [{**ACTION, "say": ""}]}, r"user.actions\[0\].say must be a text"),
        ({"actions": [{**ACTION, "name": 1}]}, r"user.actions\[0\].name must be a text"),
        ({"actions": [ACTION, ACTION]}, r"user.actions\[1\].name is 'restart' again"),
        ({"lines": {"bye": ["Bye."]}}, "user.lines.bye is not one of wait, unknown, unclear, out_of_patience"),
        ({"lines": {"wait": "Fine."}}, "user.lines.wait must be a list of texts"),
        ({"lines": []}, None),
        ({"lines": ["x"]}, "user.lines must be an object"),
        ({"persona": 3}, "user.persona must be a text"),
    ],
)
def test_what_is_wrong_is_named(script: dict[str, Any], message: str | None) -> None:
    if message is None:
        read_plan(script)
        return
    with pytest.raises(BrokenTaskError, match=message):
        read_plan(script)


def test_a_hidden_fact_needs_no_words() -> None:
    [fact] = read_plan({"facts": [{"hidden": True, "say": "I dropped it."}]}).requests[0].facts
    assert fact.hidden and fact.ask == () and fact.name == "fact_0"


def test_only_scripts_that_say_so_are_natural() -> None:
    assert is_natural({"hearing": "natural"}) and not is_natural({"facts": []}) and not is_natural(None)
    with pytest.raises(BrokenTaskError, match=r"user.hearing must be \"natural\""):
        is_natural({"hearing": "loud"})
