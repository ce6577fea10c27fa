"""Constructs of the template language, one a string. Each is rendered by jinja2 and by us."""

CONTEXT = {
    "s": "Hello World", "u": "Zürich ßtraße ΑΣ 🙂 ǆ", "ws": "  \t padded \n ", "n": 7, "neg": -7, "f": 2.5, "big": 123456789012, "t": True, "z": None, "empty": "",
    "l": [3, 1, 2], "ll": [[1, 2], [3, 4]], "words": ["beta", "Alpha", "gamma", "alpha"], "d": {"b": 1, "a": 2, "C": 3}, "items_dict": {"items": 5, "keys": 6, "x": {"y": [1, {"z": "deep"}]}},
    "rows": [{"n": "x", "v": 1, "on": True}, {"n": "y", "v": 3}, {"n": "z", "v": 2, "on": False}, {"n": "X", "v": None}],
    "q": "it's \"quoted\" \\ \n\t\u00e9\u200b\U0001f642\x7f\u0085", "html": "<b>&\"'</b>", "csv": "a,b,,c", "lines": "one\ntwo\r\nthree\n\nfive", "nums": "42", "fnum": " 3.75 ",
    "json": "{\"a\": [1, 2.5, \"x\\u00e9\\ud83d\\ude42\", null, true], \"b\": {}}", "messages": [{"role": "user", "content": "hi"}],
}

