"""A domain: one business, as one folder of files.

* ``domain.yaml``: title, sector, companies, roles, locales, days;
* ``tables.yaml``: its data (:mod:`verl_agentic.domains.tables`);
* ``tools.yaml``: ``tools`` of the desk and ``user_tools`` of the customer at home (:mod:`verl_agentic.domains.tools`);
* ``policy.yaml``: its rules in words (:mod:`verl_agentic.domains.rules`);
* ``users.yaml``: what every user knows, and what else they talk about;
* ``workflows/NAME.yaml``: its kinds of request (:mod:`verl_agentic.domains.workflows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from verl_agentic.domains.people import locales
from verl_agentic.domains.resolve import check_names
from verl_agentic.domains.rules import WORDINGS, DomainPolicy, read_policy
from verl_agentic.domains.source import DomainError, YamlPart, read_yaml_file
from verl_agentic.domains.tables import DomainTable, read_tables
from verl_agentic.domains.tools import DomainTool, read_tools
from verl_agentic.domains.workflows import DomainFact, Workflow, read_fact, read_workflow

FILES = ("domain.yaml", "tables.yaml", "tools.yaml", "policy.yaml", "users.yaml")


@dataclass(frozen=True, slots=True)
class BusinessDomain:
    """One business.

    Attributes:
        name: name of its folder.
        sector: the sector it belongs to.
        title: what it is, in a few words.
        companies: names that the business may bear.
        roles: sentences that tell the desk who it is, with ``{company}``.
        locales: of its people (:func:`verl_agentic.domains.people.locales`).
        days: between which dates "today" lies.
        kept_for: the split that all of it is kept for; empty where it is trained on.
        tables: its tables by name, in order.
        tools: tools of the desk by name.
        user_tools: tools of the customer at home, by name.
        policy: its policy.
        facts: what every user knows.
        small_talk: what users say that has nothing to do with it.
        workflows: its kinds of request, by name.
        folder: where it lies.
    """

    name: str
    sector: str
    title: str
    companies: tuple[str, ...]
    roles: tuple[str, ...]
    locales: tuple[str, ...]
    days: tuple[date, date]
    kept_for: str
    tables: Mapping[str, DomainTable]
    tools: Mapping[str, DomainTool]
    user_tools: Mapping[str, DomainTool]
    policy: DomainPolicy
    facts: Mapping[str, DomainFact]
    small_talk: tuple[str, ...]
    workflows: Mapping[str, Workflow]
    folder: Path

    def structures(self) -> tuple[str, ...]:
        """``workflow/leaf`` of every leaf."""
        return tuple(f"{flow.name}/{leaf}" for flow in self.workflows.values() for leaf in flow.leaves())


def read_domain(folder: Path) -> BusinessDomain:
    """Read a domain, and check that all that it names is there.

    Raises:
        DomainError: ``FILE:LINE: what is wrong``, of the first thing that is.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise DomainError(f"{folder / name}:1: is missing; a domain has {', '.join(FILES)} and workflows/*.yaml")
    about = read_yaml_file(folder / "domain.yaml")
    fields = about.fields("kept_for", needed=("title", "sector", "companies", "roles", "locales", "today"))
    tools = read_yaml_file(folder / "tools.yaml").fields("user_tools", needed=("tools",))
    users = read_yaml_file(folder / "users.yaml").fields("facts", needed=("small_talk",))
    facts = {
        key: read_fact(key, entry) for key, entry in (users["facts"].entries().items() if "facts" in users else ())
    }
    files = sorted((folder / "workflows").glob("*.yaml"))
    if not files:
        raise DomainError(f"{folder / 'workflows'}:1: holds no workflow, NAME.yaml")
    domain = BusinessDomain(
        name=folder.name,
        sector=fields["sector"].text(),
        title=fields["title"].text(),
        companies=fields["companies"].texts(WORDINGS),
        roles=_roles(fields["roles"]),
        locales=_locales(fields["locales"]),
        days=_days(fields["today"]),
        kept_for=fields["kept_for"].choice("validation", "held_out") if "kept_for" in fields else "",
        tables=read_tables(read_yaml_file(folder / "tables.yaml")),
        tools=read_tools(tools["tools"]),
        user_tools=read_tools(tools["user_tools"]) if "user_tools" in tools else {},
        policy=read_policy(read_yaml_file(folder / "policy.yaml")),
        facts=facts,
        small_talk=users["small_talk"].texts(6),
        workflows={file.stem: read_workflow(file.stem, read_yaml_file(file), facts) for file in files},
        folder=folder,
    )
    for workflow in domain.workflows.values():
        check_names(
            workflow,
            tables=domain.tables,
            tools=domain.tools,
            user_tools=domain.user_tools,
            policy=domain.policy,
        )
    return domain


def _roles(part: YamlPart) -> tuple[str, ...]:
    roles = part.texts(WORDINGS)
    for role in roles:
        if "{company}" not in role:
            part.wrong(f"does not name the {{company}}: {role!r}")
    return roles


def _locales(part: YamlPart) -> tuple[str, ...]:
    found = part.texts(1)
    for locale in found:
        if locale not in locales():
            part.wrong(f"no addresses for {locale!r}; there are {', '.join(locales())}")
    return found


def _days(part: YamlPart) -> tuple[date, date]:
    try:
        first, last = (date.fromisoformat(one.text()) for one in part.items(2))
    except ValueError:
        part.wrong("must be two dates, [2026-01-05, 2026-11-20]")
    if first > last:
        part.wrong("the second date lies before the first")
    return first, last
