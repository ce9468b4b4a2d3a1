"""DynamoDB's condition and update expressions, as many of their forms as the ledger sends, compiled once and cached.

A form that is not known here is an error, never a guess; every name is a placeholder.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")
Attribute = Mapping[str, Any]  # such as {"S": "DONE"}
Item = Mapping[str, Attribute]
Names = Mapping[str, str]  # the name behind each placeholder #...
Values = Mapping[str, Attribute]  # the value behind each placeholder :...
Test = Callable[[Item, Names, Values], bool]

TOKENS = re.compile(r"[#:]\w+|\w+|<=|>=|\S")
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FUNCTIONS: Mapping[str, Callable[[Attribute | None], bool]] = {
    "attribute_exists": lambda found: found is not None,
    "attribute_not_exists": lambda found: found is None,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled ConditionExpression, with the placeholders it uses."""

    holds: Test
    names: frozenset[str]
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Update:
    """A compiled UpdateExpression, by clause: the placeholders of names, with those of the values they take."""

    sets: tuple[tuple[str, str], ...]
    removals: tuple[str, ...]
    additions: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    values: frozenset[str]

    def applied_to(self, item: Item, names: Names, values: Values) -> dict[str, Attribute]:
        """A changed copy of the item."""
        changed = dict(item)
        for name, value in self.sets:
            changed[names[name]] = values[value]
        for name in self.removals:
            changed.pop(names[name], None)
        for name, value in self.additions:
            changed[names[name]] = _sum(item.get(names[name]), values[value])
        return changed


@lru_cache
def compile_condition(expression: str) -> Condition:
    tokens = TOKENS.findall(expression)
    test = _Parser(tokens).condition()
    return Condition(test, _placeholders("#", tokens), _placeholders(":", tokens))


@lru_cache
def compile_update(expression: str) -> Update:
    tokens = TOKENS.findall(expression)
    parser = _Parser(tokens)
    sets: list[tuple[str, str]] = []
    removals: list[str] = []
    additions: list[tuple[str, str]] = []
    while not parser.at_end():
        match parser.take("SET", "REMOVE", "ADD"):
            case "SET":
                sets += parser.listed(parser.assignment)
            case "REMOVE":
                removals += parser.listed(parser.name)
            case "ADD":
                additions += parser.listed(parser.addition)
    names = (*(name for name, _ in sets + additions), *removals)
    return Update(tuple(sets), tuple(removals), tuple(additions), names, _placeholders(":", tokens))


def _placeholders(sign: str, tokens: list[str]) -> frozenset[str]:
    return frozenset(token for token in tokens if token[0] == sign)


class _Parser:
    """Recursive descent over the tokens of an expression; OR binds weakest, then AND, then NOT."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of these."""
        found = self._taken(*wanted)
        if found is None:
            raise self._unknown()
        return found

    def name(self) -> str:
        return self._placeholder("#")

    def assignment(self) -> tuple[str, str]:
        name, _, value = self.name(), self.take("="), self._placeholder(":")
        return name, value

    def addition(self) -> tuple[str, str]:
        return self.name(), self._placeholder(":")

    def listed(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self._taken(","):
            found.append(one())
        return found

    def condition(self) -> Test:
        test = self._any_of()
        if not self.at_end():
            raise self._unknown()
        return test

    def _any_of(self) -> Test:
        first = self._all_of()
        if not self._taken("OR"):
            return first
        rest = self._any_of()
        return lambda *request: first(*request) or rest(*request)

    def _all_of(self) -> Test:
        first = self._negated()
        if not self._taken("AND"):
            return first
        rest = self._all_of()
        return lambda *request: first(*request) and rest(*request)

    def _negated(self) -> Test:
        if self._taken("NOT"):
            test = self._negated()
            return lambda *request: not test(*request)
        if self._taken("("):
            test = self._any_of()
            self.take(")")
            return test
        return self._function() or self._comparison()

    def _function(self) -> Test | None:
        called = self._taken(*FUNCTIONS)
        if called is None:
            return None
        self.take("(")
        name, function = self.name(), FUNCTIONS[called]
        self.take(")")
        return lambda item, names, values: function(item.get(names[name]))

    def _comparison(self) -> Test:
        name, compare, value = self.name(), COMPARISONS[self.take(*COMPARISONS)], self._placeholder(":")
        return lambda item, names, values: _compared(compare, item.get(names[name]), values[value])

    def _placeholder(self, sign: str) -> str:
        if self.at_end() or self._tokens[self._at][0] != sign:
            raise self._unknown()
        return self.take(self._tokens[self._at])

    def _taken(self, *wanted: str) -> str | None:
        if self.at_end() or self._tokens[self._at] not in wanted:
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _unknown(self) -> ValueError:
        read, rest = self._tokens[: self._at], self._tokens[self._at :]
        return ValueError(f"This form of an expression is not known: {' '.join([*read, '-->', *rest])}")


def _compared(compare: Callable[[Any, Any], bool], left: Attribute | None, right: Attribute) -> bool:
    """False for an attribute that is missing or of another type than the value, whatever the comparison."""
    [(kind, value)] = right.items()
    if left is None or kind not in left:
        return False
    if kind == "S":
        return compare(left[kind], value)
    if kind == "N":
        return compare(int(left[kind]), int(value))
    raise ValueError(f"Only texts and integers are compared here, not {kind}")


def _sum(left: Attribute | None, right: Attribute) -> Attribute:
    """What ADD makes of a number or a set of texts; nothing is an empty one."""
    if "SS" in right:
        return {"SS": sorted({*(left or {"SS": []})["SS"], *right["SS"]})}
    return {"N": str(int((left or {"N": "0"})["N"]) + int(right["N"]))}
