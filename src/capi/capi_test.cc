// The part of the C ABI that needs no model: what is set, and how mistakes are told.
#include <bowhead/bowhead.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

#include "capi/request.h"

namespace bowhead::capi {
namespace {

struct Free {
  void operator()(bowhead_request* request) const { bowhead_request_free(request); }
  void operator()(bowhead_options* options) const { bowhead_options_free(options); }
};

/// What a call said: "" or "PARAM: MESSAGE". Checks that code and error agree.
template <class Call>
std::string Said(Call call) {
  bowhead_error* error = nullptr;
  const int code = call(&error);
  EXPECT_EQ(code == BOWHEAD_OK, error == nullptr);
  if (error == nullptr) return "";
  EXPECT_EQ(bowhead_error_code(error), code);
  std::string text = std::string(bowhead_error_param(error)) + ": " + bowhead_error_message(error);
  bowhead_error_free(error);
  return text;
}

class RequestTest : public testing::Test {
 protected:
  std::string Int(const char* name, std::int64_t value) {
    return Said([&](bowhead_error** e) { return bowhead_request_set_int(request_.get(), name, value, e); });
  }
  std::string Number(const char* name, double value) {
    return Said([&](bowhead_error** e) { return bowhead_request_set_number(request_.get(), name, value, e); });
  }
  std::string Text(const char* name, const char* text) {
    return Said(
        [&](bowhead_error** e) { return bowhead_request_set_text(request_.get(), name, text, BOWHEAD_NUL, e); });
  }
  std::string Add(const char* name, const char* text) {
    return Said(
        [&](bowhead_error** e) { return bowhead_request_add_text(request_.get(), name, text, BOWHEAD_NUL, e); });
  }

  const std::unique_ptr<bowhead_request, Free> request_{bowhead_request_new()};
};

TEST_F(RequestTest, TakesWhatIsInRange) {
  EXPECT_EQ(Int("max_tokens", 3) + Int("seed", -1) + Int("top_k", 40) + Int("logprobs", 20) + Int("ignore_eos", 1), "");
  EXPECT_EQ(Number("temperature", 0) + Number("top_p", 1) + Number("frequency_penalty", -2), "");
  EXPECT_EQ(request_->max_tokens, 3);
  EXPECT_TRUE(request_->has_seed);
  EXPECT_EQ(request_->sampling.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(request_->sampling.temperature, 0.0F);
}

TEST_F(RequestTest, NamesWhatIsWrong) {
  EXPECT_EQ(Int("max_tokens", 0), "max_tokens: 'max_tokens' must be from 1 to 16777216, not 0");
  EXPECT_EQ(Number("top_p", 0), "top_p: 'top_p' must be above 0 to 1, not 0");
  EXPECT_EQ(Number("temperature", 2.5), "temperature: 'temperature' must be from 0 to 2, not 2.5");
  EXPECT_NE(Number("min_p", std::numeric_limits<double>::quiet_NaN()), "");
  EXPECT_EQ(Int("temperature", 1), "temperature: a request has no whole number called 'temperature'");
  EXPECT_EQ(Text("tempreature", "1"), "tempreature: a request has no text called 'tempreature'");
  EXPECT_NE(Add("stop", ""), "");
}

TEST_F(RequestTest, HasOneConstraint) {
  EXPECT_EQ(Add("choice", "a") + Add("choice", "b"), "");
  EXPECT_EQ(request_->constraint->choices.size(), 2U);
  EXPECT_EQ(Text("regex", "a+"), "regex: 'regex' cannot be combined with 'choice': an answer matches one of them");
}

TEST_F(RequestTest, ReadsMessages) {
  EXPECT_EQ(Text("messages", R"([
    {"role": "developer", "content": "Be short."},
    {"role": "user", "content": [{"type": "text", "text": "Wea"}, {"type": "text", "text": "ther?"}], "name": "Ada"},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "index": 0,
      "function": {"name": "weather", "arguments": "{\"city\": \"Rome\", \"days\": 2}"}}]},
    {"role": "tool", "tool_call_id": "1", "content": "sunny"}])"),
            "");
  ASSERT_EQ(request_->messages.size(), 4U);
  EXPECT_EQ(request_->messages[0].role, "system");
  EXPECT_EQ(request_->messages[1].content, "Weather?");
  const assistant::ToolCall& call = request_->messages[2].tool_calls.at(0);
  EXPECT_EQ(call.name, "weather");
  ASSERT_TRUE(call.parsed_arguments.IsDict());
  EXPECT_EQ(call.parsed_arguments.dict().Find("days")->int_value(), 2);
}

