"""The three projects of the invented person, as they are before the first session."""

# The projects' files are written as they are.
# ruff: noqa: E501

from __future__ import annotations

from maker.writer import Project

SHOP = {
    "CLAUDE.md": """# Shop

A small web shop: a Python API (`shop/`) and a TypeScript front end (`web/`).

- Prices are integers in cents. Never use floats for money.
- Tests: `pytest -q` for the API, `npx jest` in `web/`.
- Run `ruff check .` and `mypy shop` before a commit.
""",
    "shop/CLAUDE.md": """# API rules

- Every public function has a docstring and type hints.
- Rounding lives in `shop/money.py`, nowhere else.
""",
    "shop/__init__.py": '"""The shop\'s API."""\n',
    "shop/money.py": '''"""Money is an integer number of cents."""

from decimal import ROUND_DOWN, Decimal


def percent_of(cents: int, percent: str) -> int:
    """Take a percentage of an amount."""
    exact = Decimal(cents) * Decimal(percent) / Decimal(100)
    return int(exact.quantize(Decimal(1), rounding=ROUND_DOWN))


def format_cents(cents: int) -> str:
    """Write an amount for people."""
    return f"{cents // 100}.{cents % 100:02d}"
''',
    "shop/cart.py": '''"""A cart: lines of products, a total, discounts."""

from dataclasses import dataclass, field

from shop.money import percent_of


@dataclass
class Line:
    sku: str
    quantity: int
    unit_cents: int

    @property
    def cents(self) -> int:
        return self.quantity * self.unit_cents


@dataclass
class Cart:
    lines: list[Line] = field(default_factory=list)
    discount_percent: str = "0"

    def add(self, sku: str, quantity: int, unit_cents: int) -> None:
        self.lines.append(Line(sku, quantity, unit_cents))

    def subtotal(self) -> int:
        return sum(line.cents for line in self.lines)

    def total(self) -> int:
        subtotal = self.subtotal()
        return subtotal - percent_of(subtotal, self.discount_percent)
''',
    "shop/catalog.py": '''"""The products that can be bought."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    sku: str
    title: str
    unit_cents: int
    stock: int


PRODUCTS = {
    "mug-blue": Product("mug-blue", "Blue mug", 1290, 40),
    "mug-red": Product("mug-red", "Red mug", 1290, 12),
    "tea-mint": Product("tea-mint", "Mint tea, 100 g", 640, 75),
    "pot-iron": Product("pot-iron", "Iron tea pot", 4990, 6),
}


def search(words: str) -> list[Product]:
    """Find products whose title holds every word."""
    wanted = words.lower().split()
    return [p for p in PRODUCTS.values() if all(word in p.title.lower() for word in wanted)]
''',
    "shop/orders.py": '''"""Orders: a cart that was paid."""

from datetime import datetime

from shop.cart import Cart

ORDERS = {}


def place(order_id, cart, at=None):
    at = at or datetime.now()
    ORDERS[order_id] = {"lines": list(cart.lines), "total": cart.total(), "at": at}
    return ORDERS[order_id]


def history(customer):
    return [order for order in ORDERS.values() if order.get("customer") == customer]
''',
    "tests/test_cart.py": """from shop.cart import Cart


def test_total_without_discount():
    cart = Cart()
    cart.add("mug-blue", 2, 1290)
    assert cart.total() == 2580


def test_discount_rounds_half_up():
    cart = Cart(discount_percent="7.5")
    cart.add("tea-mint", 2, 910)
    assert cart.total() == 1683
""",
    "tests/test_money.py": """from shop.money import format_cents, percent_of


def test_percent_of():
    assert percent_of(1000, "10") == 100


def test_format():
    assert format_cents(1205) == "12.05"
""",
    "web/src/cart.ts": """export interface Line {
  sku: string;
  quantity: number;
  unitCents: number;
}

export function subtotal(lines: Line[]): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.unitCents, 0);
}

export function formatCents(cents: number): string {
  return (cents / 100).toFixed(2);
}
""",
    "web/src/checkout.ts": """import { Line, subtotal } from "./cart";

export interface Checkout {
  lines: Line[];
  email: string;
}

export function canPay(checkout: Checkout): boolean {
  return checkout.lines.length > 0 && checkout.email.includes("@");
}

export function payload(checkout: Checkout) {
  return { total: subtotal(checkout.lines), email: checkout.email };
}
""",
    "web/src/cart.test.ts": """import { formatCents, subtotal } from "./cart";

test("subtotal adds lines", () => {
  expect(subtotal([{ sku: "mug-blue", quantity: 2, unitCents: 1290 }])).toBe(2580);
});

test("formats cents", () => {
  expect(formatCents(1205)).toBe("12.05");
});
""",
    "openapi.yaml": """openapi: 3.1.0
info: {title: Shop, version: 1.4.0}
paths:
  /products:
    get:
      parameters:
        - {name: q, in: query, required: false, schema: {type: string}}
      responses: {"200": {description: The products found}}
  /orders:
    post:
      responses: {"201": {description: The order placed}}
""",
}

