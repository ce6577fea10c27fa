"""Deterministic test strings: every script, emoji, marks, runs, code, look-alikes of special tokens, broken UTF-8."""
import random
import unicodedata

WORDS = ("the of and I'm you're they've we'll she'd it's don't DON'T THEY'LL 'tis o'clock rock'n'roll naïve café Straße "
         "MixedCase camelCaseWord snake_case_name x86_64 3.14159 1,000,000 0x7fff HTTP/1.1 e-mail C++ #hashtag @user "
         "привет мир здравствуйте Ελλάδα καλημέρα שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดีชาวโลก 你好世界 今天天气 "
         "こんにちは カタカナ 안녕하세요 xin chào Việt Nam қазақша հայերեն ქართული አማርኛ தமிழ் తెలుగు বাংলা ᏣᎳᎩ ភាសាខ្មែរ "
         "'ſ 'S 'RE 'lL \ufb06 ﬁnd Ⅻ ½ ² ٣٤٥ १२३ ৪৫৬ 𝟙𝟚𝟛 𝔘𝔫𝔦 ǅungla ᾳ İstanbul").split(" ")
CODE = ("def f(x): return {x: [1, 2]} # note|if (a && b) { i++; }|\tfor (int i = 0; i < n; ++i)\n|<div class=\"a b\">"
        "|SELECT * FROM t WHERE id=42;|#include <vector>\r\n|std::string s{\"\\n\"};|```python\n|    return None\n"
        "|{\"key\": [null, true, -1.5e10]}|$ ls -la | grep '^d'|http://example.org/a/b?c=d&e=%20f|/* ... */|// ---\n"
        "|x = y ** 2 // 3|@decorator\n|fn main() -> Result<(), Box<dyn Error>> {}|<!-- c -->|</s>|<s>|<b>x</b>|\\frac{a}{b}"
        "|&nbsp;|=> != === <= >= << >> ~ ^ | `code` ||!!! ??? ... --- *** ___").split("|")
SPACES = [" ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u2029",
          "\u202f", "\u3000", "\u200b", "\ufeff", "\u2581", "\x1c", "\x1f"]
EMOJI = ["😀", "👨‍👩‍👧‍👦", "👍🏽", "🇩🇪🇫🇷", "1️⃣", "❤️‍🔥", "🏳️‍🌈", "🫠", "🧑🏿‍🚀", "☃", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "⌚️", "🀄"]
MARKS = [chr(c) for r in (range(0x300, 0x370), range(0x591, 0x5C8), range(0x64B, 0x660), range(0x93A, 0x94E),
                          range(0xE31, 0xE3B), range(0x1AB0, 0x1AC0), range(0x20D0, 0x20F1), (0xFE0F, 0x200D, 0x200C))
         for c in r]
# Blocks of 128 code points that hold assigned ones: every script of this Python's Unicode version and some newer ones.
BLOCKS = [b for b in range(0, 0x32000, 128) if not 0xD800 <= b < 0xE000 and
          any(unicodedata.category(chr(c)) != "Cn" for c in range(b, b + 128))] + [0xE0000, 0xE0100, 0xF0000, 0x10FF80]
NEWER = [0x1C89, 0xA7CB, 0x10D40, 0x10D6F, 0x11DE0, 0x16D40, 0x1E5D0, 0x2EBF0, 0x40000, 0x80000, 0xC0000, 0x897]


class Strings:
    def __init__(self, vocabulary, seed):
        self.random = random.Random(seed)
        self.vocabulary = vocabulary
        self.kinds = [self.script, self.script, self.emoji, self.marks, self.runs, self.digits, self.code, self.words,
                      self.words, self.any, self.pieces, self.look_alike]

    def some(self, items, most):
        return [self.random.choice(items) for _ in range(self.random.randint(1, most))]

    def script(self):
        block = self.random.choice(BLOCKS)
        words = ("".join(chr(self.random.randrange(block, block + 128)) for _ in range(self.random.randint(1, 8)))
                 for _ in range(self.random.randint(1, 5)))
        return self.random.choice([" ", "", "\n", ". "]).join(words)

    def emoji(self):
        return "".join(self.some(EMOJI + [" ", "a", "\u200d"], 6))

    def marks(self):
        return "".join(self.random.choice("aeo nश ัअAΩ1 '") + "".join(self.some(MARKS, 3))
                       for _ in range(self.random.randint(1, 6)))

    def runs(self):
        return "".join(self.random.choice(SPACES) * self.random.choice([1, 1, 2, 3, 4, 7, 16, 33, 70])
                       + self.random.choice(["", "", "x", "1", "!", "字"]) for _ in range(self.random.randint(1, 5)))

    def digits(self):
        digits = self.random.choice(["0123456789", "0123456789", "0", "٠١٢٣", "०१२", "½¼²³", "①②ⅣⅫ", "0٣१"])
        return self.random.choice(["", " ", "$", "a"]) + "".join(
            self.random.choice(digits) for _ in range(self.random.choice([1, 2, 3, 4, 5, 9, 30, 100])))

    def code(self):
        return "".join(self.some(CODE, 4))

    def words(self):
        return self.random.choice([" ", " ", "  ", ", ", "\n", "\n\n", "-", ""]).join(self.some(WORDS, 8))

    def any(self):
        pick = [lambda: self.random.randrange(0x80), lambda: self.random.randrange(0x3000),
                lambda: self.random.randrange(0xE000, 0x110000), lambda: self.random.choice(NEWER)]
        return "".join(chr(self.random.choice(pick)()) for _ in range(self.random.randint(1, 8)))

    def pieces(self):
        return "".join(self.some(self.vocabulary.tokens, 4)).encode("utf-8", "ignore").decode("utf-8", "ignore")

    def look_alike(self):
        """Special tokens, whole and damaged, in the middle of text."""
        token = self.random.choice(self.vocabulary.special or ["<s>"])
        cut = self.random.randint(0, len(token))
        forms = [token, token, token + token, token[:cut], token[cut:], token[:cut] + token + token[cut:],
                 token[:cut] + " " + token[cut:], token.upper(), token.replace("|", "\uff5c"), " " + token + "\n"]
        return self.random.choice(forms)

    def text(self):
        text = "".join(self.random.choice(self.kinds)() for _ in range(self.random.choice([1, 1, 2, 3])))
        return text.encode("utf-8", "ignore").decode()

    def texts(self, count):
        return ["", " ", "\n", "'", "  ", *(self.text() for _ in range(count - 5))]

    def broken(self):
        """Bytes that are mostly no valid UTF-8."""
        data = bytearray(self.text().encode()[:60])
        for _ in range(self.random.randint(1, 6)):
            at = self.random.randint(0, len(data))
            kind = self.random.randrange(4)
            if kind == 0:
                data[at:at] = bytes([self.random.randrange(0x80, 0x100)])
            elif kind == 1:
                del data[at:at + 1]
            elif kind == 2:
                data[at:at] = self.random.choice([b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xff\xfe",
                                                  b"\xf0\x9f\x98", b"\xe2\x96"])
            elif at < len(data):
                data[at] = self.random.randrange(256)
        return bytes(data)
