"""Reads Rust source well enough to count it: blanks comments and literals, finds blocks, builds a module tree.

Shared by scripts/check-layout and scripts/check-imports. Not a compiler: it looks at names, braces and paths only.
"""

import pathlib
import re

RAW_STRING = re.compile(r'(?:b|c)?r(#*)"')
MOD = re.compile(r"((?:#\[[^\]]*\]\s*)*)(?:pub\s*(?:\([^)]*\))?\s+)?\bmod\s+(\w+)\s*([;{])")
TEST_ATTRIBUTE = re.compile(r"#\[\s*cfg\s*\(\s*(?:test\s*\)|all\s*\(\s*test\b)")


def blank(text, start, end):
    """`text` with start..end replaced by blanks, line ends kept."""
    middle = "".join("\n" if c == "\n" else " " for c in text[start:end])
    return text[:start] + middle + text[end:]


def without_comments_and_literals(text):
    """The source with every comment, string and character literal blanked; the same length and lines."""
    out = list(text)
    i, end = 0, len(text)

    def wipe(start, stop):
        for at in range(start, min(stop, end)):
            if out[at] != "\n":
                out[at] = " "

    while i < end:
        c = text[i]
        if text.startswith("//", i):
            stop = text.find("\n", i)
            stop = end if stop < 0 else stop
            wipe(i, stop)
            i = stop
        elif text.startswith("/*", i):
            depth, at = 1, i + 2
            while at < end and depth:
                if text.startswith("/*", at):
                    depth, at = depth + 1, at + 2
                elif text.startswith("*/", at):
                    depth, at = depth - 1, at + 2
                else:
                    at += 1
            wipe(i, at)
            i = at
        elif c == '"':
            at = i + 1
            while at < end and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            wipe(i + 1, at)
            i = at + 1
        elif c in "rbc" and (i == 0 or not (text[i - 1].isalnum() or text[i - 1] == "_")) and (
            raw := RAW_STRING.match(text, i)
        ):
            stop = text.find('"' + raw.group(1), raw.end())
            stop = end if stop < 0 else stop
            wipe(raw.end(), stop)
            i = stop + 1 + len(raw.group(1))
        elif c == "'":
            if text.startswith("\\", i + 1):
                stop = text.find("'", i + 3)
                stop = end if stop < 0 else stop
                wipe(i + 1, stop)
                i = stop + 1
            elif i + 2 < end and text[i + 2] == "'":
                wipe(i + 1, i + 2)
                i += 3
            else:
                i += 1
        else:
            i += 1
    return "".join(out)


def block_end(code, opening):
    """The offset just past the brace that closes the one at `opening`."""
    depth = 0
    for at in range(opening, len(code)):
        if code[at] == "{":
            depth += 1
        elif code[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return len(code)


def without_tests(code):
    """Blanked source with every inline `#[cfg(test)] mod` blanked as well."""
    for found in list(MOD.finditer(code)):
        if found.group(3) == "{" and TEST_ATTRIBUTE.search(found.group(1)):
            code = blank(code, found.start(), block_end(code, found.end() - 1))
    return code


def code_lines(code):
    """How many lines hold code, in source whose comments were blanked."""
    return sum(1 for line in code.split("\n") if line.strip())


def line_of(code, offset):
    """The line number of an offset, from 1."""
    return code.count("\n", 0, offset) + 1


FN = re.compile(r"\bfn\s+(\w+)")


def functions(code):
    """Yields (name, line, code lines) for every function with a body."""
    for found in FN.finditer(code):
        depth, at = 0, found.end()
        while at < len(code):
            c = code[at]
            if c in "([":
                depth += 1
            elif c in ")]":
                depth -= 1
                if depth < 0:
                    break
            elif c == ";" and depth == 0:
                break
            elif c == "{" and depth == 0:
                stop = block_end(code, at)
                yield found.group(1), line_of(code, found.start()), code_lines(code[found.start() : stop])
                break
            at += 1


class Module:
    """One module that has a file of its own."""

    def __init__(self, path, parent, name, index, is_test):
        self.path, self.parent, self.name, self.index, self.is_test = path, parent, name, index, is_test
        raw = path.read_text(encoding="utf-8")
        self.code = without_tests(without_comments_and_literals(raw))
        self.children = {}
        self.inline = []
        self.find_children()

    def find_children(self):
        if self.path.name in ("lib.rs", "main.rs", "mod.rs"):
            folder = self.path.parent
        else:
            folder = self.path.with_suffix("")
        for found in MOD.finditer(self.code):
            if found.group(3) == "{":
                self.inline.append((found.end() - 1, block_end(self.code, found.end() - 1)))
                continue
            name = found.group(2)
            is_test = self.is_test or bool(TEST_ATTRIBUTE.search(found.group(1)))
            for candidate in (folder / f"{name}.rs", folder / name / "mod.rs"):
                if candidate.is_file():
                    self.children[name] = Module(candidate, self, name, len(self.children), is_test)
                    break

    def is_door(self):
        """Whether the file stands for a folder: the crate root, a mod.rs, or a parent of other modules."""
        return self.path.name in ("lib.rs", "main.rs", "mod.rs") or any(
            not child.is_test for child in self.children.values()
        )

    def ancestors(self):
        """The module itself, its parent, and so on to the root."""
        module = self
        while module is not None:
            yield module
            module = module.parent

    def root(self):
        return list(self.ancestors())[-1]

    def all(self):
        yield self
        for child in self.children.values():
            yield from child.all()

    def order(self):
        """Positions in the doors from the root down to this module."""
        return [module.index for module in self.ancestors()][-2::-1]

    def title(self):
        names = [module.name for module in self.ancestors()][-2::-1]
        return "::".join(["crate", *names])


def crate_roots(repository):
    """Yields (crate name, Module of its root) for every crate under crates/."""
    for manifest in sorted(pathlib.Path(repository, "crates").glob("*/Cargo.toml")):
        for root in ("lib.rs", "main.rs"):
            path = manifest.parent / "src" / root
            if path.is_file():
                yield manifest.parent.name, Module(path, None, manifest.parent.name, 0, False)
