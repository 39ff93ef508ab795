#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/OperatorSchema.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OperationSupport.h"
#include "gtest/gtest.h"

namespace ashlar::onnx {
namespace {

TEST(OperatorSchemaTest, VersionsByOpset) {
  EXPECT_EQ(OperatorSchema::lookup("", "Softmax", 12)->version(), 11);
  EXPECT_EQ(OperatorSchema::lookup("", "Softmax", 13)->version(), 13);
  EXPECT_EQ(OperatorSchema::lookup("", "Softmax", 27)->version(), 13);
  EXPECT_FALSE(OperatorSchema::lookup("", "Gelu", 19));
  EXPECT_FALSE(OperatorSchema::lookup("", "Nonsense", 19));
  EXPECT_FALSE(OperatorSchema::lookup("elsewhere", "Softmax", 13));
  EXPECT_TRUE(OperatorSchema::lookup("", "Upsample", 10)->deprecated());
  EXPECT_EQ(OperatorSchema::lookup("ai.onnx.ml", "Scaler", 5)->version(), 1);
  EXPECT_EQ(OperatorSchema::newestOpset(""), 27);
  EXPECT_EQ(OperatorSchema::newestOpset("elsewhere"), 0);
}

TEST(OperatorSchemaTest, OperandsAndTypes) {
  OperatorSchema conv = *OperatorSchema::newest("", "Conv");
  EXPECT_EQ(conv.inputCount(), 3u);
  EXPECT_EQ(conv.minInputs(), 2u);
  EXPECT_EQ(conv.input(2).kind, FormalKind::Optional);
  EXPECT_EQ(conv.input(0).typeVariable, conv.output(0).typeVariable);
  EXPECT_FALSE(conv.formalOfInput(3));
  OperatorSchema concat = *OperatorSchema::newest("", "Concat");
  EXPECT_EQ(concat.formalOfInput(7)->kind, FormalKind::Variadic);
  OperatorSchema shape = *OperatorSchema::newest("", "Shape");
  EXPECT_EQ(shape.output(0).types.onlyElementType(), ElementType::Int64);
  EXPECT_FALSE(shape.input(0).types.onlyElementType());
}

TEST(OperatorSchemaTest, Attributes) {
  OperatorSchema conv = *OperatorSchema::newest("", "Conv");
  ASSERT_TRUE(conv.attribute("group"));
  EXPECT_EQ(conv.attribute("group")->kind, AttributeKind::Int);
  EXPECT_STREQ(conv.attribute("group")->defaultText, "1");
  EXPECT_FALSE(conv.attribute("groups"));
  EXPECT_TRUE(
      OperatorSchema::newest("", "Concat")->attribute("axis")->required);
}

TEST(OperatorSchemaTest, ElementTypesThereAndBack) {
  mlir::MLIRContext context;
  context.loadDialect<OnnxDialect>();
  for (int64_t number = 1; number <= 26; ++number) {
    mlir::Type type = elementTypeFromOnnx(&context, number);
    ASSERT_TRUE(type) << number;
    EXPECT_EQ(int64_t(elementTypeToOnnx(type)), number);
  }
  EXPECT_FALSE(elementTypeFromOnnx(&context, 0));
  EXPECT_FALSE(elementTypeFromOnnx(&context, 27));
}

// The dialect and the table come from one source; they may not drift apart.
TEST(OperatorSchemaTest, EveryOperatorHasItsOperation) {
  mlir::MLIRContext context;
  context.loadDialect<OnnxDialect>();
  unsigned count = 0;
  OperatorSchema::forEachNewest([&](const OperatorSchema &schema) {
    if (schema.deprecated())
      return;
    ++count;
    mlir::OperationName name(schema.operationName(), &context);
    EXPECT_TRUE(name.isRegistered()) << schema.operationName();
  });
  EXPECT_GT(count, 240u);
}

} // namespace
} // namespace ashlar::onnx
