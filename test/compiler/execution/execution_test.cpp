#include "compiler/execution/ModelRunner.h"

#include "gtest/gtest.h"

#include <cstring>

using namespace ashlar;
using data::Tensor;

namespace {

std::unique_ptr<llvm::MemoryBuffer> fakeObject() {
  auto file = llvm::MemoryBuffer::getFile(ASHLAR_FAKE_MODEL);
  EXPECT_TRUE(bool(file));
  return std::move(*file);
}

std::unique_ptr<LoadedModel> fakeModel() {
  auto model = LoadedModel::load(fakeObject());
  if (!model) {
    ADD_FAILURE() << llvm::toString(model.takeError());
    return nullptr;
  }
  return std::move(*model);
}

Tensor matrix(std::vector<int64_t> shape, std::vector<float> values) {
  Tensor tensor;
  tensor.dtype = ASHLAR_FLOAT32;
  tensor.shape = std::move(shape);
  tensor.bytes.resize(values.size() * 4);
  memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

std::vector<float> floats(const Tensor &tensor) {
  std::vector<float> values(tensor.bytes.size() / 4);
  memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

std::string textOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

TEST(LoadedModelTest, FindsThePrefix) {
  auto model = fakeModel();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->prefix(), "fake");
  EXPECT_EQ(model->info().num_outputs, 2u);
}

TEST(LoadedModelTest, RefusesWhatIsNoModel) {
  auto load = [](llvm::StringRef content) {
    auto model =
        LoadedModel::load(llvm::MemoryBuffer::getMemBufferCopy(content));
    return model ? "" : llvm::toString(model.takeError());
  };
  EXPECT_EQ(load("hello"), "not an ELF object");
  EXPECT_NE(load("\177ELF\2\1\1").find("damaged ELF object"),
            std::string::npos);
  // An object of another maker: this test's own fake with its names changed.
  std::string other = fakeObject()->getBuffer().str();
  for (size_t at; (at = other.find("fake_info")) != std::string::npos;)
    other[at] = 'F';
  EXPECT_EQ(load(other), "object was not made by Ashlar: it defines no "
                         "functions NAME_info and NAME_run");
  // A truncated object must not crash the linker.
  std::string cut = fakeObject()->getBuffer().substr(0, 5000).str();
  EXPECT_NE(load(cut), "");
}

TEST(ModelRunnerTest, RunsWithAnyNumberOfThreads) {
  auto model = fakeModel();
  for (unsigned threads : {1u, 3u}) {
    auto runner = ModelRunner::create(*model, threads);
    ASSERT_TRUE(bool(runner));
    EXPECT_EQ(textOf((*runner)->bind({matrix({2, 2}, {1, -2, 3, -4})})), "");
    EXPECT_EQ(textOf((*runner)->execute()), "");
    auto outputs = (*runner)->outputs();
    EXPECT_EQ(floats(outputs[0]), (std::vector<float>{1.5, -1.5, 3.5, -3.5}));
    EXPECT_EQ(outputs[1].shape, (std::vector<int64_t>{2}));
    EXPECT_EQ(floats(outputs[1]), (std::vector<float>{1.5, 3.5}));
    EXPECT_EQ((*runner)->workspaceBytes(), 64u * threads);
  }
}

TEST(ModelRunnerTest, GrowsOutputsWhoseSizeDependsOnData) {
  auto model = fakeModel();
  auto runner = ModelRunner::create(*model, 1);
  ASSERT_TRUE(bool(runner));
  // Twice: room made for the first run must not spoil the second.
  for (int64_t rows : {20000, 1}) {
    std::vector<float> ones(rows * 2, 1);
    EXPECT_EQ(textOf((*runner)->bind({matrix({rows, 2}, ones)})), "");
    EXPECT_EQ(textOf((*runner)->execute()), "");
    EXPECT_EQ((*runner)->outputs()[1].shape, (std::vector<int64_t>{rows * 2}));
  }
}

TEST(ModelRunnerTest, SaysWhatIsWrongWithInputs) {
  auto model = fakeModel();
  auto runner = ModelRunner::create(*model, 1);
  ASSERT_TRUE(bool(runner));
  EXPECT_EQ(textOf((*runner)->bind({})), "got 0 inputs, expected 1");
  EXPECT_EQ(textOf((*runner)->bind({matrix({4}, {1, 2, 3, 4})})),
            "input 'x' has shape [4], expected [rows,2]");
  EXPECT_EQ(textOf((*runner)->bind({matrix({1, 3}, {1, 2, 3})})),
            "input 'x' has shape [1,3], expected [rows,2]");
  EXPECT_EQ(textOf((*runner)->bind({matrix({0, 2}, {})})),
            "input 'x' has shape [0,2], expected [rows,2] where 'rows' lies "
            "in 1..1048576");
  Tensor wrong = matrix({1, 2}, {1, 2});
  wrong.dtype = ASHLAR_INT32;
  EXPECT_EQ(textOf((*runner)->bind({wrong})),
            "input 'x' is int32, expected float32");
}

TEST(ModelRunnerTest, NamesTheNodeThatFailed) {
  auto model = fakeModel();
  auto runner = ModelRunner::create(*model, 1);
  ASSERT_TRUE(bool(runner));
  EXPECT_EQ(textOf((*runner)->bind({matrix({1, 2}, {-1000, 0})})), "");
  EXPECT_EQ(textOf((*runner)->execute()),
            "\"add\" (Add): an index held in a tensor lies outside the tensor "
            "it refers to (expected 8, got 9)");
}

} // namespace
