"""Style sheet of the report page."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #656d76; --line: #d8dee4; --page: #fff; --card: #f6f8fa;
  --accent: #4c78a8; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --line: #30363d; --page: #0d1117;
  --card: #161b22; --accent: #79a8d9; --good: #3fb950; --bad: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.01em; }
h2 { margin: 2.75rem 0 .9rem; padding-bottom: .35rem; border-bottom: 1px solid var(--line); font-size: 1.2rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: .95rem; }
p { margin: .4rem 0; } .dim { color: var(--dim); font-size: .87rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0; }
.card { flex: 1 1 8rem; padding: .8rem 1rem;
  border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
.card b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.card span { color: var(--dim); font-size: .8rem; }
.notice { padding: .7rem 1rem; border-left: 3px solid #d4a72c; border-radius: 4px; background: var(--card); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 600; text-align: right; white-space: nowrap; }
td { text-align: right; white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
th, td { padding: .4rem .7rem; border-bottom: 1px solid var(--line); }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; } th.text { text-align: left; }
tr.total td { font-weight: 600; }
svg.chart { display: block; width: 100%; height: auto; margin: .5rem 0 1rem; }
.pair { display: flex; flex-wrap: wrap; gap: .5rem 2rem; } .pair > div { flex: 1 1 24rem; max-width: 30rem; }
code { font: .85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
details { margin: .6rem 0; border: 1px solid var(--line); border-radius: 8px; }
summary { padding: .6rem 1rem; cursor: pointer; } summary b { margin-right: .5rem; }
.chat { padding: .25rem 1rem 1rem; }
.message { margin: .55rem 0; padding: .5rem .8rem; border-radius: 8px; background: var(--card);
  border-left: 3px solid var(--line); }
.message i { display: block; color: var(--dim); font: 600 .72rem/1.6 system-ui, sans-serif; letter-spacing: .04em;
  text-transform: uppercase; }
.message pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .82rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.message.assistant { margin-left: 2.5rem; border-left-color: var(--accent); }
.message.user { margin-right: 2.5rem; }
.message.tool { margin-right: 2.5rem; border-left-style: dashed; }
.message.system, .message.note { opacity: .75; }
@media print { body { max-width: none; padding: 0; } details { break-inside: avoid; } }
"""
