"""Under `--races` a program's own modules are rewritten: nothing that it can see of itself changes."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from harness import environment, run

# What a program may ask of itself: run with and without, the output must be the same.
PROGRAMS = {
    "main": """
        import sys, os
        print(__file__ == os.path.abspath(sys.argv[0]), __spec__, __package__, __cached__, type(__loader__).__name__)
        print(sys.path[0] == os.path.dirname(__file__), sys.argv[1:], __name__, "runpy" in sys.modules)
        print(sys._getframe().f_back, [name for name in globals() if name not in dir()], "x" in locals())
        squares = [x for x in range(3)]
        print(sorted(vars()) == sorted(globals()), "x" in vars())
        """,
    "tracebacks": """
        import sys, traceback
        class Box:
            def __init__(self): self.parts = {"a": [1]}
            def reach(self, key): return self.parts[key][
                7]
        total = 0
        def add(n):
            global total
            total = total + n.missing
        for call in (lambda: Box().reach("a"), lambda: Box().reach("b"), lambda: add(1), lambda: None.x,
                     lambda: nobody, lambda: {}["k"], lambda: Box().nothing.more):
            try: call()
            except Exception: traceback.print_exc()
        def outer():
            def inner():
                nonlocal late
                late += 1
            inner()
            late = 1
        outer()
        """,
    "uncaught": """
        import atexit, sys
        atexit.register(lambda: print("bye"))
        state = {}
        def fail(): state["x"] += 1
        fail()
        """,
    "exit": "import sys\ncodes = [3]\nsys.exit(codes[0])\n",
    "syntax": "def f(:\n    pass\n",
    "source": """
        import inspect, dis, pickle, doctest, dataclasses, copy
        def f(x: "int" = 3, *a, y: int = 4) -> "str":
            '''What it does.

            >>> box.total
            5
            '''
            return box.total + x
        @dataclasses.dataclass(order=True)
        class Box:
            total: int = 5
            names: list = dataclasses.field(default_factory=list)
            def __post_init__(self): self.names.append("x"); self.__secret = self.total
        box = Box()
        print(inspect.getsource(f), inspect.signature(f), f.__doc__, f.__annotations__, f.__code__.co_firstlineno)
        print(f.__code__.co_varnames, f.__code__.co_freevars, f.__code__.co_argcount)
        print(inspect.getsource(Box), sorted(box.__dict__), box, copy.deepcopy(box) == pickle.loads(pickle.dumps(box)))
        print(doctest.testmod(), inspect.getmodule(f).__name__, inspect.getsourcefile(Box) == __file__)
        import sys; print([line for _, _, line in f.__code__.co_lines()] if sys.version_info >= (3, 12) else "")
        """,
    "odd": """
        # -*- coding: latin-1 -*-
        import functools, enum, threading, types, weakref
        class Meta(type):
            def __getattr__(cls, name): return name
            def __setattr__(cls, name, value): type.__setattr__(cls, name, (value,))
        class Odd(metaclass=Meta):
            __slots__ = ("a", "_Odd__b")
            def __init__(self): self.a = 1; self.__b = 2; self.a += 1; del self.a
            def __getattr__(self, name): return "got " + name
            @property
            def c(self): return self.__b
            @c.setter
            def c(self, value): self.__b = value
        class Watcher:
            def __get__(self, obj, kind): print("asked"); return 1
            def __set__(self, obj, value): print("told", value)
        class Watched:
            x = Watcher()
            def __init__(self): self.x += 4
        class Items(dict):
            def __getitem__(self, key): print("item", key); return dict.get(self, key, 0)
            def __missing__(self, key): return 0
        class Child(Watched):
            def __init__(self): super().__init__(); self.y = super().x
        class Colour(enum.Enum):
            RED = 1
            def less(self): return self.value - 1
        def work():
            odd = Odd(); odd.c = 5; odd.c += 1; Odd.new = 3; Odd.new
            print(odd.c, odd.a, odd.zz, Odd.other, Odd.new)
            items = Items(); items["q"] += 2; print(items["q"], Watched(), Child().y, Colour.RED.less())
            local.x = 1; local.x += 1; print(local.x)
            keys = iter("abc"); table = {}; table[next(keys)] = table.get(next(keys), next(keys)); print(table)
            a, table["z"], *odd.rest_ = 1, 2, 3
            with open(__file__) as table["f"], threading.Lock() as space.locked: pass
            for space.i in range(2): pass
            print([space.i for space.j in range(2)], space, (lambda: (yield space.i)), f"{space.i=} {table['z']!r:>4}")
            exec("space.i = 9; globals()['made'] = 1"); print(space.i, made, eval("space.i"))
            print({k: v for k, v in {"a": space.i}.items()}, table["z"] if "z" in table else 0, not space.i, -space.i)
            del table["f"], space.locked; space.i: int = 3
            print(sorted(vars(space)), weakref.getweakrefcount(odd_type))
        local, space, odd_type = threading.local(), types.SimpleNamespace(), type("T", (), {})
        Odd.__repr__ = Items.__repr__ = Watched.__repr__ = lambda self: "it"
        class Open:
            def __setattr__(self, name, value): object.__setattr__(self, name, value)
        Odd.rest_ = None
        try: work()
        except AttributeError as e: print(type(e))
        thread = threading.Thread(target=work); threading.excepthook = lambda a: print(a.exc_type)
        thread.start(); thread.join()
        """,
    "generators": """
        import asyncio, threading
        class Tree:
            def __init__(self, *kids): self.kids = kids; self.seen = 0
            def __iter__(self):
                self.seen += 1
                yield self
                for kid in self.kids: yield from kid
        async def agen(tree):
            for each in tree:
                await asyncio.sleep(0)
                yield each.seen
        async def main():
            tree = Tree(Tree(), Tree(Tree()))
            print([n async for n in agen(tree)], sum(n.seen for n in tree))
            tree.late = await asyncio.sleep(0, 5); tree.late += await asyncio.sleep(0, 6); print(tree.late)
        thread = threading.Thread(target=asyncio.run, args=(main(),)); thread.start(); thread.join()
        def counter():
            n = 0
            def up():
                nonlocal n
                n += (lambda: 1)()
                return n
            return up
        ups = [counter() for _ in range(3)]
        print([up() for up in ups for _ in range(2)], ups[0].__closure__[0].cell_contents, ups[0].__code__.co_freevars)
        """,
}


def both(tmp_path, code, *arguments, **more):
    (tmp_path / "plain").mkdir()
    plain = run(tmp_path / "plain", code, *arguments, booted=False, rc=None, **more)
    noted = run(tmp_path, code, *arguments, rc=None, LOGQ_RACES="1", **more)
    out, err = (text.replace(f"{tmp_path}/plain/", f"{tmp_path}/") for text in (plain.out, plain.err))
    return (plain.rc, out, err), noted


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_sees_nothing_of_it(tmp_path, name):
    plain, noted = both(tmp_path, PROGRAMS[name], "-x", "y")
    assert (noted.rc, noted.out, noted.err) == plain
    assert not noted.events("lost")


def test_modules_of_any_encoding_and_place_are_imported_as_ever(tmp_path):
    """Other encodings, a package, a zip file, one with a mistake, one that nests too deep to be rewritten."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_bytes("# coding: latin-1\nname = 'd\u00e9j\u00e0'\n".encode("latin-1"))
    (tmp_path / "pkg" / "inner.py").write_bytes("\ufeffimport pkg\r\nprint(pkg.name, __name__)\r\n".encode())
    (tmp_path / "deep.py").write_text("x = " + "+".join(["1"] * 3000) + "\nprint(x)\n")
    (tmp_path / "bad.py").write_text("x = = 1\n")
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        archive.writestr("packed.py", "state = {}\nstate['a'] = 1\nprint('packed', state)\n")
    code = f"""
        import sys, threading
        sys.path[:0] = [{str(tmp_path)!r}, {str(tmp_path / "zipped.zip")!r}]
        threading.Thread(target=print, args=("second",)).start()
        import pkg.inner, packed
        try: import deep
        except RecursionError: print("deep")
        try: import bad
        except SyntaxError as e: print(e, e.filename)
        print(pkg.inner.__loader__.__class__.__name__, pkg.inner.__cached__ is not None)
        """
    plain, noted = both(tmp_path, code)
    assert (noted.rc, noted.out, noted.err) == plain


