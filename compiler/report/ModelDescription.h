//===- ModelDescription.h - what a compiled model says about itself -------===//
//
// One plain structure holds everything that the info tables in the object, the
// generated C header and the manifest say about a model, so that the three
// cannot disagree. Code generation fills it; the writers only read it.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_REPORT_MODELDESCRIPTION_H
#define ASHLAR_COMPILER_REPORT_MODELDESCRIPTION_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ashlar {

/// A symbolic dimension: one int64 of ashlar_args.dims.
struct DimDescription {
  std::string name;  // ONNX name, or the one made up at import
  std::string cName; // filled by assignCNames
  int64_t minimum = 0;
  int64_t maximum = INT64_MAX;
};

/// An input or output.
struct TensorDescription {
  std::string name;                         // ONNX name
  std::string cName;                        // filled by assignCNames
  int32_t dtype = 0;                        // ashlar_dtype
  llvm::SmallVector<int64_t, 4> dims;       // ASHLAR_DYNAMIC where not static
  llvm::SmallVector<int32_t, 4> dimSymbols; // index into dims table, or -1
  uint64_t elementBytes = 0;                // elementBytes(dtype) if left 0
  float scale = 0;                          // 0: not quantized
  int32_t zeroPoint = 0;
  bool random = false; // follows from a random operator
};

/// An ONNX node as it was compiled. Numbers that are not known are -1, strings
/// that do not apply are empty.
struct LayerDescription {
  std::string name;
  std::string op;
  std::string kernel;    // what runs it: "contraction", "loops", "folded" ...
  std::string isa;       // highest instruction set that the kernel uses
  std::string precision; // "f32", "int8" ...
  std::string precisionReason;
  std::string layout;   // "nchw", "nhwc", "nchw16c" ...
  std::string fallback; // why no better kernel was taken
  int64_t macs = -1;
  int64_t weightBytes = -1;
  int64_t bytes = -1;  // read and written, weights too
  int32_t partOf = -1; // the layer whose kernel computes this one too
};

/// One compilation of the model for one CPU.
struct VariantDescription {
  std::string cpu;
  uint64_t features = 0; // ASHLAR_CPU_*
  std::string bodySymbol;
  std::string shapesSymbol;
  std::vector<LayerDescription> layers; // as compiled for this CPU
  // Sizes where every dimension is static, otherwise -1.
  int64_t sharedWorkspaceBytes = -1;
  int64_t workerWorkspaceBytes = -1;
};

/// The calibration that a model was quantized with before it was compiled.
struct CalibrationDescription {
  std::string file;     // of the table, without folder
  std::string hash;     // SHA-256 of the table, hexadecimal
  std::string dataHash; // of the samples, as the table has it
  uint64_t samples = 0;
  bool madeUp = false;
};

struct ModelDescription {
  std::string prefix;    // a C identifier: prefixFromPath() or --name
  std::string modelFile; // file name without folder: the same everywhere
  std::string modelHash; // SHA-256 of the model, hexadecimal
  std::string producer;  // compiler and version
  std::optional<CalibrationDescription> calibration;
  std::vector<TensorDescription> inputs, outputs;
  std::vector<DimDescription> dims;
  std::vector<LayerDescription> layers;
  std::vector<VariantDescription> variants; // best first
  bool weightsEmbedded = true;
  uint64_t weightsBytes = 0;
  std::string weightsHash; // SHA-256 of the packed weights, hexadecimal
  uint64_t stateBytes = 0;
  int64_t macs = -1; // of the whole model where shapes are known
};

/// Bytes of one element at the interface (types below a byte take one), 0 for
/// types without a fixed size.
uint64_t elementBytes(int32_t dtype);
/// "float32", "uint8" ...
llvm::StringRef dtypeName(int32_t dtype);

/// `text` as a C identifier: other characters become '_', runs and both ends
/// trimmed; empty, leading digits and C/C++ keywords are mended.
std::string cIdentifier(llvm::StringRef text);
/// Prefix of the model in file `path`: its name without folder and extension.
std::string prefixFromPath(llvm::StringRef path);
/// Whether `name` can be a prefix as it stands (what --name must be).
bool isCIdentifier(llvm::StringRef name);

/// The values that a symbolic dimension may have, as the caller asks for.
struct DimRange {
  std::string dim;   // its name; empty: that of an axis of an input
  std::string input; // where dim is empty
  int64_t axis = 0;
  int64_t minimum = 0, maximum = INT64_MAX;
};

/// Narrows the dims of `model`. `emitError` is called for each range that
/// speaks of no symbolic dimension, and false is returned.
bool narrowDims(ModelDescription &model, const std::vector<DimRange> &ranges,
                llvm::function_ref<void(const std::string &)> emitError);

/// Fills every cName (and elementBytes). Two tensors, or two dims, that get the
/// same C name are an error: `emitError` is called for each clash, and false is
/// returned. An output that is an input passed through is called NAME_output.
bool assignCNames(ModelDescription &model,
                  llvm::function_ref<void(const std::string &)> emitError);

} // namespace ashlar
#endif
