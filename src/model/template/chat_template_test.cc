#include "model/template/chat_template.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bowhead::model {
namespace {

using base::StatusCode;

Value Message(const std::string& role, const std::string& content) {
  Dict message;
  message.Set("role", Value::String(role));
  message.Set("content", Value::String(content, true));
  return Value::FromDict(std::move(message));
}

Value Context(std::vector<Value> messages = {Message("user", "Hi")}) {
  Dict context;
  context.Set("messages", Value::FromList(std::move(messages)));
  context.Set("add_generation_prompt", Value::Bool(true));
  context.Set("bos_token", Value::String("<s>"));
  context.Set("eos_token", Value::String("</s>"));
  context.Set("user", Value::String("USER", true));
  return Value::FromDict(std::move(context));
}

base::Result<RenderedPrompt> Render(const std::string& source, const RenderLimits& limits = {},
                                    const Value& context = Context()) {
  const auto parsed = ChatTemplate::Parse(source, "test");
  if (!parsed.ok()) return parsed.status();
  return (*parsed)->Render(context, limits);
}

std::string Text(const std::string& source) {
  const auto result = Render(source);
  return result.ok() ? result->text : "error: " + result.status().message();
}

// The prompt with its untrusted parts in [brackets].
std::string Origins(const std::string& source) {
  const auto result = Render(source);
  if (!result.ok()) return "error: " + result.status().message();
  std::string out;
  std::size_t at = 0;
  for (const ByteRange& range : result->untrusted) {
    out += result->text.substr(at, range.begin - at) + "[" + result->text.substr(range.begin, range.end - range.begin) +
           "]";
    at = range.end;
  }
  return out + result->text.substr(at);
}

base::Status Error(const std::string& source, const RenderLimits& limits = {}) {
  const auto result = Render(source, limits);
  return result.ok() ? base::OkStatus() : result.status();
}

TEST(ChatTemplate, RendersAConversation) {
  EXPECT_EQ(Text("{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m['content'] }}\n{% endfor %}"
                 "{% if add_generation_prompt %}<|assistant|>{% endif %}"),
            "<s><|user|>Hi\n<|assistant|>");
}

// Every operation must say which bytes are the user's; a wrong answer lets them forge a turn.
TEST(ChatTemplate, KeepsOriginThroughEveryOperation) {
  EXPECT_EQ(Origins("a{{ user }}b"), "a[USER]b");
  EXPECT_EQ(Origins("{{ 'x' ~ user ~ 'y' }}"), "x[USER]y");
  EXPECT_EQ(Origins("{{ 'x' + user + 'y' }}"), "x[USER]y");
  EXPECT_EQ(Origins("{{ ('x' + user + 'y')[1:3] }}"), "[US]");
  EXPECT_EQ(Origins("{{ ('x' + user + 'y')[::-1] }}"), "y[RESU]x");
  EXPECT_EQ(Origins("{{ ('x' + user)|reverse }}"), "[RESU]x");
  EXPECT_EQ(Origins("{{ ('x' + user)[4] }}"), "[R]");
  EXPECT_EQ(Origins("{{ ('x' + user)|upper|lower|title|capitalize }}"), "X[user]");
  EXPECT_EQ(Origins("{{ ('  ' + user + ' ')|trim }}"), "[USER]");
  EXPECT_EQ(Origins("{{ ('x' + user).strip('xR') }}"), "[USE]");
  EXPECT_EQ(Origins("{{ ('a,' + user + ',b').split(',')|join('-') }}"), "a-[USER]-b");
  EXPECT_EQ(Origins("{{ (user + ' ' + 'b').split()[0] }}"), "[USER]");
  EXPECT_EQ(Origins("{{ (user + ':b').partition(':')|join }}"), "[USER]:b");
  EXPECT_EQ(Origins("{{ user|replace('S', 'tt') }}"), "[U]tt[ER]");
  EXPECT_EQ(Origins("{{ 'abc'|replace('b', user) }}"), "a[USER]c");
  EXPECT_EQ(Origins("{{ ['a', user]|join(', ') }}"), "a, [USER]");
  EXPECT_EQ(Origins("{{ user.join(['a', 'b']) }}"), "a[USER]b");
  EXPECT_EQ(Origins("{{ '%s|%5s' % (user, 'x') }}"), "[USER]|    x");
  EXPECT_EQ(Origins("{{ '%s'|format(user) }}"), "[USER]");
  EXPECT_EQ(Origins("{{ '{}-{a:>6}'.format(user, a=user) }}"), "[USER]-  [USER]");
  EXPECT_EQ(Origins("{{ {'k': user}|tojson }}"), "{\"k\": \"[USER]\"}");
  EXPECT_EQ(Origins("{{ (user ~ '\\n')|tojson }}"), "\"[USER]\\n\"");
  EXPECT_EQ(Origins("{{ [user] }}"), "['[USER]']");
  EXPECT_EQ(Origins("{{ ('<' ~ user)|escape }}"), "&lt;[USER]");
  EXPECT_EQ(Origins("{{ (user ~ '\nx')|indent(2) }}"), "[USER]\n  x");
  EXPECT_EQ(Origins("{% for c in user %}{{ c }}.{% endfor %}"), "[U].[S].[E].[R].");
  EXPECT_EQ(Origins("{{ user * 2 ~ 'x' * 2 }}"), "[USERUSER]xx");
  EXPECT_EQ(Origins("{{ user.center(8, '*') }}"), "**[USER]**");
  EXPECT_EQ(Origins("{{ user|truncate(3, true, '.', leeway=0) }}"), "[US].");
  EXPECT_EQ(Origins("{{ user.zfill(6) }}"), "00[USER]");
  EXPECT_EQ(Origins("{% set x %}a{{ user }}{% endset %}{{ x }}"), "a[USER]");
  EXPECT_EQ(Origins("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(user)|trim }}"), "<[USER]>");
  EXPECT_EQ(Origins("{% filter lower %}A{{ user }}{% endfilter %}"), "a[user]");
  EXPECT_EQ(Origins("{{ [user, 'a']|map('lower')|join }}"), "[user]a");
  EXPECT_EQ(Origins("{{ [user, 'a']|max ~ [user, 'Z']|min }}"), "[USERUSER]");
  EXPECT_EQ(Origins("{{ ('{\"a\": \"' ~ user ~ 'x\"}')|from_json|tojson }}"), "{\"a\": \"[USER]x\"}");
  EXPECT_EQ(Origins("{{ {user: 1} }}"), "{'[USER]': 1}");
  EXPECT_EQ(Origins("{{ ('a' ~ user ~ 'b').splitlines()|first }}"), "a[USER]b");
  EXPECT_EQ(Origins("{{ strftime_now(user) }}"), "[USER]");
}

TEST(ChatTemplate, SyntaxErrorsCarryTheirLine) {
  const base::Status status = Error("a\nb\n{% if %}");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("'test' line 3"), std::string::npos) << status.message();
  for (const char* source :
       {"{{", "{{ 1", "{% if x %}", "{% endif %}", "{{ 'a }}", "{# x", "{% raw %}x", "{{ (1 }}",
        "{% for x %}{% endfor %}", "{% break %}", "{{ 1 2 }}", "{{ a.1.b( }}", "{% set 1 = 2 %}"}) {
    EXPECT_EQ(Error(source).code(), StatusCode::kInvalidArgument) << source;
  }
}

