"""``verl-agentic report RUN_DIR``: write the report of a run, finished or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from verl_agentic.report import build_report, print_summary, write_report
from verl_agentic.store import Store, store_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("run_dir", type=Path, help="folder of the run")
    parser.add_argument("--store", metavar="URL", help="database URL of the run's store (default: the one in RUN_DIR)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: RUN_DIR)")


def run(arguments: argparse.Namespace) -> int:
    """Write ``report.json`` and ``report.html``, print a summary; return the exit status.

    Raises:
        UserInputError: there is no store, or the folder cannot be written to.
        InfrastructureError: the store failed.
    """
    with Store(arguments.store or store_url(arguments.run_dir), create=False) as store:
        report = build_report(store, arguments.run_dir)
    paths = write_report(report, arguments.out or arguments.run_dir)
    print_summary(report)
    for path in paths:
        print(path)
    return 0
