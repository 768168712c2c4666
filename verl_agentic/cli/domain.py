"""``verl-agentic domain``: list, show, check and begin domains of natural-language tasks."""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.domains import BusinessDomain, DomainError, domain_folders, edition_of, load_domain
from verl_agentic.domains.editions import make_edition
from verl_agentic.domains.library import FOLDERS
from verl_agentic.synthesis.domains.check import CHECKED_EDITIONS, check_domain, check_editions
from verl_agentic.synthesis.domains.copies import copied_rules
from verl_agentic.synthesis.domains.document import SIZES, policy_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")

    listed = actions.add_parser("ls", help="list the domains")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    listed.set_defaults(action=_ls)

    show = actions.add_parser("show", help="show what a domain is made of, or its policy document")
    show.add_argument("domain", metavar="DOMAIN", help="name or folder of a domain")
    show.add_argument("--policy", choices=SIZES, metavar="SIZE", help=f"the document instead: {', '.join(SIZES)}")
    show.add_argument("--edition", type=int, default=0, metavar="N", help="of the figures (default: 0)")
    show.set_defaults(action=_show)

    check = actions.add_parser("check", help="check domains: files, names, and every leaf by playing it")
    check.add_argument("domains", nargs="*", metavar="DOMAIN", help="names or folders (default: all)")
    check.add_argument(
        "--editions",
        type=int,
        default=CHECKED_EDITIONS,
        metavar="N",
        help=f"how many are played leaf by leaf (default: {CHECKED_EDITIONS}); of the others only the records are made",
    )
    check.set_defaults(action=_check)

    new = actions.add_parser("new", help="begin a domain: a small one that works, to be rewritten")
    new.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet")
    new.set_defaults(action=_new)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit status, 1 where a domain is unfit.

    Raises:
        UserInputError: there is no such domain, or a file of it is wrong.
        InfrastructureError: a world or the reward failed.
    """
    return int(arguments.action(arguments))


def _ls(arguments: argparse.Namespace) -> int:
    for name in domain_folders():
        row = _summary(load_domain(name))
        if arguments.json:
            print(json.dumps(row))
        else:
            kept = f"  ({row['kept_for']})" if row["kept_for"] else ""
            print(
                f"{row['sector']:16} {row['name']:24} {row['tables']:2} tables {row['tools']:3} tools "
                f"{row['workflows']:2} workflows {row['leaves']:3} leaves{kept}"
            )
    return 0


def _summary(domain: BusinessDomain) -> dict[str, Any]:
    leaves = [leaf for flow in domain.workflows.values() for leaf in flow.leaves().values()]
    return {
        "name": domain.name,
        "sector": domain.sector,
        "title": domain.title,
        "kept_for": domain.kept_for,
        "tables": len(domain.tables),
        "tools": len(domain.tools) + len(domain.user_tools),
        "workflows": len(domain.workflows),
        "leaves": len(leaves),
        "verdicts": dict(Counter(leaf.verdict for leaf in leaves)),
        "folder": str(domain.folder),
    }


def _show(arguments: argparse.Namespace) -> int:
    domain = load_domain(arguments.domain)
    edition = make_edition(domain, arguments.edition)
    if arguments.policy:
        print(policy_document(edition, list(domain.workflows.values()), arguments.policy))
        return 0
    print(f"{domain.title} ({domain.sector}), edition {edition.number}: {edition.company}, {edition.today}")
    for name, table in domain.tables.items():
        print(f"  table {name}: {len(edition.rows[name])} rows; {', '.join(one.name for one in table.columns)}")
    for tool in [*domain.tools.values(), *domain.user_tools.values()]:
        kind = "writes" if tool.writes else "reads"
        print(f"  tool {tool.name}({', '.join(one.name for one in tool.arguments)}) {kind}: {tool.description}")
    for flow in domain.workflows.values():
        leaves = ", ".join(f"{leaf.leaf} ({leaf.verdict})" for leaf in flow.leaves().values())
        print(f"  workflow {flow.name}: {flow.title}: {leaves}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    if arguments.editions < 1:
        raise UserInputError("--editions must be at least 1")
    unfit = 0
    for name in arguments.domains or domain_folders():
        try:
            domain = load_domain(name)
            edition_of(domain.name, 0) if name in domain_folders() else make_edition(domain, 0)
        except DomainError as error:
            print(f"{name}: unfit\n  {error}")
            unfit += 1
            continue
        report = check_domain(domain, arguments.editions)
        report.problems += [*check_editions(domain), *copied_rules(domain)]
        counts = report.counts
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("allow", "deny", "transfer"))
        print(
            f"{name}: {'unfit' if report.problems else 'fit'}: {counts['tables']} tables, {counts['tools']} tools, "
            f"{counts['workflows']} workflows, {counts['leaves']} leaves ({verdicts}), {counts['rows']} rows, "
            f"{counts['words']} words; {report.played} leaves played"
        )
        for problem in report.problems:
            print(f"  {problem}")
        for remark in report.remarks:
            print(f"  remark: {remark}")
        unfit += bool(report.problems)
    return 1 if unfit else 0


def _new(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    if folder.exists():
        raise UserInputError(f"{folder} exists already; give another folder")
    source = domain_folders()["electronics_shop"]
    try:
        shutil.copytree(source, folder)
    except OSError as error:
        raise UserInputError(f"cannot write {folder}: {error}") from error
    print(f"{folder}: a domain that works; rewrite its files, then: verl-agentic domain check {folder}")
    print(f"Tasks of it: {FOLDERS}={folder} and kinds=[domain]")
    return 0
