// Samples from array files: how they are cut, converted and refused.
#include "compiler/data/TensorProtoFile.h"
#include "test/compiler/data/SampleFiles.h"

#include <cmath>

using namespace ashlar::data;
using namespace ashlar::data::testing;

namespace {

std::vector<int64_t> shapes(std::initializer_list<int64_t> dims) {
  return dims;
}

TEST(SampleStreamTest, CutsAnArrayIntoBatches) {
  Folder folder;
  std::string path = folder.write("x.npy", writeNpy(counting({5, 2})));
  Result one = readAll(from({path}), {floats({1, 2})});
  EXPECT_EQ(one.error, "");
  ASSERT_EQ(one.samples.size(), 5u);
  EXPECT_EQ(one.size, 5u);
  EXPECT_EQ(one.samples[3].inputs[0].value(1), 7.0);
  EXPECT_EQ(one.samples[3].name, path + " (sample 3)");

  // A static batch leaves a rest, and says so; an open one takes it.
  Result two = readAll(from({path}), {floats({2, 2})});
  EXPECT_EQ(two.samples.size(), 2u);
  EXPECT_EQ(two.notes, path + ": the last 1 rows make no whole batch and are "
                              "left out\n");
  SampleOptions open = from({path});
  open.batch = 2;
  Result three = readAll(open, {floats({-1, 2})});
  ASSERT_EQ(three.samples.size(), 3u);
  EXPECT_EQ(three.size, 3u);
  EXPECT_EQ(three.samples[2].inputs[0].shape, shapes({1, 2}));
  open.batch = 0;
  Result all = readAll(open, {floats({-1, 2})});
  ASSERT_EQ(all.samples.size(), 1u);
  EXPECT_EQ(all.samples[0].inputs[0].shape, shapes({5, 2}));
}

TEST(SampleStreamTest, FindsTheSampleDimension) {
  Folder folder;
  std::string path = folder.write("x.npy", writeNpy(counting({4, 3})));
  // No batch in the model; ones more than in the array; the array is a sample.
  EXPECT_EQ(readAll(from({path}), {floats({3})}).samples.size(), 4u);
  Result ones = readAll(from({path}), {floats({1, 1, 3, 1})});
  ASSERT_EQ(ones.samples.size(), 4u) << ones.error;
  EXPECT_EQ(ones.samples[1].inputs[0].shape, shapes({1, 1, 3, 1}));
  Result whole = readAll(from({path}), {floats({-1, 4, 3})});
  ASSERT_EQ(whole.samples.size(), 1u) << whole.error;
  EXPECT_EQ(whole.samples[0].inputs[0].shape, shapes({1, 4, 3}));
  EXPECT_EQ(readAll(from({path}), {floats({1, 5})}).error,
            path + ": error: array of shape [4,3] holds no samples for input "
                   "'x' of shape [1,5]");
  EXPECT_EQ(readAll(from({path}), {floats({8, 3})}).error,
            path + ": error: array has 4 rows, the batch of 'x' is 8");
}

TEST(SampleStreamTest, ReadsArchives) {
  Folder folder;
  std::vector<Member> members = {
      {"b", counting({1, 2})}, {"a", counting({3, 2})}, {"y", counting({3})}};
  for (bool compressed : {false, true}) {
    std::string path = folder.write("x.npz", npz(members, compressed));
    Result result =
        readAll(from({path}), {floats({1, 2}, "a"), floats({1, 2}, "b")});
    ASSERT_EQ(result.samples.size(), 3u) << result.error;
    EXPECT_EQ(result.samples[2].inputs[0].value(0), 4.0);
    EXPECT_EQ(result.samples[2].inputs[1].value(1), 1.0); // repeated
    EXPECT_EQ(result.notes, path + ": not an input, left out: 'y'\n");
  }
}

TEST(SampleStreamTest, TellsAllThatIsWrongWithAnArchive) {
  Folder folder;
  std::string path = folder.write(
      "x.npz", npz({{"a", counting({3, 2})}, {"b", counting({2, 5})}}));
  EXPECT_EQ(readAll(from({path}), {floats({1, 3}, "a"), floats({1, 2}, "c"),
                                   floats({1, 2}, "d")})
                .error,
            path +
                ": error: no values for input 'c': the file holds 'a', "
                "'b'\n" +
                path +
                ": error: no values for input 'd': the file holds 'a', "
                "'b'\n" +
                path +
                ":a: error: array of shape [3,2] holds no samples for "
                "input 'a' of shape [1,3]");
  EXPECT_EQ(
      readAll(from({path}), {floats({1, 2}, "a"), floats({1, 5}, "b")}).error,
      path + ":a: error: inputs have different numbers of samples: 'a' 3, 'b' "
             "2");
}

TEST(SampleStreamTest, ConvertsTypesAndSaysSo) {
  Folder folder;
  std::string path = folder.write(
      "x.npy",
      writeNpy(tensorOf<int16_t>(ASHLAR_INT16, {2, 2}, {1, -2, 300, 4})));
  Result ints = readAll(from({path}), {{"x", ASHLAR_INT32, {1, 2}}});
  ASSERT_EQ(ints.samples.size(), 2u) << ints.error;
  EXPECT_EQ(ints.samples[0].inputs[0].value(1), -2.0);
  EXPECT_EQ(ints.notes,
            "input 'x': values are converted from int16 to int32\n");
  EXPECT_EQ(readAll(from({path}), {floats({1, 2})}).samples.size(), 2u);
  EXPECT_EQ(readAll(from({path}), {{"x", ASHLAR_UINT8, {1, 2}}}).error,
            path + " (sample 0): error: input 'x' cannot be converted from "
                   "int16 to uint8: value -2 at [0,1]");
  std::string wide = folder.write(
      "d.npy", writeNpy(tensorOf<double>(ASHLAR_FLOAT64, {1}, {0.1})));
  EXPECT_EQ(readAll(from({wide}), {floats({1})}).notes,
            "input 'x': values are converted from float64 to float32, "
            "rounded\n");
  EXPECT_EQ(readAll(from({wide}), {{"x", ASHLAR_INT32, {1}}}).error,
            wide + ": error: input 'x' is float64, expected int32");
}

TEST(SampleStreamTest, RefusesWhatIsNoNumber) {
  Folder folder;
  std::string path = folder.write(
      "x.npz",
      npz({{"a", tensorOf<float>(ASHLAR_FLOAT32, {2, 2}, {1, 2, 3, NAN})},
           {"b",
            tensorOf<float>(ASHLAR_FLOAT32, {2, 2}, {1, 2, INFINITY, 4})}}));
  Result result =
      readAll(from({path}), {floats({1, 2}, "a"), floats({1, 2}, "b")});
  EXPECT_EQ(result.samples.size(), 1u);
  EXPECT_EQ(result.error,
            path + ":a (sample 1): error: input 'a' holds NaN at [0,1]\n" +
                path +
                ":a (sample 1): error: input 'b' holds infinity at "
                "[0,0]");
}

TEST(SampleStreamTest, ReadsIdxAndRawFiles) {
  Folder folder;
  std::string idx("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02"
                  "\x01\x02\x03\x04\xff\xfe\xfd\xfc",
                  24);
  for (std::string path : {folder.write("a-idx3-ubyte", idx),
                           folder.write("a-idx3-ubyte.gz", gzip(idx))}) {
    Result result = readAll(from({path}), {floats({1, 1, 2, 2})});
    ASSERT_EQ(result.samples.size(), 2u) << result.error;
    EXPECT_EQ(result.samples[1].inputs[0].value(0), 255.0);
  }
  // Numbers of idx files have their highest byte first.
  std::string wide("\0\0\x0b\x01\0\0\0\x02\x01\x02\xff\xfe", 12);
  Result shorts = readAll(from({folder.write("s.idx", wide)}), {floats({1})});
  ASSERT_EQ(shorts.samples.size(), 2u) << shorts.error;
  EXPECT_EQ(shorts.samples[0].inputs[0].value(0), 258.0);
  EXPECT_EQ(shorts.samples[1].inputs[0].value(0), -2.0);

  // A header, then records with a byte before each.
  SampleOptions raw = from({folder.write("r.bin", "HD\x07"
                                                  "ab\x08"
                                                  "cd")});
  raw.raw.dtype = ASHLAR_UINT8;
  raw.raw.header = 2;
  raw.raw.prefix = 1;
  Result records = readAll(raw, {floats({1, 2})});
  ASSERT_EQ(records.samples.size(), 2u) << records.error;
  EXPECT_EQ(records.samples[1].inputs[0].value(0), double('c'));
  raw.raw.header = 1;
  EXPECT_EQ(readAll(raw, {floats({1, 2})}).error,
            folder.path("r.bin") + ": error: file holds 8 bytes, expected 1 "
                                   "and a multiple of 3 for uint8 [2]");
  EXPECT_EQ(readAll(raw, {floats({1, -1})}).error,
            folder.path("r.bin") +
                ": error: raw data needs the whole shape of a sample, the "
                "model's is [-1]: fix it with --shape or --dim");
}

TEST(SampleStreamTest, ReadsTestFoldersInOrder) {
  Folder folder;
  for (int i : {0, 2, 10}) {
    std::string set = "sets/test_data_set_" + std::to_string(i);
    Tensor x = counting({1, 2});
    x.bytes[0] = uint8_t(i);
    x.name = "x";
    folder.write(set + "/input_0.pb", writeTensorProto(x));
    folder.write(set + "/output_0.npy", writeNpy(counting({1})));
  }
  Result result = readAll(from({folder.path("sets")}), {floats({1, 2})},
                          {floats({1}, "y")});
  ASSERT_EQ(result.samples.size(), 3u) << result.error;
  EXPECT_EQ(result.samples[2].inputs[0].bytes[0], 10);
  EXPECT_EQ(result.samples[2].outputs.size(), 1u);
  Result one =
      readAll(from({folder.path("sets/test_data_set_2")}), {floats({1, 2})});
  EXPECT_EQ(one.samples.size(), 1u) << one.error;
  EXPECT_EQ(readAll(from({folder.path("sets")}), {floats({1, 3})}).error,
            folder.path("sets/test_data_set_0") +
                ": error: input 'x' has shape [1,2], expected [1,3]");
}

TEST(SampleStreamTest, JoinsPathsAndLists) {
  Folder folder;
  std::string a = folder.write("a.npy", writeNpy(counting({2, 2}))),
              b = folder.write("b.npy", writeNpy(counting({3, 2})));
  std::string list = folder.write("list.txt", "a.npy\n\n" + b + "\n");
  for (SampleOptions options : {from({a, b}), from({list})}) {
    Result result = readAll(options, {floats({1, 2})});
    EXPECT_EQ(result.samples.size(), 5u) << result.error;
    EXPECT_EQ(result.size, 5u);
  }
  SampleOptions part = from({a, b});
  part.skip = 1;
  part.count = 3;
  Result some = readAll(part, {floats({1, 2})});
  ASSERT_EQ(some.samples.size(), 3u);
  EXPECT_EQ(some.size, 3u);
  EXPECT_EQ(some.samples[0].inputs[0].value(0), 2.0);
  part.skip = 9;
  EXPECT_EQ(readAll(part, {floats({1, 2})}).error,
            "the data holds 5 samples, none is left after the first 9");
  // What is wrong with any file is told before the first sample.
  std::string absent = folder.path("absent.npy");
  EXPECT_EQ(
      readAll(from({a, absent, folder.write("c.npy", "?")}), {floats({1, 2})})
          .error,
      absent +
          ": error: cannot read the file: No such file or "
          "directory\n" +
          folder.path("c.npy") +
          ": error: not an npy file: it does not start with \\x93NUMPY");
}

TEST(SampleStreamTest, TakesInputsByName) {
  Folder folder;
  std::string a = folder.write("a.npy", writeNpy(counting({2, 2}))),
              b = folder.write("b.npy", writeNpy(counting({1})));
  std::vector<InputSpec> inputs = {floats({1, 2}, "a=b"), floats({1}, "c")};
  Result result = readAll(from({"c=" + b, "a=b=" + a}), inputs);
  ASSERT_EQ(result.samples.size(), 2u) << result.error;
  EXPECT_EQ(readAll(from({"c=" + b}), inputs).error,
            "input 'a=b' is missing: give it as --data 'a=b=FILE'");
  EXPECT_EQ(readAll(from({a}), inputs).error,
            a + ": error: file holds one input, the model has 2: give each its "
                "own as NAME=FILE ('a=b', 'c')");
  EXPECT_EQ(readAll(from({a, "c=" + b}), inputs).error,
            "data for all inputs ('" + a +
                "') and for one of them ('c') cannot be given together");
  EXPECT_EQ(readAll(from({"c=" + b, "d=" + a, "e=" + a}), inputs).error,
            "no input is named 'd', 'e', the model's inputs are 'a=b', 'c'");
}

TEST(SampleStreamTest, RefusesNothing) {
  Folder folder;
  EXPECT_EQ(readAll(from({folder.root}), {floats({1})}).error,
            folder.root + ": error: folder holds no data: expected test "
                          "folders (input_0.pb ...), images, .npz or .npy "
                          "files");
  std::string empty = folder.write("e.npy", writeNpy(counting({0, 2})));
  EXPECT_EQ(readAll(from({empty}), {floats({1, 2})}).error,
            empty + ": error: array of shape [0,2] is empty");
  std::string nothing = folder.write("n.bin", "");
  EXPECT_EQ(readAll(from({nothing}), {floats({1, 2})}).error,
            nothing + ": error: array of shape [0,2] is empty");
  std::string list = folder.write("l.txt", "\n\n");
  EXPECT_EQ(readAll(from({list}), {floats({1})}).error,
            list + ": error: the list names no files");
  std::string self = folder.write("self.txt", "self.txt\n");
  EXPECT_NE(
      readAll(from({self}), {floats({1})}).error.find("nested too deeply"),
      std::string::npos);
  EXPECT_NE(readAll(from({folder.write("x.wav", "RIFF")}), {floats({1})})
                .error.find("unknown kind of data file"),
            std::string::npos);
}

// Every prefix and every flipped byte is survived, with an error or without.
TEST(SampleStreamTest, SurvivesDamage) {
  Folder folder;
  std::string idx("\0\0\x0b\x02\0\0\0\x02\0\0\0\x02"
                  "\x01\x02\x03\x04\xff\xfe\xfd\xfc",
                  20);
  std::vector<Member> members = {{"x", counting({2, 2})}};
  std::vector<std::pair<std::string, std::string>> files = {
      {"a.npy", writeNpy(counting({2, 2}))},
      {"a.npz", npz(members)},
      {"b.npz", npz(members, true)},
      {"a.idx", idx},
      {"a.idx.gz", gzip(idx)}};
  for (auto &[name, good] : files) {
    std::string path = folder.path(name), file = name;
    auto read = [&](const std::string &content) {
      folder.write(file, content);
      return readAll(from({path}), {floats({1, 2})});
    };
    ASSERT_EQ(read(good).error, "") << name;
    for (size_t i = 0; i != good.size(); ++i) {
      EXPECT_NE(read(good.substr(0, i)).error, "") << name << " cut at " << i;
      std::string bad = good;
      bad[i] = char(bad[i] ^ 0x55);
      Result result = read(bad);
      EXPECT_TRUE(!result.error.empty() || result.samples.size() <= 2)
          << name << " byte " << i;
    }
  }
}

} // namespace
