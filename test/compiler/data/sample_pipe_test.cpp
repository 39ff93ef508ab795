// Samples from a pipe, and labels.
#include "compiler/data/InputStream.h"
#include "compiler/data/Labels.h"
#include "test/compiler/data/SampleFiles.h"

using namespace ashlar::data;
using namespace ashlar::data::testing;

namespace {

Result readPipe(const std::string &content, std::vector<InputSpec> inputs) {
  Result result;
  auto note = [&](llvm::StringRef text) { result.notes += text.str() + "\n"; };
  auto stream = streamPipe(bytesOwned(content), inputs, {}, note);
  if (!stream) {
    result.error = llvm::toString(stream.takeError());
    return result;
  }
  for (;;) {
    auto sample = (*stream)->next();
    if (!sample)
      result.error = llvm::toString(sample.takeError());
    if (!result.error.empty() || !*sample)
      return result;
    result.samples.push_back(std::move(**sample));
  }
}

TEST(PipeTest, ReadsArraysOneAfterTheOther) {
  std::string two = writeNpy(counting({1, 2})) + writeNpy(counting({3, 2}));
  Result result = readPipe(two, {floats({1, 2})});
  ASSERT_EQ(result.samples.size(), 4u) << result.error;
  EXPECT_EQ(result.samples[3].inputs[0].value(1), 5.0);
  EXPECT_EQ(result.samples[3].name, "standard input (sample 3)");
  // An array for each input.
  Result pairs = readPipe(writeNpy(counting({1, 2})) + writeNpy(counting({3})),
                          {floats({1, 2}, "a"), floats({3}, "b")});
  ASSERT_EQ(pairs.samples.size(), 1u) << pairs.error;
  EXPECT_EQ(pairs.samples[0].inputs[1].value(2), 2.0);
}

TEST(PipeTest, ReadsArchivesOneAfterTheOther) {
  std::vector<Member> members = {{"b", counting({1})}, {"a", counting({2, 2})}};
  for (bool compressed : {false, true})
    for (bool piped : {false, true}) {
      std::string file = npz(members, compressed, piped);
      Result result =
          readPipe(file + file, {floats({1, 2}, "a"), floats({1}, "b")});
      ASSERT_EQ(result.samples.size(), 4u) << result.error;
      EXPECT_EQ(result.samples[3].inputs[0].value(0), 2.0);
      for (size_t i = 1; i != file.size(); ++i) {
        EXPECT_NE(
            readPipe(file.substr(0, i), {floats({1, 2}, "a"), floats({1}, "b")})
                .error,
            "")
            << i;
        std::string bad = file;
        bad[i] = char(bad[i] ^ 0x55);
        readPipe(bad, {floats({1, 2}, "a"), floats({1}, "b")});
      }
    }
}

TEST(PipeTest, SaysWhereItBreaks) {
  std::string one = writeNpy(counting({1, 2}));
  Result result = readPipe(one + one.substr(0, 40), {floats({1, 2})});
  EXPECT_EQ(result.samples.size(), 1u);
  EXPECT_EQ(result.error,
            "standard input: error: after 1 samples: npy file is truncated");
}

std::string labelsOf(LabelOptions options) {
  auto labels = readLabels(options);
  if (!labels)
    return llvm::toString(labels.takeError());
  std::string text;
  for (int64_t label : *labels)
    text += std::to_string(label) + " ";
  return text;
}

TEST(LabelsTest, ReadsEveryKind) {
  Folder folder;
  auto read = [&](const std::string &name, const std::string &content,
                  const std::string &part = "") {
    LabelOptions options;
    options.path = folder.write(name, content) + part;
    options.names = folder.write("names.json", "[\"cat\", \"dog\"]");
    options.recordBytes = 3;
    return labelsOf(options);
  };
  Tensor numbers = tensorOf<int64_t>(ASHLAR_INT64, {3}, {3, 1, 2});
  EXPECT_EQ(read("l.npy", writeNpy(numbers)), "3 1 2 ");
  EXPECT_EQ(read("l.npz", npz({{"x", counting({1})}, {"y", numbers}}), ":y"),
            "3 1 2 ");
  std::string idx("\0\0\x08\x01\0\0\0\x02\x05\x07", 10);
  EXPECT_EQ(read("l-idx1-ubyte.gz", gzip(idx)), "5 7 ");
  EXPECT_EQ(read("l.tsv", "path\tclass\na\tdog\nb\tcat\n", ":class"), "1 0 ");
  EXPECT_EQ(read("m.tsv", "a\t4\nb\t5\n", ":1"), "4 5 ");
  EXPECT_EQ(read("l.txt", "1\n0\n"), "1 0 ");
  EXPECT_EQ(read("l.bin", "\x01xy\x02xy"), "1 2 ");
  EXPECT_EQ(read("m.bin", "x\x01yx\x02y", ":1"), "1 2 ");
}

TEST(LabelsTest, SaysWhatIsWrong) {
  Folder folder;
  auto read = [&](const std::string &name, const std::string &content,
                  const std::string &part = "") {
    LabelOptions options;
    options.path = folder.write(name, content) + part;
    options.recordBytes = 3;
    return llvm::StringRef(labelsOf(options)).rsplit('/').second.str();
  };
  EXPECT_EQ(read("l.npy", writeNpy(counting({2, 2}))),
            "l.npy: error: labels have shape [2,2], expected one number a "
            "sample");
  // As many rows as a number can say, without a byte in them.
  EXPECT_EQ(read("n.npy", writeNpy(tensorOf<int32_t>(
                              ASHLAR_INT32, {INT64_C(1) << 60, 0}, {}))),
            "n.npy: error: labels have shape [1152921504606846976,0], expected "
            "one number a sample");
  EXPECT_EQ(read("m.npy", writeNpy(tensorOf<int32_t>(ASHLAR_INT32, {4},
                                                     {1, -1, 2, -3}))),
            "m.npy: error: not indices of classes: -1 (place 1), -3 (place 3)");
  EXPECT_EQ(read("l.tsv", "a\tb\n", ":c"),
            "l.tsv: error: the table has no column 'c' in its first line");
  EXPECT_EQ(read("l.txt", "1\ncat\n3\na\nb\nc\nd\ne\n"),
            "l.txt: error: neither indices of classes nor names of any: 'cat' "
            "(line 2), 'a' (line 4), 'b' (line 5), 'c' (line 6), 'd' (line 7) "
            "and 1 more");
  EXPECT_EQ(read("l.npz", npz({{"x", counting({1})}, {"y", counting({1})}})),
            "l.npz: error: labels are in none of the members 'x', 'y': name "
            "one, as FILE:MEMBER");
  EXPECT_EQ(read("l.bin", "\x01xy\x02x"),
            "l.bin: error: data ends too early: 1 more bytes were expected");
}

} // namespace
