// Images as samples: decoding, sizes, layouts, numbers.
#include "compiler/data/ImageTransform.h"
#include "test/compiler/data/SampleFiles.h"

#include <cstdio>
#include <jpeglib.h>
#include <png.h>

using namespace ashlar::data;
using namespace ashlar::data::testing;

namespace {

Image gradient(int64_t height, int64_t width, int64_t channels) {
  Image image{height, width, channels, {}};
  for (int64_t i = 0; i != height * width * channels; ++i)
    image.pixels.push_back(uint8_t(i * 7));
  return image;
}

std::string pngOf(const Image &image, uint32_t format) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = uint32_t(image.width);
  png.height = uint32_t(image.height);
  png.format = format;
  png_alloc_size_t size = 1 << 20;
  std::string file(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&png, file.data(), &size, 0,
                                        image.pixels.data(), 0, nullptr));
  file.resize(size);
  return file;
}

std::string jpegOf(const Image &image) {
  jpeg_compress_struct state = {};
  jpeg_error_mgr errors;
  state.err = jpeg_std_error(&errors);
  jpeg_create_compress(&state);
  unsigned char *data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&state, &data, &size);
  state.image_width = unsigned(image.width);
  state.image_height = unsigned(image.height);
  state.input_components = int(image.channels);
  state.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&state);
  jpeg_set_quality(&state, 100, TRUE);
  jpeg_start_compress(&state, TRUE);
  while (state.next_scanline < state.image_height) {
    JSAMPROW row = const_cast<uint8_t *>(image.pixels.data()) +
                   state.next_scanline * image.width * image.channels;
    jpeg_write_scanlines(&state, &row, 1);
  }
  jpeg_finish_compress(&state);
  std::string file(reinterpret_cast<char *>(data), size);
  jpeg_destroy_compress(&state);
  free(data);
  return file;
}

TEST(ImageTest, DecodesPngAndJpeg) {
  Image image = gradient(3, 4, 3);
  auto png = decodeImage(pngOf(image, PNG_FORMAT_RGB), 3);
  ASSERT_TRUE(bool(png)) << llvm::toString(png.takeError());
  EXPECT_EQ(png->pixels, image.pixels);
  Image flat{8, 8, 3, std::vector<uint8_t>(8 * 8 * 3, 200)};
  auto jpeg = decodeImage(jpegOf(flat), 3);
  ASSERT_TRUE(bool(jpeg)) << llvm::toString(jpeg.takeError());
  EXPECT_EQ(jpeg->pixels, flat.pixels);
  auto grey = decodeImage(jpegOf(flat), 1);
  ASSERT_TRUE(bool(grey));
  EXPECT_EQ(grey->pixels, std::vector<uint8_t>(64, 200));
  // Transparency is left out, not blended.
  Image clear{1, 2, 4, {10, 20, 30, 255, 40, 50, 60, 0}};
  auto opaque = decodeImage(pngOf(clear, PNG_FORMAT_RGBA), 3);
  ASSERT_TRUE(bool(opaque)) << llvm::toString(opaque.takeError());
  EXPECT_EQ(opaque->pixels, (std::vector<uint8_t>{10, 20, 30, 40, 50, 60}));
}

TEST(ImageTest, ResizesByATriangle) {
  Image two{1, 2, 1, {0, 100}};
  EXPECT_EQ(resize(two, 1, 4).pixels, (std::vector<uint8_t>{0, 25, 75, 100}));
  // Shrunk by half: centres at 1 and 3, reach 2: weights 1/8 3/8 3/8 1/8, of
  // which the border keeps what is there.
  Image four{1, 4, 1, {0, 0, 70, 140}};
  EXPECT_EQ(resize(four, 1, 2).pixels, (std::vector<uint8_t>{10, 90}));
  EXPECT_EQ(resize(gradient(5, 7, 3), 5, 7).pixels, gradient(5, 7, 3).pixels);
}

TEST(ImageTest, CropsAndPads) {
  Image wide = gradient(2, 6, 1);
  ImageOptions options;
  options.fit = ImageOptions::Fit::Crop;
  EXPECT_EQ(fitImage(wide, 2, 2, options).pixels,
            (std::vector<uint8_t>{14, 21, 56, 63}));
  options.fit = ImageOptions::Fit::Letterbox;
  options.pad = 9;
  EXPECT_EQ(fitImage(Image{1, 2, 1, {50, 60}}, 2, 2, options).pixels,
            (std::vector<uint8_t>{50, 60, 9, 9}));
  options.fit = ImageOptions::Fit::Crop;
  options.shorterSide = 4; // 4 x 12, then the middle
  EXPECT_EQ(fitImage(wide, 2, 2, options).pixels.size(), 4u);
}

