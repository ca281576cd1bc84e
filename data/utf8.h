// Checks that names and tables are UTF-8, since they are written to metadata and logs, which are JSON.
#pragma once
#include <string>
#include <string_view>

namespace mcnn {

/// Offset of the first byte that is not valid UTF-8 (RFC 3629); text.size() if all is valid.
std::size_t utf8_length(std::string_view text);

/// Throws Error "where: ..." with the text in printable form unless it is valid UTF-8.
void require_utf8(std::string_view text, const std::string& where);

}  // namespace mcnn
