"""Mutants of Python functions: one small change of the syntax each, put in place of the code of a loaded module.

Changed are comparisons, operators, constants, conditions, and the names in :data:`SWAPPED`; statements are left out.
What only refuses, asserts or describes is let alone: guards that raise, assertions, messages, annotations.
"""

import ast
import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType

__all__ = ["Mutant", "loaded", "mutants", "plant"]

#: A comparison at its edge, and its opposite.
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
PAIRS = ("min max", "minimum maximum", "argmin argmax", "floor ceil", "any all", "zeros ones", "zeros_like ones_like")
#: Functions that are taken for one another.
SWAPPED = {a: b for pair in PAIRS for a, b in (pair.split(), pair.split()[::-1])} | {"rint": "floor", "trunc": "floor"}
LEFT_OUT = "left out"
#: Keywords that promise something to the reader and change no result.
PROMISES = {"strict", "copy"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A change of a function. what: how the line reads then. site: the node, by its number among the module's; way:
    which of its changes."""

    module: str
    function: str
    line: int
    what: str
    site: int
    way: int


def _only_refuses(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and not node.orelse and all(isinstance(s, ast.Raise) for s in node.body)


def _asserts(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("_assert")


def _target(node: ast.AST) -> str:
    """What a statement assigns to, or calls."""
    match node:
        case ast.Assign(targets=[target, *_]) | ast.AugAssign(target=target):
            return ast.unparse(target).partition("[")[0]
        case ast.Expr(value=ast.Call(func=func)):
            return ast.unparse(func)
    return ""


def _denied_otherwise(test: ast.expr) -> bool:
    """A change of the condition itself is its opposite."""
    return isinstance(test, ast.Compare | ast.UnaryOp)


def _changed(node: ast.AST, lines: Sequence[str]) -> Iterator[tuple[ast.AST, str]]:
    """What may stand in the place of a node, and how its line reads then; parts of it are shared."""

    def said(new: ast.AST) -> tuple[ast.AST, str]:
        new = ast.fix_missing_locations(ast.copy_location(new, node))
        text = ast.unparse(new)
        if node.lineno != node.end_lineno:
            return new, f"{ast.unparse(node)} became {text}"
        line = lines[node.lineno - 1]
        return new, f"{line[: node.col_offset]}{text}{line[node.end_col_offset :]}".strip()

    match node:
        case ast.Compare(left=left, ops=[op], comparators=other):
            for kind in COMPARED[type(op)]:
                yield said(ast.Compare(left=left, ops=[kind()], comparators=other))
        case ast.Compare(left=left, ops=ops, comparators=others):
            for k, op in enumerate(ops):
                new = [*ops[:k], COMPARED[type(op)][0](), *ops[k + 1 :]]
                yield said(ast.Compare(left=left, ops=new, comparators=others))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            yield said(ast.BinOp(left=left, op=OPERATORS[type(op)](), right=right))
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand) if not isinstance(operand, ast.Constant):
            yield said(operand)
        case ast.BoolOp(op=op, values=values):
            yield said(ast.BoolOp(op=ast.Or() if isinstance(op, ast.And) else ast.And(), values=values))
        case ast.Constant(value=bool(value)):
            yield said(ast.Constant(value=not value))
        case ast.Constant(value=int(value) | float(value)):
            yield said(ast.Constant(value=value + 1))
            if value:
                yield said(ast.Constant(value=value - 1))
        case ast.IfExp(test=test, body=body, orelse=other) if not _denied_otherwise(test):
            yield said(ast.IfExp(test=test, body=other, orelse=body))
        case ast.Call(func=ast.Attribute(value=value, attr=attr) as f) if attr in SWAPPED:
            func = ast.copy_location(ast.Attribute(value=value, attr=SWAPPED[attr], ctx=f.ctx), f)
            yield said(ast.Call(func=func, args=node.args, keywords=node.keywords))
        case ast.Call(func=ast.Name(id=name)) if name in SWAPPED:
            func = ast.copy_location(ast.Name(id=SWAPPED[name], ctx=ast.Load()), node.func)
            yield said(ast.Call(func=func, args=node.args, keywords=node.keywords))
        case ast.If(test=test, body=body, orelse=other) if not _denied_otherwise(test):
            denied = ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=test), test)
            new = ast.copy_location(ast.If(test=denied, body=body, orelse=other), node)
            yield ast.fix_missing_locations(new), f"if not ({ast.unparse(test)}):"
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.copy_location(ast.Pass(), node), LEFT_OUT
        case ast.Continue() | ast.Break():
            yield ast.copy_location(ast.Pass(), node), LEFT_OUT
    if isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        yield said(ast.AugAssign(target=node.target, op=OPERATORS[type(node.op)](), value=node.value))


class _Walk(ast.NodeTransformer):
    """Numbers the sites in the bodies of functions; changes the one that is asked for."""

    def __init__(self, text: str, skipped: frozenset[str], site: int = -1, way: int = 0) -> None:
        self.lines, self.skipped, self.site, self.way = text.splitlines(), skipped, site, way
        self.number = -1
        self.names: list[str] = []
        self.inside = 0
        self.found: list[tuple[str, int, str, int, int]] = []

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.ClassDef):
            return self._named(node)
        if isinstance(node, ast.FunctionDef):
            if ".".join([*self.names, node.name]) in self.skipped:
                return node
            self.inside += 1
            node = self._named(node)
            self.inside -= 1
            return node
        if not self.inside:
            return super().generic_visit(node)
        if isinstance(node, ast.Assert | ast.Raise | ast.JoinedStr | ast.arguments) or _only_refuses(node):
            return node
        if _asserts(node) or (isinstance(node, ast.Expr) and _asserts(node.value)):
            return node
        if isinstance(node, ast.keyword) and node.arg in PROMISES:
            return node
        if isinstance(node, ast.AnnAssign):
            node.value = node.value and self.visit(node.value)
            return node
        if ".".join([*self.names, _target(node)]) in self.skipped:
            return node
        self.number += 1
        number = self.number
        for way, (new, what) in enumerate(_changed(node, self.lines)):
            self.found.append((".".join(self.names), node.lineno, what, number, way))
            if (number, way) == (self.site, self.way):
                return new
        return super().generic_visit(node)

    def _named(self, node: ast.AST) -> ast.AST:
        self.names.append(node.name)
        # Neither decorators nor defaults nor annotations: only what the body does.
        node.body = [self.visit(statement) for statement in node.body]
        self.names.pop()
        return node


def _source(name: str) -> Path:
    return Path(import_module(name).__file__)


def mutants(name: str, skipped: frozenset[str] = frozenset()) -> list[Mutant]:
    """All mutants of a module's functions, but for those ``skipped`` by their qualified names.

    Also skipped can be statements of a function, by the name that they assign to or call: "function.name".
    """
    text = _source(name).read_text("utf-8")
    walk = _Walk(text, skipped)
    walk.visit(ast.parse(text))
    return [
        Mutant(module=name, function=function, line=line, what=what, site=site, way=way)
        for function, line, what, site, way in walk.found
    ]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def loaded(name: str) -> list[FunctionType]:
    """The module's functions, wherever they are bound. A walk over all objects, which takes a while."""
    gc.unfreeze()
    path = str(_source(name))
    return [f for f in gc.get_objects() if isinstance(f, FunctionType) and f.__code__.co_filename == path]


def plant(mutant: Mutant, functions: Iterable[FunctionType], skipped: frozenset[str] = frozenset()) -> None:
    """Give the loaded functions of a module the mutant's code."""
    path = _source(mutant.module)
    text = path.read_text("utf-8")
    tree = _Walk(text, skipped, mutant.site, mutant.way).visit(ast.parse(text))
    new = {(c.co_qualname, c.co_firstlineno): c for c in _codes(compile(tree, path, "exec"))}
    for function in functions:
        function.__code__ = new[function.__code__.co_qualname, function.__code__.co_firstlineno]