_EXPRESSIONS = r"""
n|1
s | upper
s|lower|title
u|upper
u|lower
u|title
u|capitalize
u.title()
u.capitalize()
u.swapcase()
u.upper() ~ u.lower()
'ΑΣ ΑΣ. ΑΣΑ Σ'.lower()
'ŉ ﬁ ß İ'.upper()
'ŉ ﬁ ß İ'.title()
"they're bill's friends".title()
"they're bill's-friends [x]{y}(z)<w>"|title
s|length
u|length
u[::-1]
u|reverse
u[2:5]
u[-3:]
u[:-3]
u[::2]
u[10:2:-3]
s[100:]
s[-100:3]
s[0]
s[-1]
s[99]
s[99] is defined
s[true]
l[0:2]
l[::-1]
l[-1]
l[5]
l[1:]
(1,2,3)[1:]
l[::0]
l['x']
l.x
l.x.y
z.x
z.x.y
nope
nope.x
nope['x']
nope[0]
nope is defined
nope is undefined
nope.x is defined
d.x is defined
d.x.y is defined
d.nope
d['a']
d.a
d['nope']
d[1]
d[z]
d[l]
items_dict['items']
items_dict.items is defined
items_dict.keys()|list
items_dict.x.y[1].z
items_dict.x['y'][1]['z']
items_dict.x.y.1.z
d.get('a')
d.get('zz')
d.get('zz', 5)
d.get()
d.get(l)
d.keys()
d.values()
d.items()
d.items()|list
d.keys()|length
d.items()|first
d.keys()[0]
d.values()|sum
d|list
d|length
d|first
d|last
d|items|list
d|items|length
nope|items|list
z|items|list
d|dictsort
d|dictsort(true)
d|dictsort(by='value')
d|dictsort(reverse=true)
d|dictsort(false, 'value', true)
d|dictsort(by='x')
d.copy()
d.update({'x': 1})
d.pop('a')
d.pop
d.pop is defined
d.setdefault
l.append(4)
l.append
l.append is defined
l.count(1)
l.index(2)
l.index(9)
l.copy()
l.sort()
(1,2).count(1)
1 + 2 * 3 - 4 / 2
7 // 2
-7 // 2
7 // -2
7 % 3
-7 % 3
7 % -3
7.5 // 2
-7.5 // 2
7.5 % 2
-7.5 % 2
7.5 % -2
0.0 // -3
1 / 0
1 // 0
1 % 0
1.0 / 0
2 ** 10
2 ** -1
2 ** 0.5
2 ** 3 ** 2
-2 ** 2
0 ** -1
1e308 * 10
(1e308 * 10)|int
(1e308 * 10 - 1e308 * 10)|int
1.0
1e16
1e15
123456789.123
1e-4
1e-5
0.1 + 0.2
1e22
1.5e300
-0.0
3.0|int
3.99|int
-3.99|int
'3.99'|int
nums|int
fnum|float
fnum|int
'0x1F'|int(base=16)
'1F'|int(0, 16)
'z'|int
'z'|int(5)
'1_000'|int
'_1'|int
' 12 '|int
'+5'|int
'--5'|int
'1e3'|int
'inf'|int
'nan'|float
'inf'|float
'1e400'|float
'1e-400'|float
z|int
z|float
nope|int
l|int
t|int
n|float
'x'|float
'x'|float(2.5)
f|round
2.675|round(2)
2.5|round
3.5|round
n|round
n|round(2)
1234.5|round(-2)
1234|round(-2)
2.1|round(method='ceil')
2.19|round(1, 'floor')
2|round(1, 'ceil')
2.1|round(method='x')
neg|abs
(-2.5)|abs
t|abs
'x'|abs
s + 1
1 + s
s + s
s * 2
2 * s
s * -1
s * 1.5
l + l
l + (1,)
(1,) + (2,)
l * 2
l - l
t + t
t * 3
-t
+t
-s
not t
not s
not not empty
s ~ 1 ~ z ~ t ~ l ~ nope ~ f
l ~ d
1 < 2 < 3
1 < 2 > 5
3 > 2 >= 2 != 1 == 1
1 == 1.0
1 == true
'1' == 1
l == [3, 1, 2]
(1, 2) == [1, 2]
{'a': 1} == {'a': 1.0}
z == nope
nope == nope2
nope != 1
1 < 'a'
'a' < 'b'
'a' < 'B'
'é' > 'z'
[1, 2] < [1, 3]
[1, 2] < [1, 'a']
[1] < [1, 'a']
(1, 2) < (1, 2, 3)
z < 1
nope < 1
d < d
1 in l
9 not in l
'ell' in s
'' in s
1 in s
nope in s
nope in l
'a' in d
'zz' in d
1 in d
l in d
1 in nope
1 in z
1 in 5
2 in range(3)
'a' in d.keys()
1 in d.values()
('a', 2) in d.items()
t and s
z and s
z or s
empty or z
empty or nope or 5
s if t
s if z
s if z else n
(s if z) is defined
1 if 0 else 2 if 0 else 3
t is true
t is false
1 is true
1 is number
t is number
1.5 is number
'1' is number
1 is integer
t is integer
1.0 is float
t is boolean
s is string
l is string
l is iterable
s is iterable
d is iterable
n is iterable
nope is iterable
z is iterable
l is sequence
d is sequence
s is sequence
n is sequence
nope is sequence
range(3) is sequence
range(3) is iterable
d.items() is sequence
d.items() is iterable
(l|map('string')) is sequence
(l|map('string')) is iterable
d is mapping
l is mapping
nope is mapping
z is none
z is not none
nope is none
n is odd
n is even
s is odd
n is divisibleby 7
n is divisibleby(2)
n is eq 7
n is equalto(7)
n is ne 7
n is gt 5
n is ge 7
n is lt(8)
n is le 6
n is lessthan 8
n is greaterthan 8
n is in l
3 is in(l)
3 is in [1, 3]
s is lower
s is upper
'abc' is lower
'ABC1' is upper
'upper' is filter
'nofilter' is filter
'odd' is test
s is sameas s
t is sameas true
n is sameas 7
range is callable
s is callable
nope is callable
s.upper is callable
s is escaped
(s|safe) is escaped
t is not false
not t is false
s is string and n is number
s is string or nope.x
range(5)
range(5)|list
range(1, 5)
range(10, 0, -3)|list
range(0)|list
range(1, 5)[1]
range(10)[2:5]
range(10)[::-1]|list
range(3)|length
range(5)|last
range(5)|first
range(5)|sum
range(3)|join('-')
range('a')
range()
range(1, 2, 0)
range(100001)
range(1000000000000)
l|join
l|join(', ')
l|join(d='-')
words|join(', ')
s|join('-')
rows|join('|', attribute='n')
nope|join(',')
z|join(',')
5|join(',')
l|join(z)
[1, none, true, 'x', [1]]|join('/')
l|sort
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
rows|sort(attribute='n')|map(attribute='v')|list
rows|sort(attribute='v')
rows[:3]|sort(attribute='v', reverse=true)|map(attribute='n')|join
rows[:3]|sort(attribute='n,v')|map(attribute='n')|join
['a', 1]|sort
[z, z]|sort
words|unique|list
words|unique(true)|list
[1, 1.0, true, 2]|unique|list
[[1], [1]]|unique|list
rows|unique(attribute='on')|list|length
l|min
l|max
words|min
words|max
words|max(case_sensitive=true)
rows[:3]|max(attribute='v')
[]|min
[]|max is defined
l|sum
[1.5, 2]|sum
rows[:3]|sum(attribute='v')
[[1], [2]]|sum(start=[])
words|sum
l|first
[]|first
''|first
s|first
s|last
l|last
[]|last
nope|first
nope|last
z|first
n|first
(l|map('string'))|last
l|list
s|list
nope|list
z|list
l|reverse|list
(l|reverse)|length
n|reverse
l|map('string')|list
l|map('multiply')|list
words|map('upper')|join(',')
words|map('replace', 'a', 'o')|join(',')
words|map('default', 'x')|list
rows|map(attribute='n')|list
rows|map(attribute='on')|list
rows|map(attribute='on', default='?')|list
rows|map(attribute='n.0')|list
rows|map(attribute='n', extra=1)|list
ll|map(attribute=0)|list
ll|map('first')|list
ll|map('sum')|list
rows|map|list
nope|map('upper')|list
z|map('upper')|list
5|map('upper')|list
0|map('upper')|list
l|select('odd')|list
l|reject('odd')|list
l|select('gt', 1)|list
l|select('>', 1)|list
l|select('in', [1, 2])|list
[0, 1, '', 'x', z]|select|list
[0, 1, '', 'x', z]|reject|list
rows|selectattr('on')|map(attribute='n')|list
rows|rejectattr('on')|map(attribute='n')|list
rows|selectattr('on', 'defined')|map(attribute='n')|list
rows|selectattr('on', 'undefined')|map(attribute='n')|list
rows|selectattr('n', 'equalto', 'x')|list
rows|selectattr('n', '==', 'x')|list|length
rows|selectattr('v', 'none')|list
rows|selectattr('n', 'in', ['x', 'y'])|map(attribute='v')|list
rows|selectattr('v', 'gt', 1)|list
rows|selectattr|list
l|select('nosuchtest')|list
(l|select('odd'))|list|length
(l|select('odd'))|length
l|batch(2)|list
l|batch(2, 'x')|list
l|batch(0)|list
l|slice(2)|list
range(7)|slice(3)|list
range(7)|slice(3, 'x')|list
l|count
s|count
n|count
z|length
nope|length
nope|default('x')
nope|default
z|default('x')
z|default('x', true)
empty|default('x')
empty|d('x', boolean=true)
d.nope|default('y')
nope.x|default('y')
s|replace('o', '0')
s|replace('o', '0', 1)
s|replace('', '-')
u|replace('', '.')
s|replace('l', '')
n|replace('7', '8')
s|replace('o')
s|replace(l, 'x')
ws|trim
ws|trim|length
s|trim('Hd')
'xxaxx'|trim('x')
z|trim
nope|trim
n|string
n|string + 'x'
nope|string
z|string
l|string
s|wordcount
u|wordcount
s|center(21)
s|center(20)
lines|indent
lines|indent(2)
lines|indent(2, true)
lines|indent(2, blank=true)
lines|indent('> ', first=true)
lines|indent(width=0)
''|indent
n|indent
s|truncate(5)
s|truncate(5, true, '…')
s|truncate(8, leeway=0)
s|truncate(2)
'%s and %s'|format(1, 'x')
'%(a)s %(b)d'|format(a=1, b=2)
'%s'|format(l)
'%s %s'|format(1)
'x'|format(1)
'%5.2f|%-6d|%06d|%+d|% d|%x|%X|%o|%e|%g|%c|%%|%r|%s'|format(3.14159, 42, 42, 42, 42, 255, 255, 8, 12345.678, 0.0001, 'c', 'r', none)
'%5s|%-5s|%.2s|%05s'|format('abc', 'abc', 'abc', 'abc')
'%d'|format('x')
'%d'|format(2.7)
'%s' % 'x'
'%s %s' % ('a', 'b')
'%(k)s' % {'k': 5}
'%s' % d
'%d' % nope
'%s' % nope
'%' % 1
'%y' % 1
'%*d' % (5, 42)
'%.3d' % 7
'{} {}'.format(1, 'x')
'{0} {1} {0}'.format(1, 'x')
'{a} {b}'.format(a=1, b=z)
'{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+}|{:,}|{:_}|{:x}|{:#x}|{:b}|{:.2f}|{:e}|{:%}|{:g}'.format('a', 'b', 'c', 'd', 42, 42, 1234567, 1234567, 255, 255, 5, 3.14159, 12345.678, 0.256, 1e10)
'{:10.3}|{!r}|{!s}|{!r:>5}'.format('abcdef', 'q', 1, 'q')
'{:.3}|{:10}|{:<10}|{:=10}'.format(1234.5678, 2.5, 2.5, -2.5)
'{:d}'.format('x')
'{:s}'.format(1)
'{} {0}'.format(1)
'{}'.format()
'{x}'.format()
'{{}} {{{}}}'.format(1)
'{'.format(1)
'}'.format(1)
'{0[a]} {1.a} {2[0]}'.format(d, d, l)
'{:{}}'.format('x', 5) ~ '|'
'{!x}'.format(1)
'{}'.format(l)
'{:5}'.format(l)
'{} {}'.format(*l)
'{a}'.format(**d)
s.split()
ws.split()
'a  b   c'.split(' ')
csv.split(',')
csv.split(',', 1)
csv.rsplit(',', 1)
csv.split(',,')
csv.split('')
' a b  c '.split(none, 1)
' a b  c '.rsplit(none, 1)
' a b  c '.rsplit()
'a b c'.split(maxsplit=1)
'abc'.split('x')
''.split()
''.split(',')
lines.splitlines()
lines.splitlines(true)
lines.split('\n')
s.partition(' ')
s.rpartition('o')
s.partition('x')
s.strip('Hd')
ws.strip()
ws.lstrip()
ws.rstrip() ~ '|'
'xxabcxx'.strip('xa')
'[x]'.lstrip('[').rstrip(']')
s.strip(1)
s.startswith('Hell')
s.startswith(('x', 'H'))
s.startswith('World', 6)
s.endswith('ld')
s.endswith(('x', 'ld'))
s.endswith(['ld'])
s.startswith(1)
s.startswith('')
s.find('o')
s.rfind('o')
s.find('x')
s.find('o', 5)
s.find('o', 5, 7)
u.find('ß')
u.find('🙂')
s.index('o')
s.index('x')
s.rindex('o')
s.count('o')
s.count('')
s.count('l', 3)
s.replace('o', '0')
s.replace('o', '0', 1)
s.replace('o', 1)
s.upper().lower()
s.zfill(15)
'-5'.zfill(5)
s.ljust(15) ~ '|'
s.rjust(15, '.')
s.center(16, '*')
', '.join(words)
', '.join(l)
'-'.join('abc')
''.join([])
s.isupper()
'abc'.islower() and 'ABC'.isupper() and 'Abc'.istitle()
'123'.isdigit() and '²'.isdigit() and '½'.isnumeric() and '١'.isdecimal()
'abc1'.isalnum() and 'é'.isalpha() and ' '.isspace()
''.isdigit()
'a1'.isdigit()
s.removeprefix('Hello ')
s.removesuffix('World')
s.nosuch
s.upper(1)
q
[q]
[q, 'it\'s', "say \"x\"", "both ' and \""]
{'k': q}
[1.0, 1e100, -0.5, none, true, false, (), (1,), [], {}, {'a': (1, 2)}]
l|tojson
d|tojson
q|tojson
u|tojson
u|tojson(ensure_ascii=true)
q|tojson(ensure_ascii=true)
html|tojson
d|tojson(indent=2)
items_dict|tojson(indent=4)
[]|tojson(indent=2)
[[], {}]|tojson(indent=1)
items_dict|tojson(separators=(',', ':'))
items_dict|tojson(separators=(',', ':'), indent=0)
d|tojson(sort_keys=true)
d|tojson(indent='\t')
{1: 2, none: 3, true: 4, 1.5: 5}|tojson
[1.0, 1e100, 1e16, 0.1, -0.0, none, true]|tojson
(1, 2)|tojson
nope|tojson
range(3)|tojson
{(1, 2): 3}|tojson
d.items()|tojson
(1e308 * 10)|tojson
json|from_json
(json|from_json).a[2]
json|from_json|tojson
'[1, 2'|from_json
''|from_json
'1.5e3'|from_json
'-0'|from_json
'01'|from_json
'"\\n"'|from_json|tojson
html|escape
html|e
html|safe
(html|safe)|e
(html|safe) + '<'
'<' + (html|safe)
'<' ~ (html|safe)
(html|e) + html
(html|safe)|upper
(html|safe)|replace('<', '>')
(html|safe)|length
html|forceescape
(d|tojson|safe) + '"'
[html|safe]
'%s'|safe|format('<')
(', '|safe).join(['<', '>'])
namespace(a=1).a
namespace({'a': 2}, b=3).b
namespace(a=1).nope
namespace(a=1)['a']
namespace(a=1)
dict(a=1, b=2)
dict(d, z=1)
dict([('a', 1)])
dict([1])
cycler('a', 'b').next()
joiner()()
{'a': 1, 'a': 2}
{1: 'x', true: 'y'}
{'a': 1}.a
{l: 1}
[1, 2, 3,]
(1,)
()
(1)
1, 2
'a' 'b' "c"
'\x41\u0042\U00000043\101\n\t\\\'\"'
0x1f + 0b101 + 0o17
1_000
1.5e3
1e3
.5
5.
1..x
"a" if "b"
'a'|upper ~ 'b'|lower
-1|abs
-s|length
(-1)|abs
1 + 2|string
l[0]|string ~ l[1]
not 1 in l
1 not in l and 2 in l
a.b.c
[l, l][1][0]
d.get('a') + 1
(l|length) * 2
l|length * 2
l|length > 2
s|length is odd
raise_exception('boom')
raise_exception()
strftime_now('%Y-%m-%d')
strftime_now('%d %b %Y %H:%M:%S %j %A %B %p %y %%')
strftime_now('%-d %e')
strftime_now(1)
s()
n()
nope()
s.upper()()
loop
true
True
none
None
False ~ None
s is nosuchtest
s|nosuchfilter
s.nosuchmethod()
s is is
1 +
{{ 1 }}
(1
[1
'abc
s | 
s.
s..x
s[
f(
not
in
1 if
x = 1
1 2
@
s|upper()|lower()
s|replace(old='o', new='0')
s|replace(new='0', old='o', count=1)
s|upper(1)
l|join(sep='x')
d|attr('a')
namespace(a=1)|attr('a')
u|tojson|length
ws.split()|join(' ')
words|map('length')|sum
words|map('first')|join
(words|join(',')).split(',')|map('upper')|list|tojson
words|select('string')|map('trim')|join(' ')
d.items()|map('first')|list
d.items()|map(attribute=1)|list
d.items()|sort(attribute=1)
d|dictsort|map('last')|list
rows|map(attribute='n')|map('upper')|join
rows|selectattr('v')|sort(attribute='v', reverse=true)|map(attribute='n')|join
rows|tojson|length
messages[0].role
messages[0]['content']
messages[-1].content
messages|length
messages[1:]
messages[1:]|length
messages[5].role
messages|last|tojson
s.__class__
s.__class__.__mro__
l.__len__()
''.__doc__
d.__init__
namespace(_x=1)._x
"\u00e9"|length
'a' < 'b' == true
'x' * 3 ~ 'y'
3 ~ 4 + 5
3 ~ 4 * 5
"%d%%" % 5
'a' if none is none else 'b'
l is defined and l|length == 3
[] is sequence and [] is not mapping
(1 if t else 2) + 1
[1, 2] + [3] == [1, 2, 3]
d == {'a': 2, 'b': 1, 'C': 3}
d.keys()|list == ['b', 'a', 'C']
d.values()|list
'a b'.split()[0]
'a b'.split(' ')[-1]
s[1:4]|upper
s[::-1]|lower
(s ~ s)[5:12]
s.split('o')|length
'x'.join(['a', 'b'])|upper
[1, [2, [3, [4]]]]|tojson(indent=1)
1 is defined is true
s is string is true
[0, 1, 2][-1]
'abc'[1]
'abc'[-4]
range(3)[5]
range(3)['x']
"a" ~ none|default('x', true)
(none)|default('x')
none or 'x'
none and 'x'
0 or false or none or [] or {} or '' or 'last'
1 and 'x' and 2
'%s' | format('é')
true + 1.5
true == 1
false < true
1.0 == true
7 / 2
6 / 2
7 // 2.0
2 ** 62
9223372036854775807
-9223372036854775807 - 1
1e1000
"""