TEST(ImageTest, FeedsTheModelsLayout) {
  Folder folder;
  Image image{1, 2, 3, {1, 2, 3, 4, 5, 6}};
  folder.write("set/b/2.png", pngOf(image, PNG_FORMAT_RGB));
  folder.write("set/a/10.png", pngOf(image, PNG_FORMAT_RGB));
  folder.write("set/notes.md", "not an image");
  SampleOptions options = from({folder.path("set")});
  auto values = [&](std::vector<int64_t> shape) {
    Result result = readAll(options, {floats(shape)});
    EXPECT_EQ(result.samples.size(), 2u) << result.error;
    std::vector<double> numbers;
    if (!result.samples.empty())
      for (int i = 0; i != 6; ++i)
        numbers.push_back(result.samples[0].inputs[0].value(i).real());
    return numbers;
  };
  using Numbers = std::vector<double>;
  EXPECT_EQ(values({1, 3, 1, 2}), (Numbers{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(values({1, -1, -1, 3}), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values({-1, 3, -1, -1}), (Numbers{1, 4, 2, 5, 3, 6}));
  // Both could be: the user says which.
  options.image.layout = ImageOptions::Layout::Nhwc;
  EXPECT_EQ(values({1, 1, 2, 3}), (Numbers{1, 2, 3, 4, 5, 6}));
  options.image.layout = ImageOptions::Layout::FromModel;
  options.image.bgr = true;
  options.image.mean = {1, 2, 3};
  options.image.scale = {2};
  // Blue first; means are in the order of the model.
  EXPECT_EQ(values({3, 1, 2}), (Numbers{1, 2.5, 0, 1.5, -1, 0.5}));
}

TEST(ImageTest, NormalisesArraysOfPixels) {
  Folder folder;
  SampleOptions options = from({folder.write(
      "x.npy", writeNpy(tensorOf<uint8_t>(ASHLAR_UINT8, {2, 1, 1, 2},
                                          {0, 255, 51, 102})))});
  options.image.scale = {255};
  Result result = readAll(options, {floats({1, 1, 1, 2})});
  ASSERT_EQ(result.samples.size(), 2u) << result.error;
  EXPECT_EQ(result.samples[0].inputs[0].value(1), 1.0);
  EXPECT_FLOAT_EQ(float(result.samples[1].inputs[0].value(0).real()), 0.2f);
  options.image.mean = {1, 2, 3};
  EXPECT_NE(readAll(options, {floats({1, 1, 1, 2})})
                .error.find("input 'x' has 1 channels, but 3 means are given"),
            std::string::npos);
}

TEST(ImageTest, RefusesWhatDoesNotDecode) {
  Folder folder;
  std::string path = folder.write("a.jpg", "GIF89a");
  EXPECT_EQ(readAll(from({path}), {floats({1, 3, 2, 2})}).error,
            path + ": error: neither a JPEG nor a PNG image");
  // Broken ones are told together.
  folder.write("cut.jpg", "\xff\xd8\xff");
  std::string error =
      readAll(from({folder.path("")}), {floats({1, 3, 2, 2})}).error;
  EXPECT_NE(error.find("a.jpg: error: neither"), std::string::npos) << error;
  EXPECT_NE(error.find("cut.jpg: error: JPEG does not decode"),
            std::string::npos)
      << error;
  EXPECT_NE(readAll(from({path}), {floats({1, 5, 2, 2})})
                .error.find("input 'x' cannot be an image: shape [1,5,2,2] has "
                            "5 channels"),
            std::string::npos);
  // A cut file is refused, not filled with grey; flipped bytes are survived.
  std::string jpeg = jpegOf(gradient(16, 16, 3)),
              png = pngOf(gradient(16, 16, 3), PNG_FORMAT_RGB);
  for (const std::string *file : {&jpeg, &png}) {
    const std::string &good = *file;
    ASSERT_TRUE(bool(decodeImage(good, 3)));
    for (size_t i = 0; i != good.size(); ++i) {
      auto cut = decodeImage(llvm::StringRef(good).take_front(i), 3);
      // The last 2 bytes of a JPEG and 12 of a PNG only mark the end.
      EXPECT_TRUE(!cut || i + (file == &png ? 12 : 2) >= good.size())
          << "cut at " << i;
      llvm::consumeError(cut.takeError());
      std::string bad = good;
      bad[i] = char(bad[i] ^ 0x55);
      llvm::consumeError(decodeImage(bad, 3).takeError());
    }
  }
  // A header that claims more than can be.
  std::string huge = png;
  huge[16] = huge[20] = 0x10;
  EXPECT_FALSE(bool(decodeImage(huge, 3)));
  // Fewer pixels, but more than so few bytes can say; a picture of one colour
  // says as many with more.
  huge = jpeg;
  size_t sizes = huge.find(std::string("\xff\xc0\0\x11\x08", 5));
  ASSERT_NE(sizes, std::string::npos);
  huge[sizes + 5] = huge[sizes + 7] = 0x3f;
  EXPECT_EQ(llvm::toString(decodeImage(huge, 3).takeError()),
            "image of 16144x16144 pixels is too large, or its file too small");
  Image plain{4096, 4096, 1, std::vector<uint8_t>(4096 * 4096)};
  for (const std::string &file : {pngOf(plain, PNG_FORMAT_GRAY), jpegOf(plain)})
    EXPECT_TRUE(bool(decodeImage(file, 1))) << file.size();
}

} // namespace