TEST(ChatTemplate, UnknownConstructsAreRefusedWhenParsed) {
  for (const char* source : {"{% if false %}\n{{ 1|nosuch }}{% endif %}", "\n{{ 1 is nosuch }}", "\n{% nosuch %}",
                             "\n{% include 'x' %}", "\n{{ 'x'.nosuch() }}", "\n{{ [1]|map('nosuch') }}",
                             "\n{{ [1]|selectattr('a', 'nosuch') }}", "\n{{ 99999999999999999999 }}"}) {
    const auto parsed = ChatTemplate::Parse(source, "test");
    ASSERT_FALSE(parsed.ok()) << source;
    EXPECT_EQ(parsed.status().code(), StatusCode::kUnimplemented) << source;
    EXPECT_NE(parsed.status().message().find("line 2"), std::string::npos) << parsed.status().message();
  }
  // A name that the template itself defines may be called.
  EXPECT_EQ(Text("{% macro m() %}x{% endmacro %}{% set ns = namespace(go=m) %}{{ ns.go() }}"), "x");
}

TEST(ChatTemplate, RaiseExceptionGivesTheTemplatesMessage) {
  const base::Status status = Error("\n\n{{ raise_exception('Roles must alternate') }}");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "Roles must alternate");
}

TEST(ChatTemplate, RuntimeErrorsCarryTheirLine) {
  const base::Status status = Error("\n{{ missing.attribute }}");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "chat template 'test' line 2: 'missing' is undefined");
  EXPECT_EQ(Error("{{ 'x' + 1 }}").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Error("{{ messages[0].nope.x }}").message(), "chat template 'test' line 1: there is no attribute 'nope'");
}

