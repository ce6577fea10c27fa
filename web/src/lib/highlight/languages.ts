// Small grammars for the languages that models write most. They colour; they do not parse. Each rule is a sticky
// pattern tried in order at the current place; `to` switches the state, which goes on into the next line.

export type Class = 'comment' | 'string' | 'number' | 'keyword' | 'literal' | 'type' | 'call' | 'name' | 'tag' | 'meta' | '';

export interface Rule {
  pattern: RegExp;
  class: Class;
  to?: string;
}

export type Grammar = Record<string, Rule[]>;

const rule = (source: RegExp, name: Class, to?: string): Rule => ({
  pattern: new RegExp(source.source, source.flags.replace('g', '') + 'y'),
  class: name,
  ...(to === undefined ? {} : { to }),
});

const words = (list: string, flags = ''): RegExp => new RegExp(`(?:${list.split(' ').join('|')})(?![\\w$])`, flags);

const SPACE = rule(/\s+/, '');
const NUMBER = rule(/(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.[\d_]+)?(?:[eE][+-]?\d+)?)[a-zA-Z]*/, 'number');
const DOUBLE = rule(/"(?:\\.|[^"\\])*"?/, 'string');
const SINGLE = rule(/'(?:\\.|[^'\\])*'?/, 'string');
const CHARACTER = rule(/'(?:\\.[^']{0,8}|[^'\\])'/, 'string');
const LINE_COMMENT = rule(/\/\/.*/, 'comment');
const HASH_COMMENT = rule(/#.*/, 'comment');
const BLOCK_OPEN = rule(/\/\*/, 'comment', 'block');
const CALL = rule(/[A-Za-z_$][\w$]*(?=\s*\()/, 'call');
const TYPE = rule(/[A-Z][\w$]*/, 'type');
const WORD = rule(/[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*/, '');

/** Until `close`; the rest of a line without it stays in the state. */
const until = (close: string, name: Class): Rule[] => [
  rule(new RegExp(`[^]*?${close}`), name, 'main'),
  rule(/[^]+/, name),
];

/** The C family's skeleton around a list of keywords. */
function curly(keywords: string, literals: string, options: { first?: Rule[]; states?: Grammar; char?: boolean } = {}): Grammar {
  return {
    main: [
      SPACE, LINE_COMMENT, BLOCK_OPEN, ...(options.first ?? []), DOUBLE, options.char ? CHARACTER : SINGLE, NUMBER,
      rule(words(keywords), 'keyword'), rule(words(literals), 'literal'), CALL, TYPE, WORD,
    ],
    block: until('\\*/', 'comment'),
    ...options.states,
  };
}

const javascript = curly(
  'abstract any as asserts async await boolean break case catch class const continue debugger declare default delete do else enum export extends finally for from function get if implements import in infer instanceof interface is keyof let namespace never new number object of override private protected public readonly return satisfies set static string super switch symbol this throw try type typeof unknown var void while with yield',
  'true false null undefined NaN Infinity',
  {
    first: [rule(/`/, 'string', 'template'), rule(/@[\w.]+/, 'meta'), rule(/\/(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]+/, 'string')],
    states: { template: [rule(/(?:\\.|[^`\\])*`/, 'string', 'main'), rule(/[^]+/, 'string')] },
  },
);

const python: Grammar = {
  main: [
    SPACE, HASH_COMMENT,
    rule(/[rbfuRBFU]{0,2}"""/, 'string', 'double3'), rule(/[rbfuRBFU]{0,2}'''/, 'string', 'single3'),
    rule(/[rbfuRBFU]{0,2}"(?:\\.|[^"\\])*"?/, 'string'), rule(/[rbfuRBFU]{0,2}'(?:\\.|[^'\\])*'?/, 'string'),
    rule(/@[\w.]+/, 'meta'), NUMBER,
    rule(words('and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield'), 'keyword'),
    rule(words('True False None self cls'), 'literal'), CALL, TYPE, WORD,
  ],
  double3: until('"""', 'string'),
  single3: until("'''", 'string'),
};

const cpp = curly(
  'alignas alignof asm auto bool break case catch char char16_t char32_t char8_t class co_await co_return co_yield concept const consteval constexpr constinit const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern final float for friend goto if inline int long mutable namespace new noexcept operator override private protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template this thread_local throw try typedef typeid typename union unsigned using virtual void volatile wchar_t while size_t ssize_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t',
  'true false nullptr NULL',
  { first: [rule(/#\s*\w+(?:\s*<[^>]*>)?/, 'meta')], char: true },
);

const rust = curly(
  'as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return self static struct super trait type unsafe use where while bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize',
  'true false None Some Ok Err Self',
  { first: [rule(/#!?\[[^\]]*\]?/, 'meta'), rule(/'[a-z_]\w*(?!')/, 'type'), rule(/[a-z_]\w*!(?!=)/, 'call')], char: true },
);

const go = curly(
  'any bool break byte case chan complex64 complex128 const continue default defer else error fallthrough float32 float64 for func go goto if import int int8 int16 int32 int64 interface map package range return rune select string struct switch type uint uint8 uint16 uint32 uint64 uintptr var',
  'true false nil iota',
  {
    first: [rule(/`/, 'string', 'raw')],
    states: { raw: until('`', 'string') },
    char: true,
  },
);

const java = curly(
  'abstract assert boolean break byte case catch char class const continue default do double else enum extends final finally float for if implements import instanceof int interface long native new non-sealed package permits private protected public record return sealed short static strictfp super switch synchronized this throw throws transient try var void volatile when while yield fun val object override companion suspend',
  'true false null',
  { first: [rule(/"""/, 'string', 'text'), rule(/@\w+/, 'meta')], states: { text: until('"""', 'string') }, char: true },
);

const json: Grammar = {
  main: [
    SPACE, LINE_COMMENT, BLOCK_OPEN, rule(/"(?:\\.|[^"\\])*"(?=\s*:)/, 'name'), DOUBLE, rule(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/, 'number'),
    rule(words('true false null'), 'literal'), WORD,
  ],
  block: until('\\*/', 'comment'),
};

const bash: Grammar = {
  main: [
    SPACE, rule(/#(?<=(?:^|\s)#).*/, 'comment'), rule(/"/, 'string', 'double'), rule(/'[^']*'/, 'string'), rule(/'/, 'string', 'single'),
    rule(/\$(?:\{[^}]*\}?|\w+|[@#?$!*-])/, 'name'), rule(/--?[A-Za-z][\w-]*/, 'meta'),
    rule(words('if then else elif fi for while until do done case esac in function select return break continue local export readonly declare source set unset shift exit'), 'keyword'),
    rule(words('sudo apt apt-get cd ls cp mv rm mkdir cat echo printf grep sed awk find xargs curl wget git docker make cmake npm npx node python python3 pip ssh scp tar chmod chown kill test true false'), 'call'),
    rule(/\d+(?![\w.-])/, 'number'), rule(/[\w.\/:@%+,-]+/, ''),
  ],
  double: [rule(/\$(?:\{[^}"]*\}?|\w+|[@#?$!*-])/, 'name'), rule(/(?:\\.|[^"\\$])+/, 'string'), rule(/"/, 'string', 'main'), rule(/[$\\]/, 'string')],
  single: until("'", 'string'),
};

const sql: Grammar = {
  main: [
    SPACE, rule(/--.*/, 'comment'), BLOCK_OPEN, SINGLE, rule(/"[^"]*"?|`[^`]*`?/, 'name'), NUMBER,
    rule(words('add all alter analyze and any as asc begin between by cascade case check column commit constraint create cross current database default delete desc distinct drop else end except exists explain foreign from full function group having if in index inner insert intersect into is join key left like limit not null offset on or order outer over partition primary references replace returning right rollback row rows select set table then to transaction trigger truncate union unique update using values view when where window with', 'i'), 'keyword'),
    rule(words('bigint blob bool boolean char date datetime decimal double float int integer json jsonb numeric real serial smallint text time timestamp uuid varchar', 'i'), 'type'),
    rule(words('true false null', 'i'), 'literal'), CALL, WORD,
  ],
  block: until('\\*/', 'comment'),
};

const yaml: Grammar = {
  main: [
    SPACE, HASH_COMMENT, rule(/(?:---|\.\.\.)\s*$/, 'meta'), rule(/-(?=\s)/, 'meta'),
    rule(/(?:"[^"]*"|'[^']*'|[\w.\/$ -]+?)(?=\s*:(?:\s|$))/, 'name'), DOUBLE, SINGLE, rule(/[&*!][\w!./-]+/, 'meta'),
    rule(words('true false null yes no on off'), 'literal'), rule(/-?\d+(?:\.\d+)?(?![\w.:-])/, 'number'), rule(/[^\s#:"'][^#:]*/, 'string'),
  ],
};

const css: Grammar = {
  main: [
    SPACE, BLOCK_OPEN, LINE_COMMENT, DOUBLE, SINGLE, rule(/@[\w-]+/, 'keyword'), rule(/--[\w-]+/, 'name'),
    rule(/[\w-]+(?=\s*:(?![:\w-]{0,40}\s*[{,]))/, 'name'), rule(/#[\da-fA-F]{3,8}(?![\w-])/, 'number'), rule(/[.#][\w-]+/, 'type'),
    rule(/-?\d*\.?\d+(?:%|[a-z]+)?/, 'number'), rule(/!important/, 'keyword'), rule(/[\w-]+(?=\()/, 'call'), rule(/[\w-]+/, ''),
  ],
  block: until('\\*/', 'comment'),
};

const html: Grammar = {
  main: [rule(/<!--/, 'comment', 'comment'), rule(/<![^>]*>?/, 'meta'), rule(/<\/?[A-Za-z][\w:.-]*/, 'tag', 'inside'), rule(/&[#\w]+;/, 'literal'), rule(/[^<&]+/, '')],
  inside: [SPACE, rule(/\/?>/, 'tag', 'main'), DOUBLE, SINGLE, rule(/[^\s=>"'/]+/, 'name'), rule(/[=/]/, '')],
  comment: until('-->', 'comment'),
};

const diff: Grammar = {
  main: [rule(/(?:@@|diff|index|---|\+\+\+).*/, 'meta'), rule(/\+.*/, 'string'), rule(/-.*/, 'keyword'), rule(/.+/, '')],
};

export const GRAMMARS: Record<string, Grammar> = {
  javascript, python, cpp, rust, go, java, json, bash, sql, yaml, css, html, diff,
};

export const ALIASES: Record<string, string> = {
  js: 'javascript', jsx: 'javascript', mjs: 'javascript', ts: 'javascript', tsx: 'javascript', typescript: 'javascript',
  py: 'python', python3: 'python', c: 'cpp', h: 'cpp', hpp: 'cpp', cc: 'cpp', cxx: 'cpp', 'c++': 'cpp', cuda: 'cpp', csharp: 'java', cs: 'java',
  rs: 'rust', golang: 'go', kotlin: 'java', kt: 'java', jsonc: 'json', json5: 'json', sh: 'bash', shell: 'bash', zsh: 'bash', console: 'bash',
  dockerfile: 'bash', postgresql: 'sql', mysql: 'sql', sqlite: 'sql', yml: 'yaml', scss: 'css', less: 'css', xml: 'html', svg: 'html', svelte: 'html', vue: 'html', patch: 'diff',
};

const NAMES: Record<string, string> = {
  javascript: 'JavaScript', js: 'JavaScript', jsx: 'JSX', ts: 'TypeScript', tsx: 'TSX', typescript: 'TypeScript', python: 'Python', py: 'Python', python3: 'Python',
  c: 'C', cpp: 'C++', 'c++': 'C++', cc: 'C++', rust: 'Rust', rs: 'Rust', go: 'Go', golang: 'Go', java: 'Java', kotlin: 'Kotlin', csharp: 'C#', json: 'JSON',
  bash: 'Bash', sh: 'Shell', shell: 'Shell', sql: 'SQL', yaml: 'YAML', yml: 'YAML', css: 'CSS', html: 'HTML', xml: 'XML', diff: 'Diff',
};

/** How a fence's info string is shown. */
export function languageName(language: string): string {
  return NAMES[language] ?? language;
}
