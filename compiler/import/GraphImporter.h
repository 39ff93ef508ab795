// Graphs of a model file to blocks of operations.
#ifndef ASHLAR_COMPILER_IMPORT_GRAPHIMPORTER_H
#define ASHLAR_COMPILER_IMPORT_GRAPHIMPORTER_H

#include "compiler/import/Import.h"
#include "compiler/import/ModelFile.h"
#include "compiler/import/ModelTypes.h"
#include "compiler/import/NodeBuilder.h"
#include "compiler/import/TensorData.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace ashlar {

/// What the nodes of a graph mean by their names: the model itself, or the
/// call of a local function.
struct Frame {
  llvm::StringMap<int64_t> opsets;
  /// Attributes of the call, for references from the function's body.
  llvm::StringMap<const proto::AttributeProto *> attributes;
  /// Put before node names.
  std::string prefix;
  const proto::FunctionProto *function = nullptr;
  const Frame *caller = nullptr;
};

/// Names of values in a graph; inner graphs see those of outer ones.
struct Scope {
  Scope *parent = nullptr;
  const Frame *frame = nullptr;
  mlir::Block *block = nullptr;
  /// Null values stand for results of nodes that failed: no further message.
  llvm::StringMap<mlir::Value> values;
  /// Inputs of a local function that its caller leaves out.
  llvm::StringSet<> absent;
  llvm::StringMap<const proto::TensorProto *> initializers;
  llvm::StringMap<const proto::SparseTensorProto *> sparseInitializers;
  llvm::StringMap<const proto::TypeProto *> types;
  /// Constants stand at the start of the block, in order of their first use.
  mlir::Operation *lastConstant = nullptr;
};

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext *context, const ModelFile &file,
                const ImportOptions &options);

  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  // ModelImport.cpp: what surrounds the graph.
  mlir::LogicalResult readHeader(Frame &frame);
  mlir::LogicalResult readFunctions();
  mlir::LogicalResult
  readOpsets(const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto>
                 &imports,
             mlir::Location loc, Frame &frame);
  mlir::LogicalResult applyShapes(const proto::GraphProto &graph);
  mlir::FailureOr<mlir::Type>
  inputType(const proto::ValueInfoProto &input, mlir::Location loc,
            llvm::SmallVectorImpl<std::string> &names);
  mlir::LogicalResult addArguments(mlir::func::FuncOp function, Scope &scope);
  mlir::LogicalResult addResults(mlir::func::FuncOp function, Scope &scope);

  // GraphImport.cpp: nodes and names.
  mlir::LogicalResult declare(const proto::GraphProto &graph, Scope &scope,
                              mlir::Location loc);
  mlir::LogicalResult
  importNodes(const google::protobuf::RepeatedPtrField<proto::NodeProto> &nodes,
              Scope &scope);
  mlir::LogicalResult importNode(const proto::NodeProto &node, unsigned index,
                                 Scope &scope);
  mlir::FailureOr<ImportNode> readNode(const proto::NodeProto &node,
                                       mlir::Location loc, Scope &scope);
  mlir::LogicalResult defineResults(const proto::NodeProto &node,
                                    llvm::ArrayRef<mlir::Value> values,
                                    mlir::Location loc, Scope &scope);
  /// Nothing after a message; a null value when the value's node failed.
  std::optional<mlir::Value> lookup(llvm::StringRef name, Scope &scope,
                                    mlir::Location loc,
                                    llvm::StringRef op = {});
  mlir::Value
  makeConstant(llvm::StringRef name, Scope &scope,
               llvm::function_ref<mlir::ElementsAttr(mlir::Location)> read);
  mlir::FailureOr<mlir::Type> declaredType(llvm::StringRef name, Scope &scope,
                                           mlir::Location loc);
  mlir::Location nodeLocation(const proto::NodeProto &node, unsigned index,
                              const Frame &frame);
  mlir::Location namedLocation(llvm::StringRef name);

  // Observation.cpp
  void observe(llvm::StringRef name, mlir::Value value, mlir::Location loc,
               Scope &scope);

  // AttributeImport.cpp
  mlir::LogicalResult readAttributes(const proto::NodeProto &node,
                                     ImportNode &result, Scope &scope,
                                     const onnx::OperatorSchema &schema);
  mlir::LogicalResult readAttribute(const proto::AttributeProto &attribute,
                                    ImportNode &result, Scope &scope,
                                    const onnx::AttributeSchema &schema);
  mlir::LogicalResult importSubgraph(const proto::GraphProto &graph,
                                     llvm::StringRef name, ImportNode &node,
                                     Scope &scope);
  mlir::FailureOr<mlir::ElementsAttr> readConstant(const proto::NodeProto &node,
                                                   mlir::Location loc,
                                                   const Frame &frame);

  // FunctionImport.cpp
  const proto::FunctionProto *functionOf(const proto::NodeProto &node) const;
  mlir::LogicalResult importCall(const proto::NodeProto &node,
                                 const proto::FunctionProto &function,
                                 mlir::Location loc, Scope &scope);

  mlir::MLIRContext *context;
  const ModelFile &file;
  const ImportOptions &options;
  mlir::OpBuilder builder;
  TensorReader tensors;
  TypeReader types;
  NodeBuilder nodes;
  llvm::StringMap<const proto::FunctionProto *> functions;
  /// Things to report once only.
  llvm::StringSet<> reported;
  unsigned depth = 0;
};

/// The attribute that a node means: itself, or what the caller of the local
/// function gave for it; null when the caller gave nothing.
const proto::AttributeProto *
resolveAttribute(const proto::AttributeProto &attribute, const Frame &frame);

/// The kind of an attribute; old files leave it to be seen from the value.
proto::AttributeProto::AttributeType
kindOf(const proto::AttributeProto &attribute);

/// The order to import nodes in: that of the file where possible, otherwise
/// producers first. Reports cycles; nodes on them are left out.
mlir::LogicalResult
orderNodes(const google::protobuf::RepeatedPtrField<proto::NodeProto> &nodes,
           llvm::function_ref<mlir::Location(unsigned)> locationOf,
           llvm::SmallVectorImpl<unsigned> &order);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_GRAPHIMPORTER_H