TEST(ChatTemplate, TheSandboxForbidsChanges) {
  EXPECT_EQ(Error("{{ messages.append(1) }}").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Error("{% set x = {} %}{{ x.update({'a': 1}) }}").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Error("{% set messages.x = 1 %}").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Text("{{ messages.append is defined }}"), "False");
}

TEST(ChatTemplate, LimitsOnWork) {
  RenderLimits limits;
  limits.max_steps = 10'000;
  limits.max_output_bytes = 100'000;
  for (const char* source : {
           "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
           "{{ 'a' * 1000000000 }}",
           "{{ [1] * 1000000000 }}",
           "{{ range(1000000000000) }}",
           "{% for i in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}",
           "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
           "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
           "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
           // Shared parts make small trees that are huge to walk.
           "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
           "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
           "{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
           "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
           "{{ ns.l|tojson }}",
           // Deep nesting would overflow the stack when it is freed.
           "{% set ns = namespace(l=1) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}",
           "{% set ns = namespace(l=1) %}{% for i in range(5000) %}{% set ns.l = {'a': ns.l}.items() %}{% endfor %}",
           "{{ ''.join(['a' * 90000, 'b' * 90000]) }}",
           "{{ ('a' * 1000)|replace('a', 'b' * 1000) }}",
           "{{ '%100000000d' % 1 }}",
           "{{ '{:>100000000}'.format(1) }}",
           "{{ 'a'.ljust(100000000) }}",
           "{{ 'a\nb'|indent(100000000) }}",
           "{{ [1]|batch(100000000, 0)|list }}",
           "{{ 10 ** 30 }}",
           "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
       }) {
    EXPECT_EQ(Error(source, limits).code(), StatusCode::kResourceExhausted) << source;
  }
}

