#include "config/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace skerry {
namespace {

/// A parser of our own because the errors of what a text says, and not only
/// those of its form, name line and column: the JSON libraries at hand forget
/// where a value stood.
///
///     value := object | array | string | number | true | false | null
///
/// Reads recursively down to `max_document_depth`. The first fault ends it.
class json_parser {
public:
  json_parser(std::string_view text, const std::string& name)
      : text_{text}, name_{name} {}

  result<document_value> parse() {
    document_value out;
    read_value(out, 0);
    skip_blanks();
    if (!fault_ && at_ < text_.size())
      fail("text after the end of the document");
    if (fault_)
      return *fault_;
    return out;
  }

private:
  bool fail(std::string_view what) {
    if (!fault_)
      fault_ = error{
          error_code::malformed,
          fmt::format("{}:{}:{}: {}", name_, here().line, here().column, what)};
    return false;
  }

  text_place here() const {
    return {line_, static_cast<std::uint32_t>(at_ - line_start_ + 1)};
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    for (; at_ < text_.size(); ++at_) {
      const auto c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  bool take(char wanted) {
    skip_blanks();
    if (peek() != wanted || at_ == text_.size())
      return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word))
      return false;
    at_ += word.size();
    return true;
  }

  bool read_value(document_value& out, std::size_t depth) {
    if (depth > max_document_depth)
      return fail("nested too deeply");
    skip_blanks();
    out.at = here();
    switch (peek()) {
    case '{':
      return read_object(out, depth);
    case '[':
      return read_array(out, depth);
    case '"':
      out.value = std::string{};
      return read_string(std::get<std::string>(out.value));
    default:
      break;
    }
    if (take_word("true"))
      out.value = true;
    else if (take_word("false"))
      out.value = false;
    else if (take_word("null"))
      out.value = document_value::other{"null"};
    else
      return read_number(out);
    return true;
  }

  bool read_object(document_value& out, std::size_t depth) {
    ++at_;
    document_value::table table;
    if (!take('}')) {
      do {
        skip_blanks();
        document_key key{.name = {}, .at = here()};
        if (peek() != '"')
          return fail("wanted is a key in quotes");
        if (!read_string(key.name))
          return false;
        for (const auto& [known, value] : table)
          if (known.name == key.name)
            return fail(fmt::format("\"{}\" is given twice", key.name));
        if (!take(':'))
          return fail("wanted is ':' after a key");
        table.emplace_back(std::move(key), document_value{});
        if (!read_value(table.back().second, depth + 1))
          return false;
      } while (take(','));
      if (!take('}'))
        return fail("wanted is ',' or '}'");
    }
    out.value = std::move(table);
    return true;
  }

  bool read_array(document_value& out, std::size_t depth) {
    ++at_;
    document_value::array array;
    if (!take(']')) {
      do {
        array.emplace_back();
        if (!read_value(array.back(), depth + 1))
          return false;
      } while (take(','));
      if (!take(']'))
        return fail("wanted is ',' or ']'");
    }
    out.value = std::move(array);
    return true;
  }

  bool read_string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const auto c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20)
        return fail("a control character in a string");
      if (c == '\\') {
        if (!read_escape(out))
          return false;
      } else {
        out += c;
        ++at_;
      }
    }
    return fail("a string without its end");
  }

  bool read_escape(std::string& out) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    ++at_;
    if (const auto found = letters.find(peek());
        at_ < text_.size() && found != letters.npos) {
      out += meanings[found];
      ++at_;
      return true;
    }
    std::uint32_t code = 0;
    if (!read_unit(code))
      return false;
    if (code >= 0xD800 && code < 0xDC00) {
      std::uint32_t low = 0;
      if (!take_word("\\") || !read_unit(low) || low < 0xDC00 || low > 0xDFFF)
        return fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return fail("half of a surrogate pair");
    }
    append_utf8(code, out);
    return true;
  }

  /// "u00e9".
  bool read_unit(std::uint32_t& code) {
    if (peek() != 'u' || text_.size() - at_ < 5)
      return fail("an unknown escape in a string");
    const auto* first = text_.data() + at_ + 1;
    const auto [stopped, fault] = std::from_chars(first, first + 4, code, 16);
    if (fault != std::errc{} || stopped != first + 4)
      return fail("an unknown escape in a string");
    at_ += 5;
    return true;
  }

  static void append_utf8(std::uint32_t code, std::string& out) {
    const auto put = [&out](std::uint32_t byte) {
      out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | (code >> 6));
      put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | (code >> 12));
      put(0x80 | ((code >> 6) & 0x3F));
      put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | (code >> 18));
      put(0x80 | ((code >> 12) & 0x3F));
      put(0x80 | ((code >> 6) & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }

  bool read_number(document_value& out) {
    const auto end = std::min(text_.find_first_not_of("+-.0123456789eE", at_),
                              text_.size());
    const auto word = text_.substr(at_, end - at_);
    const auto digits = word.substr(word.starts_with('-') ? 1 : 0);
    if (digits.empty() || digits[0] < '0' || digits[0] > '9')
      return fail("wanted is a value");
    if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0'
        && digits[1] <= '9')
      return fail("a number does not begin with 0");
    const auto* last = word.data() + word.size();
    if (word.find_first_of(".eE") == word.npos) {
      std::int64_t whole = 0;
      const auto [stopped, fault] = std::from_chars(word.data(), last, whole);
      if (fault != std::errc{} || stopped != last)
        return fail("a number out of range");
      out.value = whole;
    } else {
      double number = 0;
      const auto [stopped, fault] = std::from_chars(word.data(), last, number);
      if (fault != std::errc{} || stopped != last || !std::isfinite(number)
          || word.ends_with('.') || word.find(".e") != word.npos
          || word.find(".E") != word.npos)
        return fail("not a number");
      out.value = number;
    }
    at_ = end;
    return true;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  std::optional<error> fault_;
};

} // namespace

result<document_value> parse_json(std::string_view text,
                                  const std::string& name) {
  return json_parser{text, name}.parse();
}

} // namespace skerry