TEST_F(RequestTest, TellsWhichMessageIsWrong) {
  const auto param = [](const std::string& said) { return said.substr(0, said.find(": ")); };
  EXPECT_EQ(param(Text("messages", "{}")), "messages");
  EXPECT_EQ(param(Text("messages", "[1")), "messages");
  EXPECT_EQ(param(Text("messages", "[1]")), "messages[0]");
  EXPECT_EQ(param(Text("messages", R"([{"role": "robot", "content": ""}])")), "messages[0].role");
  EXPECT_EQ(param(Text("messages", R"([{"role": "user"}])")), "messages[0].content");
  EXPECT_EQ(param(Text("messages", R"([{"role": "user", "content": "x", "audio": {}}])")), "messages[0].audio");
  EXPECT_EQ(param(Text("messages", R"([{"role": "user", "content": [{"type": "image_url"}]}])")),
            "messages[0].content[0]");
  EXPECT_EQ(param(Text("messages", R"([{"role": "tool", "tool_call_id": "9", "content": "x"}])")),
            "messages[0].tool_call_id");
  EXPECT_TRUE(request_->messages.empty());
  const std::string deep = std::string(100'000, '[');
  EXPECT_EQ(param(Text("messages", deep.c_str())), "messages");
}

TEST_F(RequestTest, ReadsTools) {
  const std::string tool = R"({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}})";
  EXPECT_EQ(Text("tools", ("[" + tool + "]").c_str()), "");
  EXPECT_EQ(request_->tools.names, std::vector<std::string>{"f"});
  EXPECT_EQ(Text("tools", ("[" + tool + "," + tool + "]").c_str()), "tools[1].function.name: two tools are called 'f'");
  EXPECT_NE(Text("tools", R"([{"type": "function", "function": {"name": "a b"}}])"), "");
  EXPECT_NE(Text("tools", R"([{"type": "retrieval"}])"), "");
  EXPECT_EQ(Text("tool_choice", "none"), "");
  EXPECT_FALSE(request_->call_tools);
}

TEST(OptionsTest, NamesWhatIsWrong) {
  const std::unique_ptr<bowhead_options, Free> options(bowhead_options_new());
  const auto set = [&](const char* name, const char* value) {
    return Said([&](bowhead_error** e) { return bowhead_options_set_string(options.get(), name, value, e); });
  };
  EXPECT_EQ(set("device", "cpu") + set("kv_type", "q8") + set("speculate", "off") + set("packed_cache", "off"), "");
  EXPECT_EQ(set("device", "cuda"), "device: 'device' must be 'cpu': this build runs on the processor only");
  EXPECT_EQ(set("colour", "red"), "colour: there is no text called 'colour' among a model's options");
  EXPECT_EQ(bowhead_options_set_int(options.get(), "threads", -1, nullptr), BOWHEAD_INVALID_ARGUMENT);
}

TEST(LoadTest, AMissingModelIsAnError) {
  bowhead_model* model = nullptr;
  const std::string said = Said([&](bowhead_error** e) { return bowhead_load("no/such.gguf", nullptr, &model, e); });
  EXPECT_NE(said.find("does not exist"), std::string::npos) << said;
  EXPECT_EQ(model, nullptr);
  bowhead_model_free(nullptr);
  bowhead_error_free(nullptr);
}

}  // namespace
}  // namespace bowhead::capi