LEDGER = {
    "CLAUDE.md": """# Ledger

A double-entry ledger in Go, with an importer for bank files in Rust (`importer/`).

- `go test ./...` and `cargo test` must pass before a commit.
- Amounts are int64 minor units.
""",
    "go.mod": "module example.com/ledger\n\ngo 1.25\n",
    "account/account.go": """package account

// Account is a place that money moves between.
type Account struct {
	Name    string
	Balance int64
}

// Apply adds an amount to the balance.
func (a *Account) Apply(amount int64) {
	a.Balance += amount
}
""",
    "journal/journal.go": """package journal

import (
	"errors"

	"example.com/ledger/account"
)

// ErrUnbalanced says that the postings of an entry do not add up to zero.
var ErrUnbalanced = errors.New("unbalanced entry")

// Posting moves an amount to or from an account.
type Posting struct {
	Account *account.Account
	Amount  int64
}

// Post applies an entry.
func Post(postings []Posting) error {
	var sum int64
	for _, posting := range postings {
		posting.Account.Apply(posting.Amount)
		sum += posting.Amount
	}
	if sum != 0 {
		return ErrUnbalanced
	}
	return nil
}
""",
    "journal/journal_test.go": """package journal

import (
	"errors"
	"testing"

	"example.com/ledger/account"
)

func TestUnbalancedLeavesAccountsAlone(t *testing.T) {
	cash := &account.Account{Name: "cash"}
	err := Post([]Posting{{cash, 500}})
	if !errors.Is(err, ErrUnbalanced) {
		t.Fatalf("got %v", err)
	}
	if cash.Balance != 0 {
		t.Errorf("balance changed to %d", cash.Balance)
	}
}
""",
    "report/report.go": """package report

import "fmt"

// Line writes one line of the trial balance.
func Line(name string, balance int64) string {
	return fmt.Sprintf("%-20s %12.2f", name, float64(balance)/100)
}
""",
    "importer/src/lib.rs": """//! Reads bank files: `date;text;amount`.

pub struct Row {
    pub date: String,
    pub text: String,
    pub cents: i64,
}

pub fn parse_amount(text: &str) -> Option<i64> {
    let value: f64 = text.replace(',', ".").parse().ok()?;
    Some((value * 100.0) as i64)
}

pub fn parse_row(line: &str) -> Option<Row> {
    let mut parts = line.split(';');
    let date = parts.next()?.to_string();
    let text = parts.next()?.to_string();
    let cents = parse_amount(parts.next()?)?;
    Some(Row { date, text, cents })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_cents() {
        assert_eq!(parse_amount("19,99"), Some(1999));
        assert_eq!(parse_amount("1,15"), Some(115));
    }

    #[test]
    fn rejects_text() {
        assert_eq!(parse_amount("abc"), None);
    }
}
""",
}

NOTES = {
    "CLAUDE.md": "# Notes\n\nMarkdown notes, the weekly review, and shared skills. Plain English, short sentences.\n",
    "README.md": "# Notes\n\n- `weekly/` reviews\n- `howto/` guides\n- `.claude/skills/` skills used in all projects\n",
    "weekly/2026-w37.md": "# Week 37\n\n- Shop: search by words\n- Ledger: trial balance\n",
    "howto/backup.md": "# Back up the laptop\n\n1. Plug in the disk.\n2. Run `restic backup ~/`.\n3. Check with `restic check`.\n",
    ".claude/skills/weekly-review/SKILL.md": """---
name: weekly-review
description: Write the weekly review from git logs and notes. Use on Fridays or when the user asks for a review.
---

# Weekly review

1. Read the last review in `weekly/`.
2. Run `git log --since="7 days ago" --oneline` in each project.
3. Write `weekly/<year>-w<week>.md`: what was done, what is open, one thing learned.

Keep it under 30 lines. See https://example.com/weekly for the template.
""",
}


def projects() -> dict[str, Project]:
    """Give fresh copies of the three projects."""
    made = {}
    for name, files in (("shop", SHOP), ("ledger", LEDGER), ("notes", NOTES)):
        project = Project(name)
        project.files = {project.full(path): text for path, text in files.items()}
        made[name] = project
    return made
