// The errors of the elementary functions, against libm in double precision,
// over samples of the whole range of f32. ASHLAR_NUMERICS_STEP=N takes every
// Nth float; the figures of docs/numerics.md are those of 17.
#include "passes/lower/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;

namespace {

float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint32_t toBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Compiles the functions of a module after the pass under test.
class Compiled {
public:
  explicit Compiled(const std::string &text) {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    DialectRegistry registry;
    registry.insert<arith::ArithDialect, func::FuncDialect, math::MathDialect,
                    LLVM::LLVMDialect>();
    registerBuiltinDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    PassManager passes(&context);
    passes.addPass(ashlar::createExpandMath());
    passes.addPass(createConvertMathToLLVMPass());
    passes.addPass(createArithToLLVMConversionPass());
    passes.addPass(createConvertFuncToLLVMPass());
    EXPECT_TRUE(succeeded(passes.run(*module)));
    auto llvmContext = std::make_unique<llvm::LLVMContext>();
    std::unique_ptr<llvm::Module> translated =
        translateModuleToLLVMIR(*module, *llvmContext);
    EXPECT_TRUE(translated);
    // Nothing but instructions: a function that is declared only would come
    // from a library.
    for (llvm::Function &function : *translated)
      EXPECT_TRUE(!function.isDeclaration() || function.isIntrinsic())
          << function.getName().str();
    jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
    llvm::cantFail(jit->addIRModule(llvm::orc::ThreadSafeModule(
        std::move(translated), std::move(llvmContext))));
  }

