// JPEG by libjpeg-turbo, PNG by libpng.
#include "compiler/data/ImageTransform.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

using namespace ashlar::data;
using llvm::StringRef;
using llvm::Twine;

// A header may claim any size; more than a quarter of a gigapixel is no sample.
constexpr uint64_t mostPixels = uint64_t(1) << 28;

// Nor can a few bytes say much: a JPEG takes a bit for a block of 64 pixels,
// and deflate makes at most some thousand bytes of one, with eight pixels each.
constexpr uint64_t mostPixelsPerByte = 10000;

static bool isTooLarge(uint64_t height, uint64_t width, StringRef file) {
  return height * width > std::min(mostPixels, file.size() * mostPixelsPerByte);
}

static llvm::Error tooLarge(uint64_t height, uint64_t width) {
  return makeError("image of " + Twine(width) + "x" + Twine(height) +
                   " pixels is too large, or its file too small");
}

namespace {
/// libjpeg ends the process on errors unless told to jump out.
struct JpegErrors : jpeg_error_mgr {
  jmp_buf jump;
  bool damaged = false;
  char text[JMSG_LENGTH_MAX] = {};
};
} // namespace

static void leave(j_common_ptr state) {
  auto *errors = static_cast<JpegErrors *>(state->err);
  errors->format_message(state, errors->text);
  longjmp(errors->jump, 1);
}

// libjpeg fills what is missing with grey and only warns.
static void noteWarning(j_common_ptr state, int level) {
  auto *errors = static_cast<JpegErrors *>(state->err);
  if (level >= 0 || errors->damaged)
    return;
  int code = errors->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER ||
      code == JWRN_HUFF_BAD_CODE) {
    errors->damaged = true;
    errors->format_message(state, errors->text);
  }
}

// Everything that lives across a jump belongs to the caller.
static bool decodeJpeg(StringRef file, Image &image,
                       jpeg_decompress_struct &state, JpegErrors &errors,
                       bool &large) {
  state.err = jpeg_std_error(&errors);
  errors.error_exit = leave;
  errors.emit_message = noteWarning;
  if (setjmp(errors.jump))
    return false;
  jpeg_create_decompress(&state);
  jpeg_mem_src(&state, reinterpret_cast<const unsigned char *>(file.data()),
               static_cast<unsigned long>(file.size()));
  jpeg_read_header(&state, TRUE);
  image.height = state.image_height;
  image.width = state.image_width;
  large = isTooLarge(uint64_t(image.height), uint64_t(image.width), file);
  if (large)
    return false;
  state.out_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  state.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&state);
  image.pixels.resize(size_t(image.height * image.width * image.channels));
  while (state.output_scanline < state.output_height) {
    JSAMPROW row =
        image.pixels.data() +
        size_t(state.output_scanline) * size_t(image.width * image.channels);
    jpeg_read_scanlines(&state, &row, 1);
  }
  jpeg_finish_decompress(&state);
  return !errors.damaged;
}

static llvm::Expected<Image> readJpeg(StringRef file, int64_t channels) {
  Image image;
  image.channels = channels;
  jpeg_decompress_struct state = {};
  JpegErrors errors;
  bool large = false;
  bool good = decodeJpeg(file, image, state, errors, large);
  jpeg_destroy_decompress(&state);
  if (large)
    return tooLarge(uint64_t(image.height), uint64_t(image.width));
  if (!good)
    return makeError(Twine("JPEG does not decode: ") + errors.text);
  return image;
}

static llvm::Expected<Image> readPng(StringRef file, int64_t channels) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  auto failed = [&] {
    std::string text = png.message;
    png_image_free(&png);
    return makeError("PNG does not decode: " + text);
  };
  if (!png_image_begin_read_from_memory(&png, file.data(), file.size()))
    return failed();
  if (isTooLarge(png.height, png.width, file)) {
    uint64_t height = png.height, width = png.width;
    png_image_free(&png);
    return tooLarge(height, width);
  }
  // With transparency, so that libpng takes it apart instead of blending.
  png.format = channels == 1 ? PNG_FORMAT_GA : PNG_FORMAT_RGBA;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(png));
  Image image{int64_t(png.height), int64_t(png.width), channels, {}};
  if (!png_image_finish_read(&png, nullptr, pixels.data(), 0, nullptr))
    return failed();
  size_t stride = size_t(channels) + 1;
  for (size_t at = 0; at != pixels.size(); at += stride)
    image.pixels.insert(image.pixels.end(), pixels.begin() + at,
                        pixels.begin() + at + channels);
  return image;
}

llvm::Expected<Image> ashlar::data::decodeImage(StringRef file,
                                                int64_t channels) {
  if (file.starts_with("\xff\xd8"))
    return readJpeg(file, channels);
  if (file.starts_with("\x89PNG"))
    return readPng(file, channels);
  return makeError("neither a JPEG nor a PNG image");
}
