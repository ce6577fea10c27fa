#include "cli/line_editor.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <utility>

namespace bowhead::cli {

namespace {

constexpr std::size_t kMaxHistory = 1000;

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// The code point at the start of the text; how many bytes it takes goes to `length`.
std::uint32_t CodePoint(std::string_view text, std::size_t& length) {
  const auto lead = static_cast<unsigned char>(text.front());
  length = lead < 0x80 ? 1U : lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : 4U;
  length = std::min(length, text.size());
  std::uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return code;
}

bool IsWide(std::uint32_t code) {
  return (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
         (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
         (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
         (code >= 0xFFE0 && code <= 0xFFE6) || (code >= 0x1F300 && code <= 0x1FAFF) ||
         (code >= 0x20000 && code <= 0x3FFFD);
}

bool IsZeroWidth(std::uint32_t code) {
  return (code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200F) || (code >= 0xFE00 && code <= 0xFE0F) ||
         (code >= 0x20D0 && code <= 0x20FF);
}

/// Puts the terminal into raw mode, with bracketed paste, for as long as it lives.
class RawMode {
 public:
  RawMode() {
    active_ = tcgetattr(STDIN_FILENO, &saved_) == 0;
    if (!active_) return;
    termios raw = saved_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    std::cout << "\x1b[?2004h" << std::flush;
  }
  ~RawMode() {
    if (!active_) return;
    std::cout << "\x1b[?2004l" << std::flush;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  bool active_ = false;
  termios saved_{};
};

std::size_t TerminalColumns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// Line breaks of a pasted text are shown as a sign, so that the edited line stays one line.
std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if (c == '\n') {
      shown += "\xE2\x86\xB5";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      shown += ' ';
    } else {
      shown += c;
    }
  }
  return shown;
}

/// Draws the line again; returns the row of the cursor, counted from the prompt's.
std::size_t Draw(const std::string& prompt, const LineState& line, std::size_t row) {
  const std::size_t columns = TerminalColumns();
  std::string out = "\r";
  if (row > 0) out += "\x1b[" + std::to_string(row) + "A";
  out += "\x1b[J" + prompt + Shown(line.text());
  const std::size_t total = DisplayWidth(prompt) + DisplayWidth(Shown(line.text()));
  const std::size_t before =
      DisplayWidth(prompt) + DisplayWidth(Shown(std::string_view(line.text()).substr(0, line.cursor())));
  if (total > 0 && total % columns == 0) out += " \b";  // makes the terminal begin the next row
  const std::size_t last_row = total / columns;
  const std::size_t cursor_row = before / columns;
  if (last_row > cursor_row) out += "\x1b[" + std::to_string(last_row - cursor_row) + "A";
  out += "\r";
  if (before % columns > 0) out += "\x1b[" + std::to_string(before % columns) + "C";
  std::cout << out << std::flush;
  return cursor_row;
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    if (text.starts_with("\x1b[")) {  // a colour takes no place
      const std::size_t end = text.find('m');
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      continue;
    }
    std::size_t length = 1;
    const std::uint32_t code = CodePoint(text, length);
    width += IsZeroWidth(code) ? 0U : IsWide(code) ? 2U : 1U;
    text.remove_prefix(length);
  }
  return width;
}

LineState::Event LineState::Add(char byte) {
  if (!escape_.empty()) {
    escape_.push_back(byte);
    const bool starts = escape_.size() == 2 && (byte == '[' || byte == 'O');
    const bool ends = escape_.size() == 2 ? !starts : byte >= '@' && byte <= '~';
    if (ends || escape_.size() > 16) {
      Escape();
      escape_.clear();
    }
    return Event::kNone;
  }
  if (byte == '\x1b') {
    escape_.assign(1, byte);
    return Event::kNone;
  }
  if (pasting_) {
    Insert(byte == '\r' ? std::string_view("\n") : std::string_view(&byte, 1));
    return Event::kNone;
  }
  if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) return Control(byte);
  Insert({&byte, 1});
  return Event::kNone;
}

LineState::Event LineState::Control(char byte) {
  switch (byte) {
    case '\r':
    case '\n':
      return Event::kAccept;
    case 0x01:  // Ctrl-A
      cursor_ = 0;
      break;
    case 0x02:  // Ctrl-B
      Left();
      break;
    case 0x03:  // Ctrl-C
      return Event::kInterrupt;
    case 0x04:  // Ctrl-D
      if (text_.empty()) return Event::kEnd;
      {
        const std::size_t begin = cursor_;
        Right();
        Erase(begin, cursor_);
      }
      break;
    case 0x05:  // Ctrl-E
      cursor_ = text_.size();
      break;
    case 0x06:  // Ctrl-F
      Right();
      break;
    case 0x08:
    case 0x7F: {
      const std::size_t end = cursor_;
      Left();
      Erase(cursor_, end);
      break;
    }
    case 0x09:
      Insert("  ");
      break;
    case 0x0B:  // Ctrl-K
      Erase(cursor_, text_.size());
      break;
    case 0x0C:  // Ctrl-L
      return Event::kClearScreen;
    case 0x0E:  // Ctrl-N
      Recall(place_ + 1);
      break;
    case 0x10:  // Ctrl-P
      if (place_ > 0) Recall(place_ - 1);
      break;
    case 0x15:  // Ctrl-U
      Erase(0, cursor_);
      break;
    case 0x17: {  // Ctrl-W
      const std::size_t end = cursor_;
      WordLeft();
      Erase(cursor_, end);
      break;
    }
    default:
      break;
  }
  return Event::kNone;
}

void LineState::Escape() {
  const std::string_view keys = std::string_view(escape_).substr(1);
  if (keys == "[200~") {
    pasting_ = true;
  } else if (keys == "[201~") {
    pasting_ = false;
  } else if (keys == "[A" || keys == "OA") {
    if (place_ > 0) Recall(place_ - 1);
  } else if (keys == "[B" || keys == "OB") {
    Recall(place_ + 1);
  } else if (keys == "[C" || keys == "OC") {
    Right();
  } else if (keys == "[D" || keys == "OD") {
    Left();
  } else if (keys == "[H" || keys == "OH" || keys == "[1~") {
    cursor_ = 0;
  } else if (keys == "[F" || keys == "OF" || keys == "[4~") {
    cursor_ = text_.size();
  } else if (keys == "[3~") {
    const std::size_t begin = cursor_;
    Right();
    Erase(begin, cursor_);
  } else if (keys == "b" || keys == "[1;5D") {
    WordLeft();
  } else if (keys == "\r" || keys == "\n") {
    Insert("\n");  // Alt-Enter
  }
}

void LineState::Insert(std::string_view bytes) {
  text_.insert(cursor_, bytes);
  cursor_ += bytes.size();
}

void LineState::Left() {
  while (cursor_ > 0 && IsContinuation(text_[--cursor_])) {
  }
}

void LineState::Right() {
  if (cursor_ < text_.size()) ++cursor_;
  while (cursor_ < text_.size() && IsContinuation(text_[cursor_])) ++cursor_;
}

void LineState::WordLeft() {
  while (cursor_ > 0 && text_[cursor_ - 1] == ' ') --cursor_;
  while (cursor_ > 0 && text_[cursor_ - 1] != ' ') --cursor_;
}

void LineState::Erase(std::size_t begin, std::size_t end) {
  text_.erase(begin, end - begin);
  cursor_ = begin;
}

void LineState::Recall(std::size_t place) {
  if (place > history_.size()) return;
  if (place_ == history_.size()) draft_ = text_;
  place_ = place;
  text_ = place == history_.size() ? draft_ : history_[place];
  cursor_ = text_.size();
}

LineEditor::LineEditor() : terminal_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {}

std::optional<std::string> LineEditor::Read(const std::string& prompt) {
  interrupted_ = false;
  if (terminal_) return ReadTerminal(prompt);
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

std::optional<std::string> LineEditor::ReadTerminal(const std::string& prompt) {
  const RawMode raw;
  LineState line(history_);
  std::size_t row = Draw(prompt, line, 0);
  while (true) {
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got <= 0) return std::nullopt;
    switch (line.Add(byte)) {
      case LineState::Event::kNone:
        break;
      case LineState::Event::kAccept:
        std::cout << "\r\n" << std::flush;
        return line.text();
      case LineState::Event::kInterrupt:
        std::cout << "^C\r\n" << std::flush;
        interrupted_ = true;
        return std::string();
      case LineState::Event::kEnd:
        std::cout << "\r\n" << std::flush;
        return std::nullopt;
      case LineState::Event::kClearScreen:
        std::cout << "\x1b[H\x1b[2J";
        row = 0;
        break;
    }
    row = Draw(prompt, line, row);
  }
}

void LineEditor::Remember(const std::string& line) {
  if (line.empty() || (!history_.empty() && history_.back() == line)) return;
  history_.push_back(line);
  if (history_.size() > kMaxHistory) history_.erase(history_.begin());
}

}  // namespace bowhead::cli