  template <typename Function> Function *get(const char *name) {
    return llvm::cantFail(jit->lookup(name)).toPtr<Function *>();
  }

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

// Distance in units of the last place of the correctly rounded result; infinite
// where only one is a NaN.
double ulpError(float got, double expected) {
  float rounded = static_cast<float>(expected);
  if (std::isnan(got) || std::isnan(rounded))
    return std::isnan(got) == std::isnan(rounded) ? 0 : INFINITY;
  if (got == rounded)
    return 0;
  if (std::isinf(got) || std::isinf(rounded)) {
    // One place beyond the largest number.
    return std::fabs(std::isinf(got) ? expected : static_cast<double>(got)) >=
                   3.4028234e38
               ? 1
               : INFINITY;
  }
  float above = std::nextafter(std::fabs(rounded), INFINITY);
  double place = std::isinf(above)
                     ? 0x1p104
                     : static_cast<double>(above) - std::fabs(rounded);
  return std::fabs(got - expected) / place;
}

uint32_t sampleStep() {
  const char *text = std::getenv("ASHLAR_NUMERICS_STEP");
  return text ? std::max(1, std::atoi(text)) : 4099;
}

struct Case {
  const char *operation;
  double (*reference)(double);
  double bound; // in ULP
};

void PrintTo(const Case &c, std::ostream *os) { *os << c.operation; }

class ElementaryFunction : public testing::TestWithParam<Case> {};

double reciprocalRoot(double x) { return 1 / std::sqrt(x); }

TEST_P(ElementaryFunction, StaysWithinItsBound) {
  const Case &c = GetParam();
  Compiled compiled("func.func @f(%x: f32) -> f32 {\n  %y = math." +
                    std::string(c.operation) +
                    " %x : f32\n  return %y : f32\n}\n");
  auto *f = compiled.get<float(float)>("f");
  double worst = 0;
  float where = 0;
  auto check = [&](float x) {
    double expected = c.reference(static_cast<double>(x));
    float got = f(x);
    double error = ulpError(got, expected);
    if (error > worst)
      worst = error, where = x;
    if (got == 0 && expected == 0)
      EXPECT_EQ(std::signbit(got), std::signbit(expected))
          << "sign of zero at " << x;
  };
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += sampleStep())
    check(fromBits(static_cast<uint32_t>(bits)));
  for (float x : {0.0f,          -0.0f,
                  1.0f,          -1.0f,
                  INFINITY,      -INFINITY,
                  NAN,           1e-45f,
                  -1e-45f,       1.17549435e-38f,
                  3.4028235e38f, -3.4028235e38f,
                  0.5f,          2.0f,
                  88.72283f,     88.72284f,
                  -103.97f,      -87.3f,
                  3.1415927f,    1.5707964f})
    check(x);
  // The neighbourhood of one and of small numbers, densely.
  for (uint32_t bits = toBits(0.9f); bits < toBits(1.1f);
       bits += sampleStep() / 64 + 1)
    check(fromBits(bits)), check(-fromBits(bits));
  std::printf("%-8s %.3f ULP at %.9g (bits 0x%08x)\n", c.operation, worst,
              where, toBits(where));
  EXPECT_LE(worst, c.bound) << "at " << where << ", got " << f(where)
                            << ", expected " << c.reference(where);
}

INSTANTIATE_TEST_SUITE_P(
    Functions, ElementaryFunction,
    testing::Values(
        Case{"exp", std::exp, 1.0}, Case{"exp2", std::exp2, 1.5},
        Case{"expm1", std::expm1, 1.5}, Case{"log", std::log, 1.0},
        Case{"log2", std::log2, 1.5}, Case{"log10", std::log10, 1.5},
        Case{"log1p", std::log1p, 2.0}, Case{"tanh", std::tanh, 2.5},
        Case{"erf", std::erf, 1.5}, Case{"sin", std::sin, 1.75},
        Case{"cos", std::cos, 1.75}, Case{"tan", std::tan, 3.5},
        Case{"asin", std::asin, 2.0}, Case{"acos", std::acos, 1.5},
        Case{"atan", std::atan, 1.75}, Case{"sinh", std::sinh, 2.5},
        Case{"cosh", std::cosh, 2.0}, Case{"asinh", std::asinh, 3.0},
        Case{"acosh", std::acosh, 3.0}, Case{"atanh", std::atanh, 3.5},
        Case{"cbrt", std::cbrt, 1.0}, Case{"rsqrt", reciprocalRoot, 1.5}),
    [](const testing::TestParamInfo<Case> &info) {
      return info.param.operation;
    });

TEST(ExponentialOfNonPositive, StaysWithinOneUlp) {
  Compiled compiled("func.func @f(%x: f32) -> f32 {\n  %y = math.exp %x "
                    "{ashlar.non_positive} : f32\n  return %y : f32\n}\n");
  auto *f = compiled.get<float(float)>("f");
  double worst = 0;
  for (uint32_t bits = toBits(-0.0f); bits <= toBits(-87.25f);
       bits += sampleStep()) {
    float x = fromBits(bits);
    worst = std::max(worst, ulpError(f(x), std::exp(static_cast<double>(x))));
  }
  std::printf("%-8s %.3f ULP\n", "exp(-x)", worst);
  EXPECT_LE(worst, 1.0);
  EXPECT_EQ(f(0.0f), 1.0f);
  EXPECT_EQ(f(-0.0f), 1.0f);
  for (float x : {-87.26f, -88.0f, -104.0f, -1e30f, -INFINITY})
    EXPECT_EQ(toBits(f(x)), 0u) << x;
  for (uint32_t bits : {0x7fc00000u, 0xffc00001u, 0x7fffffffu, 0xff812345u})
    EXPECT_TRUE(std::isnan(f(fromBits(bits)))) << bits;
}

TEST(Power, StaysWithinOneUlp) {
  Compiled compiled("func.func @f(%x: f32, %y: f32) -> f32 {\n  %z = math.powf "
                    "%x, %y : f32\n  return %z : f32\n}\n");
  auto *f = compiled.get<float(float, float)>("f");
  const float special[] = {
      0.0f,        -0.0f,       1.0f,     -1.0f,     2.0f,  -2.0f, 3.0f,
      -3.0f,       0.5f,        -0.5f,    1e-45f,    1e38f, 1e9f,  8388609.0f,
      -8388609.0f, 16777216.0f, INFINITY, -INFINITY, NAN};
  for (float x : special)
    for (float y : special) {
      double expected =
          std::pow(static_cast<double>(x), static_cast<double>(y));
      EXPECT_LE(ulpError(f(x, y), expected), 1)
          << x << "^" << y << " gave " << f(x, y);
    }
  std::mt19937 random(1);
  double worst = 0;
  for (uint64_t i = 0, count = 16'000'000'000 / sampleStep();
       i < std::min<uint64_t>(count, 50'000'000); ++i) {
    // Bases of every size, exponents that keep most results finite.
    float x = fromBits(random()),
          y = std::uniform_real_distribution<float>(-1, 1)(random);
    y *= 140 / std::max(1.0f, std::fabs(std::log2(std::fabs(x))));
    worst =
        std::max(worst, ulpError(f(x, y), std::pow(static_cast<double>(x),
                                                   static_cast<double>(y))));
    worst = std::max(worst, ulpError(f(std::fabs(x), y),
                                     std::pow(std::fabs(static_cast<double>(x)),
                                              static_cast<double>(y))));
  }
  std::printf("%-8s %.3f ULP\n", "powf", worst);
  EXPECT_LE(worst, 1.0);
}

TEST(ArcTangent2, StaysWithinItsBound) {
  Compiled compiled("func.func @f(%y: f32, %x: f32) -> f32 {\n  %z = "
                    "math.atan2 %y, %x : f32\n  return %z : f32\n}\n");
  auto *f = compiled.get<float(float, float)>("f");
  const float special[] = {0.0f,  -0.0f,    1.0f,      -1.0f, 1e-45f,
                           1e38f, INFINITY, -INFINITY, NAN};
  double worst = 0;
  for (float y : special)
    for (float x : special)
      EXPECT_LE(ulpError(f(y, x), std::atan2(static_cast<double>(y),
                                             static_cast<double>(x))),
                2.5)
          << y << ", " << x;
  std::mt19937 random(1);
  for (int i = 0; i < 2'000'000; ++i) {
    float y = std::normal_distribution<float>()(random),
          x = std::normal_distribution<float>()(random);
    worst =
        std::max(worst, ulpError(f(y, x), std::atan2(static_cast<double>(y),
                                                     static_cast<double>(x))));
  }
  std::printf("%-8s %.3f ULP\n", "atan2", worst);
  EXPECT_LE(worst, 2.5);
}

// Conversions to 16 bits round to nearest even, once.
TEST(Conversion, ToBf16) {
  Compiled compiled(
      "func.func @single(%x: f32) -> i16 {\n  %y = arith.truncf %x : f32 to "
      "bf16\n"
      "  %z = arith.bitcast %y : bf16 to i16\n  return %z : i16\n}\n"
      "func.func @double(%x: f64) -> i16 {\n  %y = arith.truncf %x : f64 to "
      "bf16\n"
      "  %z = arith.bitcast %y : bf16 to i16\n  return %z : i16\n}\n");
  auto *single = compiled.get<uint16_t(float)>("single");
  auto *wide = compiled.get<uint16_t(double)>("double");
  EXPECT_EQ(single(1.0f), 0x3f80);
  EXPECT_EQ(single(fromBits(0x3f808000)), 0x3f80);
  EXPECT_EQ(single(fromBits(0x3f818000)), 0x3f82);
  EXPECT_EQ(single(fromBits(0x3f808001)), 0x3f81);
  EXPECT_EQ(single(3.4028235e38f), 0x7f80);
  EXPECT_EQ(single(-INFINITY), 0xff80);
  EXPECT_EQ(single(fromBits(0x7f800001)) & 0x7fc0, 0x7fc0);
  // Just above the middle between two: a rounding to f32 first would lose that.
  EXPECT_EQ(wide(1.00390625 + 0x1p-40), 0x3f81);
  EXPECT_EQ(wide(1.00390625 - 0x1p-40), 0x3f80);
  EXPECT_EQ(wide(1.00390625), 0x3f80);
  EXPECT_EQ(wide(1e300), 0x7f80);
}

} // namespace