_TEMPLATES = [
    "{% if t %}yes{% else %}no{% endif %}", "{% if z %}1{% elif n == 7 %}2{% else %}3{% endif %}", "{% if z %}x{% endif %}", "{% if nope %}x{% else %}y{% endif %}",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}-{{ loop.nextitem }};{% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}", "{% for x in l if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{% endfor %}",
    "{% for x in l if x > 5 %}{{ x }}{% else %}none{% endfor %}", "{% for x in [] %}{% else %}empty{% endfor %}", "{% for x in l %}{% continue %}{% else %}else{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}else{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for (a, b) in ll %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, b in l %}{% endfor %}", "{% for a, b, c in ll %}{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for c in u %}{{ c }}|{% endfor %}", "{% for x in nope %}{% endfor %}ok",
    "{% for x in z %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for x in l|map('string') %}{{ loop.last }}{% endfor %}",
    "{% for x in l|select('odd') %}{{ loop.length }}{{ x }}{% endfor %}", "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x = 1, 2 %}{{ x }}", "{% set (x, y) = (1, 2) %}{{ x + y }}",
    "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}", "{% for i in l %}{{ x }}{% set x = i %}{{ x }};{% endfor %}",
    "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns.x = 1 %}", "{% set s.x = 1 %}", "{% set d.x = 1 %}", "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}",
    "{% set x %}block {{ n }}{% endset %}[{{ x }}]", "{% set x | upper | trim %} block {{ s }} {% endset %}[{{ x }}]", "{% set x %}{% set y = 1 %}{% endset %}{{ y }}", "{% set true = 1 %}", "{% set 'x' = 1 %}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=5) }}{{ m(c=1, a=2) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=1) }}",
    "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m() %}[{{ caller(5) }}]{% endmacro %}{% call(x) m() %}body {{ x }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ s }}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}{% set x = 5 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% for i in l %}{{ m() }}{% endfor %}{% macro m() %}x{% endmacro %}",
    "{% macro m() %}{{ loop is defined }}{% endmacro %}{% for i in l %}{{ m() }}{% endfor %}", "{% macro m() %}<b>{% endmacro %}{{ m()|upper }}{{ m() + 'x' }}{{ m()|length }}", "{% macro m() %}x{% endmacro %}{{ m }}{{ m.name }}",
    "{% set ns = namespace(f=none) %}{% macro m() %}x{% endmacro %}{% set ns.f = m %}{{ ns.f() }}", "{% macro m(x) %}{% for i in range(x) %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) m(3) %}<{{ i }}>{% endcall %}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'x': 2}) }}",
    "{% filter upper %}abc {{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}banana{% endfilter %}", "{% filter indent(2) %}a\nb{% endfilter %}", "{% filter nosuch %}{% endfilter %}", "{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}",
    "{% with %}{% set q2 = 1 %}{{ q2 }}{% endwith %}{{ q2 }}", "{% generation %}a {{ n }}{% endgeneration %}b", "{% generation %}{% set gg = 1 %}{{ gg }}{% endgeneration %}{{ gg }}", "{% print 1 %}", "{% print 1, 'x' %}",
    "{% raw %}{{ x }} {% y %} {# z #}{% endraw %}", "{%- raw -%}  {{ x }}  {%- endraw -%}  y", "a {# comment #} b", "a {#- comment -#} b", "a\n{# comment #}\nb", "a\n  {# comment #}  \nb", "{# {% if %} #}x", "{# unclosed", "x{#", "x{% raw %}", "{{ s % range(3) }}", "{{ nope|reverse|list }}{{ nope|truncate(5) }}{{ l|truncate(5) }}", "{{ html|e|map('upper')|list }}", "{{ (html|e)[0] + '<' }}",
    "  {% if t %}\n  x\n  {% endif %}\n  y\n", "  {%+ if t %}\n  x\n  {%+ endif %}\n  y\n", "  {%- if t -%}\n  x\n  {%- endif -%}\n  y\n", "a\n\n  {% if t %}\n\nx{% endif %}\n\n", "a  {{- n -}}  b", "a  {{ n }}  b\n\n", "{% if t +%}\nx{% endif %}",
    "x\n", "x\n\n", "\n", "", "x\r\ny\rz\r\n", "   {{ n }}", "  x {% if t %} y {% endif %} z", "\t {% set a = 1 %} \n{{ a }}", "{% if t %}\n\n\nx{% endif %}", "{%if t%}x{%endif%}", "{{n}}{{-n}}{{- n}}", "{{'}}'}}", "{{ '%}' }}", "{{ {'a': {'b': 1}}.a.b }}", "{{ {'a': {'b': 1}}}}",
    "{{ \"{{\" }}", "{% set x = '{% endset %}' %}{{ x }}", "{{ n }", "{{ n", "{% if t", "{% if t %}", "{% endif %}", "{% else %}", "{% for %}", "{% for x %}{% endfor %}", "{% for x in %}{% endfor %}", "{% if %}{% endif %}", "{% foo %}", "{% set %}", "{% set x %}",
    "{% set x = %}", "{% %}", "{% 1 %}", "{{ }}", "{{ 1; }}", "{% if t %}{% for x in l %}{% endif %}{% endfor %}", "{% break %}", "{% continue %}", "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% if t: %}x{% endif %}", "{% for x in l: %}{{ x }}{% endfor %}", "{% if t %}a{% else: %}b{% endif %}", "{% if t and n > 3 or z %}x{% endif %}", "{% if not (t and z) %}x{% endif %}", "{% if n in (1, 7) %}x{% endif %}", "{% if n is not in [1, 7] %}x{% endif %}",
    "{% for x in l recursive %}{{ x }}{% endfor %}", "{% for x in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ x.v }}{{ loop.depth }}[{{ loop(x.c) }}]{% endfor %}", "{% for x in l %}{{ loop(x) }}{% endfor %}",
    "{% for x in l %}{% for y in ll %}{{ loop.index }}{{ x }}{% endfor %}{{ loop.index }};{% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in ll %}{{ outer.index }}{{ loop.index }},{% endfor %}{% endfor %}", "{% for x in l %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% set m = l|map('string') %}{{ m|list }}{{ m|list }}", "{% set m = l|map('string') %}{{ m|first }}{{ m|list }}", "{% for x in l %}{% set ns = namespace(v=x) %}{{ ns.v }}{% endfor %}", "{% set ns = namespace(l=[]) %}{% for x in l %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(on=true) %}{% for x in l if ns.on %}{{ x }}{% set ns.on = false %}{% endfor %}", "{% set ns = namespace() %}{% set ns.self = 1 %}{{ ns.self }}{{ ns.other }}", "{% set c = cycler('a', 'b', 'c') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ = c.reset() %}{{ c.current }}",
    "{% set j = joiner('|') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}", "{% set x = 5 %}{% set x = x + 1 %}{{ x }}", "{% set s = s|upper %}{{ s }}", "{% set messages = messages + [{'role': 'x'}] %}{{ messages|length }}", "{% set range = 5 %}{{ range }}", "{% set loop = 5 %}{{ loop }}",
    "{% for s in l %}{{ s }}{% endfor %}{{ s }}", "{% for x in l %}{% endfor %}{{ x is defined }}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% do l.append(1) %}", "{% if nope is defined and nope.x %}{% endif %}ok",
    "{% if nope.x is defined %}{% endif %}", "{% set x = nope %}{{ x is defined }}{{ x }}", "{{ n }}{% if false %}{{ nope.x.y }}{% endif %}", "{% set a = b = 1 %}", "{% for x in l if loop.first %}{{ x }}{% endfor %}", "{% set x = (1 if z) %}{{ x is defined }}",
    "{%- for m in messages -%}\n  {{- '<|' ~ m.role ~ '|>' -}}\n  {{ m.content }}\n{%- endfor -%}\n", "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}{{ 'S' }}{% endif %}{{ '<' + m['role'] + '>\n' + m['content'] }}{% endfor %}",
    "{% set ns = namespace(a=1) %}{% macro m() %}{% set ns.a = ns.a + 1 %}{% endmacro %}{{ m() }}{{ m() }}{{ ns.a }}", "{% macro m() %}{% if true %}{{ 'x' }}{% endif %}\n{% endmacro %}[{{ m() }}]", "{%- macro m(x) -%}\n  {{- x -}}\n{%- endmacro -%}\n[{{ m(1) }}]",
    "{% set x = [] %}{% for i in x %}{% endfor %}{{ x }}", "{% set a = {'k': []} %}{% set _ = a.k.append(1) %}", "{% if 'append' in l %}{% endif %}{{ l.append is defined }}", "{{ loop.index }}", "{% if loop is defined %}x{% endif %}y", "{{ caller() }}", "{% call nope() %}{% endcall %}",
    "{% call 5 %}{% endcall %}", "{% macro m(caller) %}{{ caller }}{% endmacro %}", "{% set x = namespace %}{{ x(a=1).a }}", "{% set up = s.upper %}{{ up() }}", "{% set r = range(3) %}{{ r[1] }}{{ r|list }}{{ r|list }}", "{% for x in l %}\n{% if x > 1 %}\n{{ x }}\n{% endif %}\n{% endfor %}\nend",
    "{% for x in l -%}\n  {{ x }}\n{%- endfor %}", "a{% if t %} {% endif %}b", "  {{ n }}  {% if t %}\n{% endif %}  x", "{% set x = 'a\nb' %}{{ x }}", "{{ 'line1\\nline2' }}", "{{ \"\\\"\" }}", "{{ '\\u00e9' }}", "é{{ 'ü' }}{% if 'ö' %}ñ{% endif %}", "\u00a0{% if t %}x{% endif %}\u3000{%- if t %}y{% endif %}",
    "{{ üñí }}", "{% set größe = 5 %}{{ größe }}", "{{ s }}\u2028{% if t %}x{% endif %}", "{% raw %}unclosed", "{% raw %}  x  {% endraw %}\n\ny", "{% raw -%}  x  {%- endraw +%}\n\ny", "  {% raw %}x{% endraw %}", "{{ 1 }}{# a #}{# b #}\n{{ 2 }}", "{#- a -#}\n\n  x", "{#+ a +#}\n\n  x",
]

