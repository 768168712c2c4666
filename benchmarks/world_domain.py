"""A small shop as a source of worlds gives it: five tables, nested replies, pages, an array as argument."""

from __future__ import annotations

from typing import Any

from verl_agentic.core import Task
from verl_agentic.core.world_data import WorldData
from verl_agentic.tool_envs.world.source import register_world_source

NAME = "benchmark_shop"
ROWS = 500

SCHEMA = [
    "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, email TEXT, address JSON)",
    "CREATE TABLE products (sku TEXT PRIMARY KEY, title TEXT, price REAL, stock INTEGER)",
    "CREATE TABLE orders (id TEXT PRIMARY KEY, customer_id TEXT, status TEXT, placed TEXT, total REAL)",
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id TEXT, sku TEXT, count INTEGER, price REAL)",
    "CREATE TABLE returns (id TEXT PRIMARY KEY, order_id TEXT, skus JSON, amount REAL, at TEXT)",
    "CREATE INDEX orders_by_customer ON orders (customer_id)",
    "CREATE INDEX lines_by_order ON lines (order_id)",
]
ORDER_NEST: dict[str, Any] = {
    "customer?": "SELECT name, email, address FROM customers WHERE id = :customer_id",
    "lines": {
        "sql": "SELECT sku, count, price FROM lines WHERE order_id = :id ORDER BY id",
        "nest": {"product?": "SELECT title, stock FROM products WHERE sku = :sku"},
    },
}
ACTIONS: dict[str, Any] = {
    "find_customer": {
        "sql": "SELECT id, name, email, address FROM customers WHERE email = :email",
        "missing": "There is no customer with the e-mail address {email}.",
    },
    "list_orders": {
        "sql": "SELECT id, status, placed, total FROM orders WHERE customer_id = :customer_id ORDER BY placed DESC, id",
        "page": 5,
    },
    "get_order": {
        "sql": "SELECT * FROM orders WHERE id = :order_id",
        "missing": "There is no order {order_id}.",
        "nest": ORDER_NEST,
    },
    "return_lines": {
        "sql": [
            "UPDATE orders SET status = 'return requested' WHERE id = :order_id",
            "INSERT INTO returns SELECT 'R-' || :new_id, :order_id, :skus, round(sum(count * price), 2), :now "
            "FROM lines WHERE order_id = :order_id AND sku IN (SELECT value FROM json_each(:skus))",
            "SELECT * FROM returns WHERE id = 'R-' || :new_id",
        ],
        "nest": {"order?": "SELECT id, status FROM orders WHERE id = :order_id"},
    },
}
PRECONDITIONS = {
    "return_lines": [
        {
            "sql": "SELECT status = 'delivered' FROM orders WHERE id = :order_id",
            "message": "Order {order_id} has not been delivered.",
        }
    ]
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "find_customer": {"email": {"type": "string"}},
    "list_orders": {"customer_id": {"type": "string"}, "page": {"type": "integer"}},
    "get_order": {"order_id": {"type": "string"}},
    "return_lines": {"order_id": {"type": "string"}, "skus": {"type": "array", "items": {"type": "string"}}},
}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("find_customer", {"email": "c7@example.org"}),
    ("list_orders", {"customer_id": "C7"}),
    ("get_order", {"order_id": "O7"}),
    ("return_lines", {"order_id": "O7", "skus": ["S7", "S17"]}),
    ("get_order", {"order_id": "O7"}),
]
PATCH: list[dict[str, Any]] = [
    {"table": "orders", "op": "update", "where": {"id": "O7"}, "set": {"placed": "2026-03-01", "total": 30.0}},
    {"table": "lines", "op": "insert", "row": {"order_id": "O7", "sku": "S17", "count": 2, "price": 9.5}},
    {"table": "orders", "op": "delete", "where": {"id": "O8"}},
]


@register_world_source(NAME)
def benchmark_shop(domain: str, edition: int) -> WorldData:
    """``ROWS`` rows, nearly half of them lines of orders."""
    products = [[f"S{n}", f"Product {n}", n + 0.5, n % 9] for n in range(ROWS // 10)]
    customers = [
        [f"C{n}", f"Customer {n}", f"c{n}@example.org", f'{{"city": "Rome", "street": "Via {n}"}}']
        for n in range(ROWS // 10)
    ]
    orders = [
        [f"O{n}", f"C{n % len(customers)}", "delivered", f"2026-01-{n % 28 + 1:02}", n + 0.25] for n in range(ROWS // 4)
    ]
    count = ROWS - len(products) - len(customers) - len(orders)
    lines = [[n, f"O{n % len(orders)}", f"S{n % len(products)}", n % 3 + 1, n % 50 + 0.5] for n in range(count)]
    rows = {"customers": customers, "products": products, "orders": orders, "lines": lines}
    return WorldData(SCHEMA, rows, ACTIONS, PRECONDITIONS, now="2026-03-09")


def domain_task(**env_args: Any) -> Task:
    """A task in the shop; ``env_args`` say what it adds."""
    source = {"domain": NAME, "edition": 0, "digest": benchmark_shop(NAME, 0).digest}
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": arguments}}}
        for name, arguments in ARGUMENTS.items()
    ]
    world = {"source": source, "state": "changes", **env_args}
    return Task("shop", [{"role": "user", "content": "Hi."}], tools, "world", world, "state", {})
