// A small line editor for terminals (termios, no library): UTF-8, cursor keys, history, pasted lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bowhead::cli {

/// The text that is being edited and the place of the cursor. Knows keys, not terminals.
class LineState {
 public:
  explicit LineState(const std::vector<std::string>& history) : history_(history), place_(history.size()) {}

  enum class Event { kNone, kAccept, kInterrupt, kEnd, kClearScreen };
  /// Takes one byte of input.
  Event Add(char byte);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t cursor() const { return cursor_; }

 private:
  Event Control(char byte);
  void Escape();
  void Insert(std::string_view bytes);
  void Left();
  void Right();
  void Erase(std::size_t begin, std::size_t end);
  void Recall(std::size_t place);
  void WordLeft();

  const std::vector<std::string>& history_;
  std::size_t place_;  // in the history; its size is the new line
  std::string draft_;  // the new line while an older one is shown
  std::string text_;
  std::size_t cursor_ = 0;  // bytes; at the start of a character
  std::string escape_;      // an unfinished escape sequence
  bool pasting_ = false;    // between the marks of a bracketed paste, where Enter is text
};

/// Reads lines from standard input, with editing if it is a terminal.
class LineEditor {
 public:
  LineEditor();

  /// Nothing at the end of the input. An interrupted line (Ctrl-C) comes back as "" with interrupted() true.
  std::optional<std::string> Read(const std::string& prompt);
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  void Remember(const std::string& line);

 private:
  std::optional<std::string> ReadTerminal(const std::string& prompt);

  const bool terminal_;
  bool interrupted_ = false;
  std::vector<std::string> history_;
};

/// Columns that UTF-8 text takes in a terminal; wide characters count two.
std::size_t DisplayWidth(std::string_view text);

}  // namespace bowhead::cli