def test_ctrl_c_ends_it_in_the_same_way(tmp_path):
    code = "import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(5)\n"
    plain, noted = both(tmp_path, code)
    assert (noted.rc, noted.err) == (plain[0], plain[2])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_are_made_as_ever(tmp_path, method):
    code = f"""
        import multiprocessing, sys
        total = 0
        class Job:
            def __init__(self, n): self.n = n
        def work(job, pipe):
            global total
            total += job.n
            pipe.send((total, __name__ if "{method}" == "fork" else "x", sys.argv))
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            ours, theirs = context.Pipe()
            child = context.Process(target=work, args=(Job(3), theirs)); child.start(); print(ours.recv()); child.join()
        """
    plain, noted = both(tmp_path, code, checked=False)
    assert (noted.rc, noted.out, noted.err) == plain


def test_run_as_a_module_and_from_a_command(tmp_path):
    (tmp_path / "tool.py").write_text("import sys\nkept = {}\nkept['a'] = sys.argv[1:]\nprint(__name__, kept)\n")
    for how in (["-m", "tool", "x"], ["-c", "import tool; print(tool.kept)", "y"]):
        told = []
        for more in ({}, {"LOGQ_RACES": "1"}):
            env = environment(tmp_path / ".logq", **more)
            done = subprocess.run([sys.executable, *how], env=env, cwd=tmp_path, capture_output=True, check=True)
            told.append((done.stdout, done.stderr))
        assert told[0] == told[1]
