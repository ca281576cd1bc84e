// Files that are either wholly there or not at all: written to a temporary name in the same folder, fsynced, renamed, the
// folder fsynced. A crash, a full disk or a second writer never leaves a half-written file under the real name.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace mcnn {

/// Throws Error, opening with `option` and `path`, unless write_file_atomically() can write there as far as can be told before the work: no
/// folder, a folder that is there and takes files, a name that is not too long, a file system that is not read-only.
void require_writable(const std::string& path, const std::string& option = {});

/// Writes the parts one after the other. A symbolic link stays, and the file it leads to is written; a device, a pipe, a socket or an open
/// descriptor is written into and never replaced, part by part. Throws Error (with the system's reason) and leaves neither the temporary
/// file nor a changed `path` behind.
void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> parts);

/// The same for text: a log's summary, a resolved config.
void write_file_atomically(const std::string& path, const std::string& text);

/// Whether `path` is such a device, pipe or socket, or a file descriptor of this process (/dev/stdout).
bool is_stream(const std::string& path);

/// Whether a file's name is one of those that writing goes through.
bool is_temporary(const std::string& name);

/// Removes what writers that were killed left in `folder`, which nobody else may be writing to.
void remove_temporaries(const std::string& folder);

/// Throws Error if `output` is one of the files `inputs`, under whatever name; an empty name is none.
void require_no_overwriting(const std::string& output, const std::vector<std::string>& inputs);

}  // namespace mcnn
