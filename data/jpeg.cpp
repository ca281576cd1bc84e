// libjpeg reports errors by a callback that must not return. The callback stores the message and jumps (longjmp) back into decode(),
// which has no local objects with destructors: all state is in the caller's Decoder. decode_jpeg() turns the message into an Error.
// The Decoder's destructor frees libjpeg's memory, however decode() ends.  Contract: jpeg.h.
#include "data/jpeg.h"

#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE declared
#include <new>

#include <jpeglib.h>

#include <jerror.h>

#include "runtime/error.h"

namespace mcnn {
namespace {

struct Decoder {
  Decoder() = default;
  Decoder(const Decoder&) = delete;               // libjpeg keeps pointers into it
  ~Decoder() { jpeg_destroy_decompress(&info); }  // nothing to do if it was never created

  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};  // libjpeg's functions find the Decoder through info.client_data
  jpeg_progress_mgr progress{};
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX] = "";
  std::vector<uint8_t> pixels;  ///< (H,W,C)
};

Decoder& decoder_of(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

[[noreturn]] void stop(j_common_ptr info) {
  Decoder& decoder = decoder_of(info);
  info->err->format_message(info, decoder.message);
  std::longjmp(decoder.escape, 1);
}

/// Treats warnings (level -1) as errors: libjpeg repaired something. A truncated file, for example, is filled with grey.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) stop(info);
}

/// Limits the scans: a progressive file of a few kilobytes can require thousands of passes over a large picture.
void on_progress(j_common_ptr info) {
  constexpr int kMostScans = 500;
  Decoder& decoder = decoder_of(info);
  if (decoder.info.input_scan_number <= kMostScans) return;
  std::snprintf(decoder.message, sizeof decoder.message, "more than %d scans", kMostScans);
  std::longjmp(decoder.escape, 1);
}

/// Fills decoder.pixels, or sets decoder.message and returns false. All state that a jump may interrupt is in `decoder`. Exceptions are
/// thrown between calls of libjpeg, never through them.
bool decode(Decoder& decoder, std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels) {
  jpeg_decompress_struct& info = decoder.info;
  info.err = jpeg_std_error(&decoder.errors);
  info.client_data = &decoder;
  decoder.errors.error_exit = stop;
  decoder.errors.emit_message = on_message;
  decoder.progress.progress_monitor = on_progress;
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_create_decompress(&info);  // keeps err and client_data only
  info.progress = &decoder.progress;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&info, TRUE);
  require_decodable(info.image_width, info.image_height, most_pixels, name);
  info.out_color_space = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  const std::size_t row_bytes = std::size_t{info.output_width} * static_cast<unsigned>(info.output_components);
  decoder.pixels.resize(row_bytes * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = decoder.pixels.data() + row_bytes * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);  // reads up to the end marker, which a truncated file lacks
  return true;
}

/// As PIL converts: the file's CMYK is inverted, so each colour is ink * black / 255, rounded.
std::vector<uint8_t> cmyk_to_rgb(const std::vector<uint8_t>& cmyk) {
  std::vector<uint8_t> rgb(cmyk.size() / 4 * 3);
  for (std::size_t pixel = 0; pixel < cmyk.size() / 4; ++pixel)
    for (std::size_t c = 0; c < 3; ++c) rgb[3 * pixel + c] = static_cast<uint8_t>((cmyk[4 * pixel + c] * cmyk[4 * pixel + 3] + 127) / 255);
  return rgb;
}

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xFF} && bytes[1] == std::byte{0xD8} && bytes[2] == std::byte{0xFF};
}

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, int64_t most_pixels) {
  Decoder decoder;
  if (!decode(decoder, bytes, name, most_pixels)) {
    if (decoder.errors.msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
    fail("{}: is not a whole JPEG: {}", name, decoder.message);
  }
  const bool cmyk = decoder.info.out_color_space == JCS_CMYK;
  return {static_cast<int>(decoder.info.image_width), static_cast<int>(decoder.info.image_height),
          cmyk ? cmyk_to_rgb(decoder.pixels) : std::move(decoder.pixels)};
}

}  // namespace mcnn
