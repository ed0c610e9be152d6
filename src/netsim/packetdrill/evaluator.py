"""Runs the `%{ ... }%` blocks of scripts without running Python.

The text is parsed by `ast` and walked by hand; there is no exec, no eval, no attribute, no
subscript, no loop and no call beyond a few arithmetic functions. So the work is bounded by
the size of the text: integers, strings and shifts have limits as well.

Statements: assert, assignment (also `+=` and the like), print, pass, if. Expressions: names,
constants, arithmetic, comparisons (chained), and/or/not, `%` formatting, conditional expressions.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping
from typing import Final

from netsim.packetdrill.names import did_you_mean

Value = int | float | str | tuple["Value", ...] | None

_MAX_TEXT: Final = 20_000
_MAX_BITS: Final = 512
_MAX_STRING: Final = 10_000
_MAX_DEPTH: Final = 60
_FORMAT: Final = re.compile(r"%(?:%|[-+ #0]*([0-9]*)(?:\.([0-9]+))?[a-zA-Z])")
_COMPARISONS: Final = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_FUNCTIONS: Final = ("abs", "max", "min", "print")


class CodeError(Exception):
    """The block cannot be run: not Python, or something that is not allowed. `row` counts from 0."""

    def __init__(self, message: str, row: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.row = row
        self.hint = hint


class AssertionFailed(Exception):
    """An assert does not hold: the assertion as written, its message, and the values of its names."""

    def __init__(self, assertion: str, message: str, values: str, row: int) -> None:
        super().__init__(message or assertion)
        self.assertion = assertion
        self.message = message
        self.values = values
        self.row = row


class Block:
    """A block that was read and may be run many times."""

    __slots__ = ("statements", "text")

    def __init__(self, text: str, statements: list[ast.stmt]) -> None:
        self.text = text
        self.statements = statements


def read_block(text: str) -> Block:
    """Parse a block. Raises CodeError for text that is not Python or goes beyond the limits."""
    if len(text) > _MAX_TEXT:
        raise CodeError(f"a code block has at most {_MAX_TEXT} characters")
    leading = len(text) - len(text.lstrip())
    rows_before = text.count("\n", 0, leading)
    indented = text[text.rfind("\n", 0, leading) + 1 :] if rows_before else text.lstrip()
    source = textwrap.dedent(indented).rstrip()
    if source.endswith("\\"):
        source = source[:-1]
    try:
        # An empty file name: for the message of a syntax error, Python looks for the line in the file of that name.
        module = ast.parse(source + "\n", filename="")
    except SyntaxError as error:
        raise CodeError(f"not a Python statement: {error.msg}", rows_before + max(0, (error.lineno or 1) - 1)) from None
    except (ValueError, RecursionError, MemoryError):
        raise CodeError("this code block is nested too deeply to be read") from None
    for node in ast.walk(module):
        if isinstance(node, ast.stmt | ast.expr):
            node.lineno += rows_before
    return Block(source, module.body)


class Evaluator:
    """Runs blocks one after the other; assigned names live on from block to block.

    constants: the symbols of the system (TCP_CA_Open, ...); printed: what print() wrote.
    """

    def __init__(self, constants: Mapping[str, int]) -> None:
        self._constants = constants
        self._assigned: dict[str, Value] = {}
        self._names: Mapping[str, int] = {}
        self.printed: list[str] = []

    def run(self, block: Block, names: Mapping[str, int]) -> None:
        """Run a block with these names (tcpi_...). Raises AssertionFailed or CodeError."""
        self._names = names
        try:
            self._run_all(block.statements)
        except RecursionError:
            raise CodeError("this code block is nested too deeply to be run") from None
        except ZeroDivisionError:
            raise CodeError("division by zero") from None

    # --- statements ---

    def _run_all(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._run_one(statement)

    def _run_one(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assert):
            self._assert(statement)
        elif isinstance(statement, ast.Assign):
            value = self._eval(statement.value, 0)
            for target in statement.targets:
                self._assign(target, value)
        elif isinstance(statement, ast.AugAssign):
            if not isinstance(statement.target, ast.Name):
                raise self._refuse(statement, "only plain names can be assigned")
            old = self._name(statement.target)
            self._assign(statement.target, self._binary(statement, statement.op, old, self._eval(statement.value, 0)))
        elif isinstance(statement, ast.Expr):
            self._eval(statement.value, 0)
        elif isinstance(statement, ast.If):
            self._run_all(statement.body if self._eval(statement.test, 0) else statement.orelse)
        elif not isinstance(statement, ast.Pass):
            what = type(statement).__name__.lower()
            raise self._refuse(statement, f"'{what}' is not allowed in a code block")

    def _assign(self, target: ast.expr, value: Value) -> None:
        if not isinstance(target, ast.Name):
            raise self._refuse(target, "only plain names can be assigned")
        if len(self._assigned) > 1000:
            raise self._refuse(target, "too many names")
        self._assigned[target.id] = value

    def _assert(self, statement: ast.Assert) -> None:
        if self._eval(statement.test, 0):
            return
        message = ""
        if statement.msg is not None:
            value = self._eval(statement.msg, 0)
            message = value if isinstance(value, str) else repr(value)
        seen: list[str] = []
        for node in ast.walk(statement.test):
            if isinstance(node, ast.Name):
                text = f"{node.id} is {self._name(node)}"
                if text not in seen:
                    seen.append(text)
        raise AssertionFailed(ast.unparse(statement.test), message, ", ".join(seen), statement.lineno - 1)

    # --- expressions ---

    def _eval(self, node: ast.expr, depth: int) -> Value:
        if depth > _MAX_DEPTH:
            raise self._refuse(node, "this expression is nested too deeply")
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Compare):
            return self._compare(node, depth)
        if isinstance(node, ast.BoolOp):
            return self._bool_op(node, depth)
        if isinstance(node, ast.BinOp):
            return self._binary(node, node.op, self._eval(node.left, depth + 1), self._eval(node.right, depth + 1))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, depth)
        if isinstance(node, ast.Tuple):
            return tuple(self._eval(item, depth + 1) for item in node.elts)
        if isinstance(node, ast.IfExp):
            return self._eval(node.body if self._eval(node.test, depth + 1) else node.orelse, depth + 1)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise self._refuse(node, f"'{ast.unparse(node)[:40]}' is not allowed in a code block")

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        if isinstance(value, bool | int):
            return self._limited(node, int(value))
        if value is None or isinstance(value, float | str):
            return value
        raise self._refuse(node, "only numbers and strings are allowed in a code block")

    def _name(self, node: ast.Name) -> Value:
        for known in (self._assigned, self._names, self._constants):
            if node.id in known:
                return known[node.id]
        hint = did_you_mean(node.id, [*self._names, *self._constants, *self._assigned])
        raise self._refuse(node, f"'{node.id}' is not known here", hint or "TCP_INFO's fields are called tcpi_...")

    def _compare(self, node: ast.Compare, depth: int) -> Value:
        left = self._eval(node.left, depth + 1)
        for operator, part in zip(node.ops, node.comparators, strict=True):
            if not isinstance(operator, _COMPARISONS):
                raise self._refuse(node, "only == != < <= > >= compare in a code block")
            right = self._eval(part, depth + 1)
            if not self._holds(node, operator, left, right):
                return 0
            left = right
        return 1

    def _holds(self, node: ast.expr, operator: ast.cmpop, left: Value, right: Value) -> bool:
        if isinstance(operator, ast.Eq):
            return left == right
        if isinstance(operator, ast.NotEq):
            return left != right
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise self._refuse(node, "only numbers can be ordered")
        if isinstance(operator, ast.Lt):
            return left < right
        if isinstance(operator, ast.LtE):
            return left <= right
        return left > right if isinstance(operator, ast.Gt) else left >= right

    def _bool_op(self, node: ast.BoolOp, depth: int) -> Value:
        value: Value = 0
        stop_at = isinstance(node.op, ast.Or)
        for part in node.values:
            value = self._eval(part, depth + 1)
            if bool(value) == stop_at:
                return value
        return value

    def _unary(self, node: ast.UnaryOp, depth: int) -> Value:
        value = self._eval(node.operand, depth + 1)
        if isinstance(node.op, ast.Not):
            return int(not value)
        if isinstance(value, int | float):
            if isinstance(node.op, ast.USub):
                return -value
            if isinstance(node.op, ast.UAdd):
                return value
            if isinstance(value, int):
                return ~value
        raise self._refuse(node, "this operator needs a number")

    def _binary(self, node: ast.AST, operator: ast.operator, left: Value, right: Value) -> Value:
        if isinstance(left, str):
            if isinstance(operator, ast.Mod):
                return self._format(node, left, right)
            if isinstance(operator, ast.Add) and isinstance(right, str) and len(left) + len(right) <= _MAX_STRING:
                return left + right
        elif isinstance(left, int) and isinstance(right, int):
            return self._integer(node, operator, left, right)
        elif isinstance(left, int | float) and isinstance(right, int | float):
            return self._real(node, operator, float(left), float(right))
        raise self._refuse(node, "these two values cannot be combined like this")

    def _integer(self, node: ast.AST, operator: ast.operator, left: int, right: int) -> Value:
        if isinstance(operator, ast.Add):
            result = left + right
        elif isinstance(operator, ast.Sub):
            result = left - right
        elif isinstance(operator, ast.Mult):
            result = left * right
        elif isinstance(operator, ast.BitAnd):
            result = left & right
        elif isinstance(operator, ast.BitOr):
            result = left | right
        elif isinstance(operator, ast.BitXor):
            result = left ^ right
        elif isinstance(operator, ast.FloorDiv):
            result = left // right
        elif isinstance(operator, ast.Mod):
            result = left % right
        elif isinstance(operator, ast.Div):
            return self._real(node, operator, float(left), float(right))
        elif isinstance(operator, ast.LShift | ast.RShift) and 0 <= right <= _MAX_BITS:
            result = left << right if isinstance(operator, ast.LShift) else left >> right
        elif isinstance(operator, ast.Pow) and 0 <= right <= 64 and left.bit_length() <= 64:
            result = int(left**right)
        else:
            raise self._refuse(node, "this operation is not allowed in a code block")
        return self._limited(node, result)

    def _real(self, node: ast.AST, operator: ast.operator, left: float, right: float) -> Value:
        if isinstance(operator, ast.Add):
            return left + right
        if isinstance(operator, ast.Sub):
            return left - right
        if isinstance(operator, ast.Mult):
            return left * right
        if isinstance(operator, ast.Div):
            return left / right
        if isinstance(operator, ast.FloorDiv):
            return left // right
        raise self._refuse(node, "this operation is not allowed on fractions")

    def _limited(self, node: ast.AST, value: int) -> int:
        if value.bit_length() > _MAX_BITS:
            raise self._refuse(node, "this number becomes too large")
        return value

    def _format(self, node: ast.AST, template: str, values: Value) -> str:
        """`"%d" % x`, with limits on the widths."""
        plain = _FORMAT.sub("", template)
        if "%" in plain:
            raise self._refuse(node, "this format is not allowed in a code block")
        for match in _FORMAT.finditer(template):
            if len(match.group(1) or "") > 3 or len(match.group(2) or "") > 3:
                raise self._refuse(node, "this format is too wide")
        try:
            return (template % values)[:_MAX_STRING]
        except (TypeError, ValueError, OverflowError) as error:
            raise self._refuse(node, f"the format does not fit its values: {error}") from None

    def _call(self, node: ast.Call, depth: int) -> Value:
        function = node.func
        if not isinstance(function, ast.Name) or function.id not in _FUNCTIONS or node.keywords:
            raise self._refuse(
                node, f"'{ast.unparse(function)[:40]}' cannot be called here", "allowed are " + ", ".join(_FUNCTIONS)
            )
        values = [self._eval(item, depth + 1) for item in node.args]
        if function.id == "print":
            if len(self.printed) < 10_000:
                self.printed.append(" ".join(str(value) for value in values)[:_MAX_STRING])
            return None
        numbers = [value for value in values if isinstance(value, int)]
        if len(numbers) != len(values) or not numbers:
            raise self._refuse(node, f"{function.id} needs whole numbers")
        if function.id == "abs":
            return abs(numbers[0])
        return max(numbers) if function.id == "max" else min(numbers)

    @staticmethod
    def _refuse(node: ast.AST, message: str, hint: str | None = None) -> CodeError:
        return CodeError(message, max(0, getattr(node, "lineno", 1) - 1), hint)
