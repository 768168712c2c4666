"""The tasks of a business domain of one's own, which my_domain.yaml describes. Run it to check it."""

from pathlib import Path

from verl_agentic.synthesis.trees import TreeFamily, read_tree


class LibraryFamily(TreeFamily):
    """Loans of a library, and what the built-in operators make of them."""

    kind = "library"

    def __init__(self):
        super().__init__([read_tree(Path(__file__).with_name("my_domain.yaml"))])


if __name__ == "__main__":
    from random import Random

    from verl_agentic.contracts import check_family

    family = LibraryFamily()
    for message in family.generate(family.structures("train")[0], Random(0)).messages:
        print(f"{message['role']}: {message['content']}")
    print({split: len(family.structures(split)) for split in ("train", "validation", "held_out")})
    print(f"contract kept: the expert solved {check_family(family, structures=6)} tasks")
