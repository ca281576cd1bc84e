// Names and tables are UTF-8: they end up in metadata and logs, which are JSON.
#pragma once
#include <string>
#include <string_view>

namespace mcnn {

/// Offset of the first byte that is not UTF-8 (RFC 3629), or text.size().
std::size_t utf8_length(std::string_view text);

/// Throws Error "where: ..." with the name's bytes in readable form unless all of it is UTF-8.
void require_utf8(std::string_view text, const std::string& where);

}  // namespace mcnn
