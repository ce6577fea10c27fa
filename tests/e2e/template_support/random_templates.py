"""Random templates that nest tags, whitespace and its control; they use the names of snippets.CONTEXT."""
import random

SPACES = ["", "", " ", "  ", "\n", "\n\n", "\t", " \n ", "\n  ", "x", "x ", "\r\n", "\r", "\u00a0", "\u2028", "é", "{", "}", "%", "#", "'", '"', "y\n"]
VALUES = ["n", "s", "'a\nb'", "x", "y", "l", "loop.index", "ns.a", "m(1)", "d.a", "'}}'", "{'a':{'b':1}}", "f", "a", "z"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def text(self):
        return "".join(self.random.choice(SPACES) for _ in range(self.random.randint(0, 3)))

    def tag(self, words):
        return (self.pick("{%", "{%", "{%-", "{%-", "{%+") + self.pick(" ", "", " \n ") + words + self.pick(" ", "", " \n")
                + self.pick("%}", "%}", "-%}", "-%}", "+%}"))

    def block(self, words, end, depth):
        return self.tag(words) + self.body(depth - 1) + self.tag(end)

    def body(self, depth):
        return "".join(self.text() + self.item(depth) for _ in range(self.random.randint(0, 3))) + self.text()

    def item(self, depth):
        kind = self.random.random()
        if depth <= 0 or kind < 0.3:
            return self.pick("{{", "{{", "{{-") + self.pick(" ", "") + self.random.choice(VALUES) + self.pick(" ", "") + self.pick("}}", "}}", "-}}")
        if kind < 0.4:
            return self.tag("set " + self.pick("x", "y", "a") + " = " + self.pick("1", "s", "[n]", "x", "a ~ 'q'"))
        if kind < 0.45:
            return self.pick("{#", "{#-", "{#+") + self.text() + self.pick("#}", "-#}", "+#}")
        if kind < 0.6:
            otherwise = self.tag("else") + self.body(depth - 1) if self.random.random() < 0.4 else ""
            return self.tag("if " + self.pick("t", "z", "n > 3", "x is defined", "y")) + self.body(depth - 1) + otherwise + self.tag("endif")
        if kind < 0.75:
            leave = self.pick("", "", self.tag("break"), self.tag("continue"), self.tag("if loop.first") + self.tag("continue") + self.tag("endif"))
            otherwise = self.tag("else") + self.body(depth - 1) if self.random.random() < 0.3 else ""
            items = self.pick("x in l", "a in ll", "x in l if x > 1", "x, y in ll", "x in nope", "y in words")
            return self.tag("for " + items) + self.body(depth - 1) + leave + otherwise + self.tag("endfor")
        if kind < 0.88:
            return self.tag("raw") + self.text() + self.pick("{{ n }}", "{% if %}") + self.text() + self.tag("endraw")
        if kind < 0.9:
            return self.tag("set ns = namespace(a=n)") + self.tag("set ns.a = 5")
        return self.block(*self.pick(("set y", "endset"), ("macro m(a, x=n)", "endmacro"), ("filter upper", "endfilter"), ("filter indent(2)", "endfilter"),
                                     ("generation", "endgeneration"), ("with x = n", "endwith"), ("call m(2)", "endcall")), depth)


def generate(count, seed=0):
    return [Maker(seed * 1_000_003 + i).body(3) for i in range(count)]
