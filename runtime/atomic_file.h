// Writes files completely or not at all: to a temporary name in the same folder, fsynced, renamed, and the folder fsynced. A crash, a
// full disk or a second writer never leaves a half-written file under the real name.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace mcnn {

/// Checks, before the work that makes the contents, whether write_file_atomically() can write to `path`: it is not a folder, its folder
/// exists and is writable, the name is not too long. Throws Error, whose message begins with `option` and `path`.
void require_writable(const std::string& path, const std::string& option = {});

/// Writes the parts one after the other. If `path` is a symbolic link, the file it leads to is replaced and the link stays. A device, a
/// pipe, a socket or an open descriptor is written to directly. Throws Error with the system's reason; then neither a temporary file nor
/// a changed `path` remains.
void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> parts);

/// The same for text.
void write_file_atomically(const std::string& path, const std::string& text);

/// Whether `path` is a device, a pipe, a socket, or a file descriptor of this process (/dev/stdout).
bool is_stream(const std::string& path);

/// Whether a file's name is that of a temporary file of write_file_atomically().
bool is_temporary(const std::string& name);

/// Removes temporary files of killed writers from `folder`. No other process may be writing there.
void remove_temporaries(const std::string& folder);

/// Throws Error if `output` is the same file as one of `inputs`, even under another name. Empty names are ignored.
void require_no_overwriting(const std::string& output, const std::vector<std::string>& inputs);

}  // namespace mcnn