CASES = ["{{ " + line + " }}" for line in _EXPRESSIONS.split("\n") if line] + _TEMPLATES
# What jinja2 renders and we refuse: complex numbers, integers of more than 64 bits, methods of numbers, names that are
# wrong where jinja2 does not look (we do at once), ranges of code that chat templates never use.
REFUSED = [
    "{{ (-8) ** 0.5 }}", "{{ 2 ** 64 }}", "{{ 99999999999999999999 }}", "{{ f.is_integer() }}", "{{ []|select('nosuchtest')|list }}", "{% if false %}{{ s|nosuchfilter }}{% endif %}",
    "{{ s.encode() }}", "{{ s.expandtabs() }}", "{{ s|urlize }}", "{{ l|random }}", "{{ rows|groupby('n') }}", "{% block x %}{% endblock %}", "{% autoescape true %}{% endautoescape %}", "{{ '\\N{DIGIT ONE}' }}",
]
# What Python does and we stop, for its size.
TOO_LARGE = [
    "{{ 'a' * 100000000 }}", "{{ '%999999999d' % 1 }}", "{{ 'a'|center(999999999) }}", "{{ 'a\nb'|indent(999999999) }}", "{{ [1]|tojson(indent=999999999) }}", "{{ 'a'.ljust(999999999) }}", "{{ '{:999999999}'.format(1) }}",
]
BATCHES = [CASES[i::4] for i in range(4)]
