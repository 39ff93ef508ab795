// Float models in protobuf's text form, and tables for them.
#ifndef ASHLAR_TEST_COMPILER_QUANTIZATION_QUANTIZETEST_H
#define ASHLAR_TEST_COMPILER_QUANTIZATION_QUANTIZETEST_H

#include "compiler/quantization/QuantizeModel.h"
#include "test/compiler/import/ImportTest.h"

namespace ashlar::quantization {

inline std::unique_ptr<ModelFile> parseText(const std::string &text) {
  auto file = parseModelFile(llvm::MemoryBuffer::getMemBufferCopy(text),
                             "test.onnx", "", /*text=*/true);
  EXPECT_TRUE(bool(file)) << llvm::toString(file.takeError());
  return std::move(*file);
}

inline std::unique_ptr<ModelFile> parseBytes(const std::string &bytes) {
  auto file = parseModelFile(llvm::MemoryBuffer::getMemBufferCopy(bytes),
                             "test.onnx", "", /*text=*/false);
  EXPECT_TRUE(bool(file)) << llvm::toString(file.takeError());
  return std::move(*file);
}

inline std::string written(const ModelFile &model) {
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  EXPECT_FALSE(bool(writeModel(model, stream)));
  return bytes;
}

/// A node that is named by its result.
inline std::string layer(const std::string &op, llvm::StringRef inputs,
                         llvm::StringRef outputs,
                         const std::string &attributes = "") {
  std::string text = nodeOf(op, inputs, outputs, attributes);
  std::string name = "'" + outputs.split(',').first.str() + "'";
  return text.replace(text.find("'the_node'"), 10, name);
}

/// "initializer ..." with small numbers that differ; `dims` as "2,3".
inline std::string weightsOf(const std::string &name, llvm::StringRef dims,
                             float scale = 0.1f) {
  llvm::SmallVector<llvm::StringRef> parts;
  dims.split(parts, ',', -1, false);
  int64_t count = 1;
  std::string text = "initializer { name: '" + name + "' data_type: 1";
  for (llvm::StringRef part : parts) {
    int64_t dim = 1;
    part.getAsInteger(10, dim);
    count *= dim;
    text += " dims: " + part.str();
  }
  for (int64_t i = 0; i != count; ++i)
    text += " float_data: " +
            std::to_string(float((i * 7919 + 13) % 31 - 15) * scale);
  return text + " }\n";
}

/// Every tensor that the model wants to know about, between -1 and 3.
inline CalibrationTable tableFor(const ModelFile &model, double minimum = -1,
                                 double maximum = 3) {
  CalibrationTable table;
  table.modelHash = hashOfModel(model);
  table.samples = 100;
  for (const std::string &name : tensorsToCalibrate(model)) {
    TensorStatistics &statistics = table.tensors[name];
    statistics.minimum = statistics.observedMinimum = minimum;
    statistics.maximum = statistics.observedMaximum = maximum;
    statistics.method = "minmax";
    statistics.elements = 1;
  }
  return table;
}

/// The nodes as "y = Op(a, b)", one a line, without initialisers.
inline std::string nodesOf(const ModelFile &model) {
  std::string text;
  for (const proto::NodeProto &node : model.model.graph().node()) {
    text += node.output(0) + " = " + node.op_type() + "(";
    for (int i = 0; i != node.input_size(); ++i)
      text += (i ? ", " : "") + node.input(i);
    text += ")\n";
  }
  return text;
}

inline const proto::TensorProto *tensorOf(const ModelFile &model,
                                          const std::string &name) {
  for (const proto::TensorProto &tensor : model.model.graph().initializer())
    if (tensor.name() == name)
      return &tensor;
  return nullptr;
}

inline QuantizedModel quantized(const ModelFile &model,
                                const QuantizeOptions &options = {}) {
  auto result = quantizeModel(model, tableFor(model), options);
  EXPECT_TRUE(bool(result)) << llvm::toString(result.takeError());
  return std::move(*result);
}

inline std::string reasonOf(const QuantizedModel &model,
                            const std::string &node) {
  for (const LayerDecision &layer : model.layers)
    if (layer.node == node)
      return (layer.quantized ? "int8: " : "") + layer.reason;
  return "no such layer";
}

inline std::string errorOf(const ModelFile &model,
                           const CalibrationTable &table,
                           const QuantizeOptions &options = {}) {
  auto result = quantizeModel(model, table, options);
  EXPECT_FALSE(bool(result));
  return result ? "" : llvm::toString(result.takeError());
}

} // namespace ashlar::quantization

#endif
