#include <algorithm>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/runtime.h"

namespace bowhead::model {

void Meter::OutOfSteps() {
  FailLimit("the template takes too many steps for this conversation; shorten it or raise the limit");
}

void Meter::OutOfBytes() {
  FailLimit("the template copies too much text for this conversation; shorten it");
}

void Meter::TooLong() const {
  FailLimit("the template makes a string of more than " + std::to_string(max_bytes_) + " bytes");
}

void TextBuilder::Fill(char c, std::size_t count) {
  meter_->CheckSize(count);
  Append(std::string(count, c));
}

BoundArgs::BoundArgs(const Args& args, std::string_view function, std::initializer_list<std::string_view> params,
                     std::size_t required)
    : function_(function), values_(params.size(), nullptr) {
  if (args.positional.size() > params.size()) {
    Fail(std::string(function) + "() takes at most " + std::to_string(params.size()) + " arguments, " +
         std::to_string(args.positional.size()) + " are given");
  }
  for (std::size_t i = 0; i < args.positional.size(); ++i) values_[i] = &args.positional[i];
  for (const auto& [name, value] : args.named) {
    const auto* it = std::find(params.begin(), params.end(), std::string_view(name));
    if (name.empty() || it == params.end()) Fail(std::string(function) + "() has no parameter '" + name + "'");
    const Value*& slot = values_[static_cast<std::size_t>(it - params.begin())];
    if (slot != nullptr) Fail(std::string(function) + "() got the argument '" + name + "' twice");
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) Fail(std::string(function) + "() needs " + std::to_string(required) + " arguments");
  }
}

bool BoundArgs::Bool(std::size_t i, bool otherwise) const {
  return Has(i) ? Truthy(*values_[i]) : otherwise;
}

std::int64_t BoundArgs::Int(std::size_t i, std::int64_t otherwise) const {
  return Has(i) ? ToInt(*values_[i], function_) : otherwise;
}

const Text& BoundArgs::String(std::size_t i) const {
  RequireDefined(*values_[i]);
  if (!values_[i]->IsString()) Fail(std::string(function_) + "() needs a string, not " + TypeName(*values_[i]));
  return values_[i]->text();
}

IteratorObject::IteratorObject(std::vector<Value> values) : Object(Type::kIterator), items(std::move(values)) {
  for (const Value& item : items) {
    depth_ = std::max(depth_, item.depth() + 1);
    weight_ = std::min(weight_ + item.weight(), std::size_t{1} << 60);
  }
}

bool LoopObject::Advance() {
  Value item;
  if (ahead_at < ahead.size()) {
    item = std::move(ahead[ahead_at++]);
  } else if (!pull || !pull(item)) {
    return false;
  }
  ++index0;
  previous = std::move(current);
  current = std::move(item);
  return true;
}

bool LoopObject::IsLast() {
  if (ahead_at < ahead.size()) return false;
  ahead.clear();
  ahead_at = 0;
  Value item;
  if (!pull || !pull(item)) return true;
  ahead.push_back(std::move(item));
  return false;
}

std::int64_t LoopObject::Length() {
  if (known_length < 0) {
    Value item;
    while (pull && pull(item)) ahead.push_back(std::move(item));
    known_length = index0 + 1 + static_cast<std::int64_t>(ahead.size() - ahead_at);
  }
  return known_length;
}

}  // namespace bowhead::model
