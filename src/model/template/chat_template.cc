#include "model/template/chat_template.h"

#include <exception>
#include <utility>

#include "model/template/ast.h"
#include "model/template/builtin.h"
#include "model/template/errors.h"
#include "model/template/interpreter.h"
#include "model/template/parser.h"

namespace bowhead::model {
namespace {

base::Status ToStatus(const TemplateError& error, const std::string& name) {
  if (error.raw) return {error.code, error.message};
  std::string message = "chat template '" + name + "'";
  if (error.line != 0) message += " line " + std::to_string(error.line);
  return {error.code, message + ": " + error.message};
}

// Runs `work`, whose exceptions end here.
template <class T, class Work>
base::Result<T> Guarded(const std::string& name, Work work) {
  try {
    return work();
  } catch (const TemplateError& error) {
    return ToStatus(error, name);
  } catch (const std::bad_alloc&) {
    return base::ResourceExhausted("chat template '" + name + "': out of memory");
  } catch (const std::exception& error) {
    return base::Internal("chat template '" + name + "': " + error.what());
  }
}

class ParsedTemplate : public ChatTemplate {
 public:
  ParsedTemplate(std::unique_ptr<const Program> program, std::string name, Dialect dialect)
      : program_(std::move(program)), name_(std::move(name)), dialect_(std::move(dialect)) {}

  [[nodiscard]] base::Result<RenderedPrompt> Render(const Value& context, const RenderLimits& limits) const override {
    return Guarded<RenderedPrompt>(name_, [&]() -> base::Result<RenderedPrompt> {
      Text text = Interpreter(*program_, context, limits).Run();
      RenderedPrompt prompt;
      prompt.untrusted = text.TakeUntrusted();
      prompt.text = text.TakeBytes();
      return prompt;
    });
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }

 private:
  std::unique_ptr<const Program> program_;
  std::string name_;
  Dialect dialect_;
};

}  // namespace

base::Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::Parse(std::string_view source, std::string name) {
  using Pointer = std::shared_ptr<const ChatTemplate>;
  const std::string label = name;
  return Guarded<Pointer>(label, [&]() -> base::Result<Pointer> {
    return Pointer(
        std::make_shared<const ParsedTemplate>(ParseTemplate(source), std::move(name), DetectDialect(source)));
  });
}

base::Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::BuiltIn(std::string_view name) {
  const std::string_view source = BuiltInTemplate(name);
  if (!source.empty()) return Parse(source, std::string(name));
  return base::NotFound("there is no built-in chat template '" + std::string(name) + "'; there are " +
                        std::string(BuiltInTemplateNames()));
}

}  // namespace bowhead::model
