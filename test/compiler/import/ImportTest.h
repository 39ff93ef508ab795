// Models written in protobuf's text form, imported in memory.
#ifndef ASHLAR_TEST_COMPILER_IMPORT_IMPORTTEST_H
#define ASHLAR_TEST_COMPILER_IMPORT_IMPORTTEST_H

#include "compiler/import/Import.h"
#include "dialects/onnx/Diagnostics.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ashlar {

/// One import: the module, and every message as "NODE: text", "NODE:
/// unsupported: text" for what emitUnsupported said.
struct Imported {
  std::unique_ptr<mlir::MLIRContext> context;
  std::vector<std::string> messages;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  Imported() = default;
  Imported(Imported &&) = default;
  /// The module goes before its context.
  Imported &operator=(Imported &&other) {
    module = std::move(other.module);
    context = std::move(other.context);
    messages = std::move(other.messages);
    return *this;
  }

  mlir::func::FuncOp main() {
    return *module->getOps<mlir::func::FuncOp>().begin();
  }

  /// The operations in order without constants, as "onnx.Add onnx.Relu".
  std::string operations() {
    std::string names;
    if (module)
      for (mlir::Operation &op : main().getBody().front().without_terminator())
        if (op.getName().getStringRef() != "onnx.Constant")
          names +=
              (names.empty() ? "" : " ") + op.getName().getStringRef().str();
    return names;
  }

  std::string print() {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (module)
      module->print(stream);
    for (const std::string &message : messages)
      stream << message << "\n";
    return text;
  }

  std::string message() {
    return messages.size() == 1 ? messages.front() : print();
  }
};

template <typename Import> Imported importWith(Import import) {
  Imported result;
  result.context = std::make_unique<mlir::MLIRContext>(
      mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler handler(
      result.context.get(), [&](mlir::Diagnostic &diagnostic) {
        std::string text = onnx::nodeName(diagnostic.getLocation()).str();
        text += onnx::isUnsupported(diagnostic) ? ": unsupported: " : ": ";
        result.messages.push_back(text + diagnostic.str());
        return mlir::success();
      });
  result.module = import(*result.context);
  return result;
}

inline Imported importText(const std::string &text,
                           ImportOptions options = {}) {
  options.text = true;
  return importWith([&](mlir::MLIRContext &context) {
    return importModelFromMemory(context, text, "test.onnx", "", options);
  });
}

/// "name: 'x' type { ... }" of a tensor; dims are numbers or names, an unknown
/// rank is "*".
inline std::string tensorInfo(const std::string &name, int elementType,
                              llvm::StringRef dims) {
  std::string text = "name: '" + name + "' type { tensor_type { elem_type: " +
                     std::to_string(elementType);
  if (dims != "*") {
    text += " shape {";
    llvm::SmallVector<llvm::StringRef> parts;
    if (!dims.empty())
      dims.split(parts, ',');
    for (llvm::StringRef dim : parts) {
      int64_t number;
      text += dim.getAsInteger(10, number)
                  ? " dim { dim_param: '" + dim.str() + "' }"
                  : " dim { dim_value: " + dim.str() + " }";
    }
    text += " }";
  }
  return text + " } }";
}

inline std::string inputOf(const std::string &name, int elementType,
                           llvm::StringRef dims) {
  return "input { " + tensorInfo(name, elementType, dims) + " }\n";
}

inline std::string outputOf(const std::string &name) {
  return "output { name: '" + name + "' }\n";
}

inline std::string intAttr(const std::string &name, int64_t value) {
  return "attribute { name: '" + name +
         "' type: INT i: " + std::to_string(value) + " }\n";
}
inline std::string floatAttr(const std::string &name, float value) {
  return "attribute { name: '" + name +
         "' type: FLOAT f: " + std::to_string(value) + " }\n";
}
inline std::string stringAttr(const std::string &name,
                              const std::string &value) {
  return "attribute { name: '" + name + "' type: STRING s: '" + value + "' }\n";
}
inline std::string intsAttr(const std::string &name,
                            const std::vector<int64_t> &values) {
  std::string text = "attribute { name: '" + name + "' type: INTS";
  for (int64_t value : values)
    text += " ints: " + std::to_string(value);
  return text + " }\n";
}

/// A node "Op(a,b) -> c,d" with attributes.
inline std::string nodeOf(const std::string &op, llvm::StringRef inputs,
                          llvm::StringRef outputs,
                          const std::string &attributes = "") {
  std::string text = "node { op_type: '" + op + "' name: 'the_node'\n";
  llvm::SmallVector<llvm::StringRef> parts;
  inputs.split(parts, ',');
  for (llvm::StringRef input : parts)
    text += "input: '" + input.str() + "' ";
  parts.clear();
  outputs.split(parts, ',');
  for (llvm::StringRef output : parts)
    text += "output: '" + output.str() + "' ";
  return text + "\n" + attributes + "}\n";
}

inline std::string modelOf(int64_t opset, const std::string &graph,
                           const std::string &rest = "") {
  return "ir_version: 8 opset_import { version: " + std::to_string(opset) +
         " }\n" + rest + "graph { name: 'test'\n" + graph + "}\n";
}

/// A model of one node; every input is f32 of the given dims.
inline Imported
importNode(int64_t opset, const std::string &op,
           const std::vector<std::pair<std::string, std::string>> &inputs,
           const std::string &attributes = "", llvm::StringRef outputs = "y") {
  std::string names, graph;
  for (const auto &[name, dims] : inputs) {
    names += (&name == &inputs.front().first ? "" : ",") + name;
    if (!name.empty())
      graph += inputOf(name, 1, dims);
  }
  llvm::SmallVector<llvm::StringRef> parts;
  outputs.split(parts, ',');
  graph += outputOf(parts.front().str());
  return importText(
      modelOf(opset, graph + nodeOf(op, names, outputs, attributes)));
}

} // namespace ashlar

#endif // ASHLAR_TEST_COMPILER_IMPORT_IMPORTTEST_H