TEST(ChatTemplate, LimitsOnTheSource) {
  for (const std::string& piece : {std::string("{{ "), std::string("(")}) {
    EXPECT_FALSE(ChatTemplate::Parse("{{ " + std::string(100'000, piece[0]) + "1", "deep").ok());
  }
  std::string sum = "{{ 1";
  for (int i = 0; i < 100'000; ++i) sum += " + 1";
  EXPECT_FALSE(ChatTemplate::Parse(sum + " }}", "long").ok());
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "{% if 1 %}";
  EXPECT_FALSE(ChatTemplate::Parse(blocks, "blocks").ok());
  std::string calls = "{{ x";
  for (int i = 0; i < 100'000; ++i) calls += "()";
  EXPECT_FALSE(ChatTemplate::Parse(calls + " }}", "calls").ok());
  EXPECT_FALSE(ChatTemplate::Parse("{{ " + std::string(100'000, '-') + "1 }}", "minus").ok());
  EXPECT_FALSE(ChatTemplate::Parse("{{ not " + std::string(100'000, '[') + " }}", "list").ok());
}

TEST(ChatTemplate, NamespacesInACircleAreFreed) {
  // The leak checker of the sanitizer build sees it if not.
  EXPECT_EQ(Text("{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a.b.a.b is defined }}"),
            "True");
  RenderLimits limits;
  limits.max_steps = 2'000'000;
  EXPECT_TRUE(Render("{% set ns = namespace(x=0) %}{% for i in range(100000) %}{% set ns.x = namespace(x=ns.x) %}"
                     "{% endfor %}",
                     limits)
                  .ok());
}

TEST(ChatTemplate, ClosuresOutliveTheirScope) {
  EXPECT_EQ(Text("{% set ns = namespace(f=none) %}{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}"
                 "{% set ns.f = m %}{% endfor %}{{ ns.f() }}"),
            "2");
  EXPECT_EQ(Text("{% set ns = namespace(f=none) %}{% macro keep() %}{% set ns.f = caller %}{% endmacro %}"
                 "{% for i in [1, 2] %}{% call keep() %}{{ i }}{% endcall %}{% endfor %}{{ ns.f() }}"),
            "2");
  EXPECT_EQ(Text("{% set ns = namespace(l=none) %}{% for i in [1, 2] %}{% set ns.l = loop %}{% endfor %}"
                 "{{ ns.l.index }}{{ ns.l.last }}{{ ns.l.length }}"),
            "2True2");
  EXPECT_FALSE(Render("{% set ns = namespace(l=none) %}{% for i in [[]] recursive %}{% set ns.l = loop %}{% endfor %}"
                      "{{ ns.l([1]) }}")
                   .ok());
}

TEST(ChatTemplate, StrftimeNowUsesTheGivenMoment) {
  RenderLimits limits;
  limits.now_unix_seconds = 1'732'450'000;  // 2024-11-24, midday in UTC
  const auto result = Render("{{ strftime_now('%Y-%m') }}", limits);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text, "2024-11");
  EXPECT_EQ(Text("{{ strftime_now('%Y')|length }}"), "4");
  EXPECT_EQ(Text("{{ strftime_now('%') }}{{ strftime_now('%%%Q%') }}"), "%%%Q%");
}

TEST(ChatTemplate, InvalidUtf8PassesThrough) {
  Dict context;
  context.Set("x", Value::String("a\xFF\xC3z", true));
  const auto result =
      Render("{{ x }}{{ x|length }}{{ x[::-1] }}{{ x|upper }}{{ x|tojson }}", {}, Value::FromDict(std::move(context)));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text,
            "a\xFF\xC3z4z\xC3\xFF"
            "aA\xFF\xC3Z\"a\xFF\xC3z\"");
}

TEST(ChatTemplate, ContextMustBeADict) {
  EXPECT_EQ(Render("x", {}, Value::FromList({})).status().code(), StatusCode::kInvalidArgument);
  Value deep = Value::Int(1);
  for (int i = 0; i < 1000; ++i) deep = Value::FromList({deep});
  Dict context;
  context.Set("deep", deep);
  EXPECT_EQ(Render("x", {}, Value::FromDict(std::move(context))).status().code(), StatusCode::kResourceExhausted);
}

TEST(ChatTemplate, OneTemplateServesManyThreads) {
  const auto parsed = ChatTemplate::Parse(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content|upper }}{% endfor %}"
      "{{ ns.n }}",
      "test");
  ASSERT_TRUE(parsed.ok());
  const Value context = Context(std::vector<Value>(50, Message("user", "ab")));
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto result = (*parsed)->Render(context, {});
        good[t] += result.ok() && result->text.size() == 102 && result->untrusted.size() == 1 ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 50));
}

TEST(BuiltInTemplates, RenderATurn) {
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"chatml",
       "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
       "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n"},
      {"llama2", "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Yo </s><s>[INST] Bye [/INST]"},
      {"llama3",
       "<s><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
       "Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYo<|eot_id|><|start_header_id|>user"
       "<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
      {"gemma",
       "<s><start_of_turn>user\nBe kind.\n\nHi<end_of_turn>\n<start_of_turn>model\nYo<end_of_turn>\n"
       "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n"},
      {"mistral", "<s>[INST] Be kind.\n\nHi[/INST] Yo</s>[INST] Bye[/INST]"},
      {"plain", "System: Be kind.\nUser: Hi\nAssistant: Yo\nUser: Bye\nAssistant:"},
  };
  const Value context = Context(
      {Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Yo"), Message("user", "Bye")});
  for (const auto& [name, text] : expected) {
    const auto built_in = ChatTemplate::BuiltIn(name);
    ASSERT_TRUE(built_in.ok()) << name << built_in.status().message();
    EXPECT_EQ((*built_in)->name(), name);
    const auto result = (*built_in)->Render(context, {});
    ASSERT_TRUE(result.ok()) << name;
    EXPECT_EQ(result->text, text);
    EXPECT_EQ(result->untrusted.size(), 4U) << name;
  }
  EXPECT_EQ(ChatTemplate::BuiltIn("nosuch").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace bowhead::model
