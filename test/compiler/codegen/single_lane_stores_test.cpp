// Masked stores of one lane become scalar ones, others stay.
#include "compiler/codegen/Codegen.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

namespace {

TEST(SingleLaneStores, AreMadeScalar) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic error;
  auto module = llvm::parseAssemblyString(
      R"(
define void @one(ptr %p, <4 x i8> %v) {
  call void @llvm.masked.store.v4i8.p0(<4 x i8> %v, ptr %p, <4 x i1> <i1 0, i1 0, i1 1, i1 0>)
  ret void
}
define void @two(ptr %p, <4 x i8> %v) {
  call void @llvm.masked.store.v4i8.p0(<4 x i8> %v, ptr %p, <4 x i1> <i1 1, i1 0, i1 1, i1 0>)
  ret void
}
define void @unknown(ptr %p, <4 x i8> %v, <4 x i1> %m) {
  call void @llvm.masked.store.v4i8.p0(<4 x i8> %v, ptr %p, <4 x i1> %m)
  ret void
}
)",
      error, context);
  ASSERT_TRUE(module) << error.getMessage().str();
  ashlar::makeSingleLaneStoresScalar(*module);
  auto textOf = [&](llvm::StringRef name) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->getFunction(name)->print(stream);
    return text;
  };
  std::string one = textOf("one");
  EXPECT_EQ(one.find("masked.store"), std::string::npos) << one;
  EXPECT_NE(one.find("extractelement <4 x i8> %v, i64 2"), std::string::npos)
      << one;
  EXPECT_NE(one.find("getelementptr i8, ptr %p, i64 2"), std::string::npos)
      << one;
  EXPECT_NE(textOf("two").find("masked.store"), std::string::npos);
  EXPECT_NE(textOf("unknown").find("masked.store"), std::string::npos);
}

} // namespace
