//===- ModelConstants.h - values of a model file's constants --------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_MODELCONSTANTS_H
#define ASHLAR_COMPILER_QUANTIZATION_MODELCONSTANTS_H

#include "compiler/import/ExternalData.h"
#include "compiler/quantization/ModelGraph.h"

namespace ashlar::quantization {

/// Elements in C order; floats of 16 and 64 bits are converted.
struct FloatTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;

  int64_t size() const { return int64_t(values.size()); }
};

/// The bytes of a tensor that lies in the mapped file, beside it, or in
/// raw_data.
llvm::Expected<ExternalData::Range> dataOf(const ModelFile &file,
                                           ExternalData &external,
                                           const proto::TensorProto &tensor);

/// The elements of a tensor of floats, of any width; none if it holds something
/// else.
llvm::Expected<std::optional<FloatTensor>>
floatsOf(const ModelFile &file, ExternalData &external,
         const proto::TensorProto &tensor);

class ModelConstants {
public:
  explicit ModelConstants(const ModelGraph &graph);

  /// An initialiser, a Constant, or what Identity, Cast, Transpose, Reshape,
  /// Squeeze, Unsqueeze, Flatten, Slice and Concat make of them; none for
  /// anything else. Unreadable data is an error.
  llvm::Expected<std::optional<FloatTensor>> floats(llvm::StringRef tensor);
  /// The same for integers.
  std::optional<std::vector<int64_t>> integers(llvm::StringRef tensor);
  /// The one element of a constant.
  std::optional<float> scalar(llvm::StringRef tensor);

private:
  llvm::Expected<std::optional<FloatTensor>>
  joinedParts(const proto::NodeProto &node);
  llvm::Expected<std::optional<FloatTensor>>
  slicedPart(const proto::NodeProto &node);
  const proto::TensorProto *tensorOf(llvm::StringRef name,
                                     proto::TensorProto &made) const;

  const ModelGraph &graph;
  ExternalData external;
};

/// A tensor of the file format with these elements.
proto::TensorProto makeTensor(llvm::StringRef name, onnx::ElementType type,
                              llvm::ArrayRef<int64_t> shape,
                              llvm::StringRef bytes);
proto::TensorProto makeFloats(llvm::StringRef name,
                              llvm::ArrayRef<int64_t> shape,
                              llvm::ArrayRef<float> values);

} // namespace ashlar::quantization

#endif
