// A small quantized network in protobuf's text form, made of numbers that a
// generator gives.
#ifndef ASHLAR_TEST_COMPILER_API_QUANTIZEDMODEL_H
#define ASHLAR_TEST_COMPILER_API_QUANTIZEDMODEL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include <string>

namespace ashlar {

/// Writes a graph node by node; tensors are named by what makes them.
class QuantizedModel {
public:
  /// The whole model as text; `output` is a tensor made before.
  std::string text(llvm::StringRef inputShape, llvm::StringRef output) const {
    return "ir_version: 8\nopset_import { version: 17 }\ngraph {\n name: "
           "\"quantized\"\n" +
           body + value("input", "x", inputShape) +
           value("output", output, "") + "}\n";
  }

  /// name = op(inputs), attributes in text form.
  std::string node(llvm::StringRef op, llvm::StringRef name,
                   llvm::ArrayRef<std::string> inputs,
                   llvm::StringRef attributes = "") {
    body += (" node { op_type: \"" + op + "\" name: \"" + name + "\"").str();
    for (const std::string &input : inputs)
      body += " input: \"" + input + "\"";
    body += (" output: \"" + name + "\" " + attributes + " }\n").str();
    return name.str();
  }

  /// A constant: `kind` is 1 (float), 2 (u8), 3 (s8) or 6 (s32).
  std::string constant(llvm::StringRef name, int kind,
                       llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<double> values) {
    body += (" initializer { name: \"" + name + "\"").str() +
            " data_type: " + std::to_string(kind);
    for (int64_t size : shape)
      body += " dims: " + std::to_string(size);
    for (double value : values)
      body += kind == 1 ? " float_data: " + std::to_string(value)
                        : " int32_data: " + std::to_string(int64_t(value));
    body += " }\n";
    return name.str();
  }

  /// Numbers between -limit and limit, integers if `whole`.
  std::vector<double> random(size_t count, double limit, bool whole) {
    std::vector<double> values(count);
    for (double &value : values) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      value = (double(seed >> 40) / double(1 << 23) - 1) * limit;
      if (whole)
        value = double(int64_t(value));
    }
    return values;
  }

  /// Quantized to u8 (or s8) and back.
  std::string requantize(llvm::StringRef x, double scale, int zero,
                         bool isSigned = false) {
    std::string s = constant((x + "_s").str(), 1, {}, {scale}),
                z = constant((x + "_z").str(), isSigned ? 3 : 2, {},
                             {double(zero)});
    node("QuantizeLinear", (x + "_q").str(), {x.str(), s, z});
    return node("DequantizeLinear", (x + "_d").str(), {(x + "_q").str(), s, z});
  }

  /// Weights of `shape` in s8 with a scale for each output channel.
  std::string weights(llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                      int64_t axis) {
    size_t count = 1;
    for (int64_t size : shape)
      count *= size;
    std::vector<double> scales = random(shape[axis], 0.004, false);
    for (double &scale : scales)
      scale = 0.006 + scale;
    std::string w = constant((name + "_w").str(), 3, shape,
                             random(count, 127, true)),
                s = constant((name + "_ws").str(), 1, {shape[axis]}, scales);
    return node(
        "DequantizeLinear", (name + "_wd").str(), {w, s},
        ("attribute { name: \"axis\" type: INT i: " + llvm::Twine(axis) + " }")
            .str());
  }

private:
  static std::string value(llvm::StringRef role, llvm::StringRef name,
                           llvm::StringRef shape) {
    return (" " + role + " { name: \"" + name +
            "\" type { tensor_type { elem_type: 1 " + shape + " } } }\n")
        .str();
  }

  std::string body;
  uint64_t seed = 1;
};

} // namespace ashlar

#endif
