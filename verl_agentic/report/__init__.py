"""What a run achieved, as data, as a page and on the terminal."""

from verl_agentic.report.build import build_report
from verl_agentic.report.page import render_html
from verl_agentic.report.terminal import print_summary
from verl_agentic.report.write import REPORT_HTML, REPORT_JSON, write_report

__all__ = ["REPORT_HTML", "REPORT_JSON", "build_report", "print_summary", "render_html", "write_report"]
