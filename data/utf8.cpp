// Contract: utf8.h.
#include "data/utf8.h"

#include "runtime/error.h"

namespace mcnn {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at), second = byte(at + 1);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || at + length > text.size()) return at;
    for (std::size_t i = 1; i < length; ++i)
      if (byte(at + i) >> 6 != 2) return at;
    // Refuses overlong encodings, UTF-16 surrogates, and values above the last code point.
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) || (first == 0xF0 && second < 0x90) ||
        (first == 0xF4 && second >= 0x90))
      return at;
    at += length;
  }
  return text.size();
}

void require_utf8(std::string_view text, const std::string& where) {
  const std::size_t good = utf8_length(text);
  if (good == text.size()) return;
  std::string readable;
  for (const char c : text.substr(0, 100)) {
    const auto value = static_cast<unsigned char>(c);
    readable += value >= 0x20 && value < 0x7F ? std::string(1, c) : fmt::format("\\x{:02x}", value);
  }
  fail("{}: '{}' is not UTF-8 (byte 0x{:02x})", where, readable, static_cast<unsigned char>(text[good]));
}

}  // namespace mcnn
