"""What ruff does not see in docstrings: errors that are raised and not told, arrays of public names without a shape.

Read from the sources; nothing is imported. A docstring may refer to another's: "errors as ``mean_fill``".
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.notebooks import ROOT

MODULES = sorted(path for path in (ROOT / "lsmlib").rglob("*.py") if not path.name.startswith("_"))
SHAPE = re.compile(r"\[[\w…., ×*+/=-]+\]|\bshape\b")
ELSEWHERE = re.compile(r"\b(?:as|see|of) ``\w", re.IGNORECASE)
ARRAYS = {"np.ndarray", "jax.Array"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def find_public(tree: ast.Module) -> Iterator[tuple[str, Function, str]]:
    """Name, function and docstring of what callers see; of ``__init__`` the docstring is that of its class."""
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in (one for one in node.body if isinstance(one, Function)):
                if method.name == "__init__":
                    yield node.name, method, ast.get_docstring(node) or ""
                elif not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method, ast.get_docstring(method) or ""


def raises_value_error(function: Function) -> bool:
    """Whether the function's own lines raise one: not those of functions inside it, nor those that are caught."""
    waiting, found = list(function.body), False
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found |= isinstance(called, ast.Name) and called.id == "ValueError"
        if not isinstance(node, Function | ast.Lambda | ast.Try):
            waiting += ast.iter_child_nodes(node)
        elif isinstance(node, ast.Try):
            waiting += [*node.orelse, *node.finalbody, *(line for handler in node.handlers for line in handler.body)]
    return found


def takes_or_gives_arrays(function: Function) -> bool:
    """Whether an annotation is that of an array."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    annotations = [arg.annotation for arg in every] + [function.returns]
    return any(ast.unparse(annotation) in ARRAYS for annotation in annotations if annotation is not None)


def list_public(path: Path) -> set[str]:
    """The names of a module that a stub (``__init__.pyi``) of it, or of a room above, lists."""
    listed = set()
    for stub in (folder / "__init__.pyi" for folder in path.parents if folder.is_relative_to(ROOT / "lsmlib")):
        if stub.exists():
            module = path.relative_to(stub.parent).with_suffix("").as_posix().replace("/", ".")
            tree = ast.parse(stub.read_text(encoding="utf-8"))
            found = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == module]
            listed |= {name.name for node in found for name in node.names}
    return listed


def find_problems(source: str, public: set[str]) -> list[str]:
    """One line for each docstring that leaves something out; ``public``: names whose arrays need a shape."""
    problems = []
    for name, function, text in find_public(ast.parse(source)):
        if raises_value_error(function) and "ValueError" not in text and not ELSEWHERE.search(text):
            problems.append(f"{name} raises ValueError, and its docstring does not say when")
        arrays = name.split(".")[0] in public and takes_or_gives_arrays(function)
        if arrays and not SHAPE.search(text) and not ELSEWHERE.search(text):
            problems.append(f"{name} takes or gives an array, and its docstring has no shape such as [d, t, s]")
    return problems


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_docstrings_tell_shapes_and_errors(path: Path):
    assert find_problems(path.read_text(encoding="utf-8"), list_public(path)) == []


def test_stubs_are_found():
    assert "mean_fill" in list_public(ROOT / "lsmlib" / "evaluate" / "fills.py")
    assert list_public(ROOT / "lsmlib" / "models" / "lsm2.py") == {"LSM2"}


def test_the_check_sees_what_is_left_out():
    source = '''
def plain(x: np.ndarray):
    """Says nothing."""
    raise ValueError("no")

def good(x: np.ndarray) -> float:
    """Of ``[d, t, s]``.

    Raises:
        ValueError: always.
    """
    raise ValueError("no")

def other(x: np.ndarray) -> np.ndarray:
    """Arguments and errors as ``good``."""
    raise ValueError("no")

def _own(x: np.ndarray):
    raise ValueError("no")

def inner(x: int):
    """Says enough."""
    def deep():
        raise ValueError("no")
    try:
        raise ValueError("no")
    except ValueError:
        return deep

class Thing:
    """Raises ValueError: at times."""
    def __init__(self, x: float):
        raise ValueError("no")
    def method(self):
        """Says nothing."""
        if True:
            raise ValueError("no")
'''
    assert find_problems(source, {"plain", "good", "other", "inner", "Thing"}) == [
        "plain raises ValueError, and its docstring does not say when",
        "plain takes or gives an array, and its docstring has no shape such as [d, t, s]",
        "Thing.method raises ValueError, and its docstring does not say when",
    ]
