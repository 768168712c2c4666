"""One kind of registry: what is built in, what was registered, and what is found by its path."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.core.named import Registry, imported


def mappings() -> Registry[type[dict[str, int]]]:
    return Registry("mapping", {"plain": dict, "ordered": "collections:OrderedDict"}, base=dict)


def test_what_is_built_in_is_imported_when_it_is_asked_for() -> None:
    found = Registry[type]("mapping", {"none": "no.such.module:Mapping", "ordered": "collections:OrderedDict"})
    assert list(found) == ["none", "ordered"] and "none" in found and len(found) == 2
    assert found.get("ordered") is OrderedDict
    assert found.module_name("none") == "no.such.module"
    with pytest.raises(UserInputError, match="mapping 'none' cannot be imported: No module named 'no'"):
        found.get("none")


def test_what_is_registered_comes_before_what_is_built_in() -> None:
    found = mappings()

    @found.register("plain")
    @found.register("own")
    class Own(dict[str, int]):
        pass

    assert found.get("plain") is Own and found.get("own") is Own
    assert found.items() == [("plain", Own), ("ordered", OrderedDict), ("own", Own)]
    assert found.module_name("own") == __name__
    assert "own" not in mappings()


def test_a_path_is_a_name_and_a_file_only_where_it_may_be(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("class Mine(dict): pass\n")
    found = mappings()
    assert found.get("collections:Counter").__name__ == "Counter"
    assert found.get(f"{file}:Mine", files=True).__name__ == "Mine"
    with pytest.raises(UserInputError, match=r"unknown .*; known: ordered, plain; or give 'package.module:Name'$"):
        found.get(f"{file}:Mine")
    with pytest.raises(UserInputError, match="no such file"):
        found.get(f"{tmp_path}/none.py:Mine", files=True)
    closed = Registry("mapping", {"plain": dict}, paths=False)
    with pytest.raises(UserInputError, match=r"unknown mapping 'collections:Counter'; known: plain$"):
        closed.get("collections:Counter")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("orderd", r"unknown mapping 'orderd' \(did you mean 'ordered'\?\); known: ordered, plain; or give"),
        ("elephant", "unknown mapping 'elephant'; known: "),
        (":Counter", "unknown mapping ':Counter'; known: "),
        ("collections:deque", "mapping 'collections:deque' is not a subclass of builtins.dict"),
        ("collections:none", "mapping 'collections:none' cannot be imported: collections has no 'none'"),
    ],
)
def test_a_wrong_name_is_one_clear_message(name: str, message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        mappings().get(name)


def test_without_a_base_anything_that_can_be_called_is_found() -> None:
    found = Registry[object]("function", {})
    assert found.get("json:dumps")
    with pytest.raises(UserInputError, match=r"function 'string:digits' is neither a class nor a function"):
        found.get("string:digits")
    with pytest.raises(UserInputError, match=r"^unknown function 'dumps'; give 'package.module:Name'$"):
        found.get("dumps")
    assert imported("text", "string:digits") == "0123456789"
