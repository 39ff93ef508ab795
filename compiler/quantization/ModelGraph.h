//===- ModelGraph.h - the graph of a model file, to read and to change ----===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_MODELGRAPH_H
#define ASHLAR_COMPILER_QUANTIZATION_MODELGRAPH_H

#include "compiler/import/ModelFile.h"
#include "dialects/onnx/OperatorSchema.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace ashlar::quantization {

/// Knows who makes and who reads each tensor of the main graph, or of the body
/// of an If, Loop or Scan. After nodes were added, removed or rewired, index()
/// looks again.
class ModelGraph {
public:
  explicit ModelGraph(ModelFile &file);
  /// A body reads tensors of the graph around it, too, which has to live longer
  /// and must not change meanwhile.
  ModelGraph(const ModelGraph &outer, proto::GraphProto &body);

  void index();

  ModelFile &modelFile() const { return file; }
  proto::GraphProto &graph() const { return *root; }
  bool isBody() const { return outer; }
  /// What this graph reads of the graphs around it, in order of its nodes.
  std::vector<std::string> outerTensors() const;
  int nodeCount() const { return graph().node_size(); }
  proto::NodeProto &node(int index) const {
    return *graph().mutable_node(index);
  }
  /// As diagnostics and the importer call it; nodes without a name keep the
  /// number that they had in the file.
  std::string nameOf(int index) const;
  /// Whether a node is this operator of ONNX (or of another domain).
  bool is(int index, llvm::StringRef op, llvm::StringRef domain = "") const;
  bool isStandard(int index) const;
  /// Nodes so that each follows those whose results it reads.
  llvm::ArrayRef<int> order() const { return sorted; }

  /// The node that makes a tensor; -1: none of the main graph.
  int producerOf(llvm::StringRef tensor) const;
  /// The nodes that read a tensor, each once, subgraphs' readers included.
  llvm::ArrayRef<int> consumersOf(llvm::StringRef tensor) const;
  bool isOutput(llvm::StringRef tensor) const {
    return outputs.contains(tensor);
  }
  bool isInput(llvm::StringRef tensor) const { return inputs.contains(tensor); }
  /// Whether the body of an If, Loop or Scan reads it.
  bool isCaptured(llvm::StringRef tensor) const {
    return captured.contains(tensor);
  }
  /// The only node that reads a tensor that nothing else wants; -1: there is
  /// none, or more than one.
  int onlyConsumerOf(llvm::StringRef tensor) const;
  bool isUsed(llvm::StringRef tensor) const;

  const proto::TensorProto *initializer(llvm::StringRef tensor) const;
  /// Whether a tensor follows from initialisers and Constant nodes alone.
  bool isConstant(llvm::StringRef tensor) const;
  /// The Constant node, of this graph or one around it, that makes a tensor, or
  /// null.
  const proto::NodeProto *constantNode(llvm::StringRef tensor) const;
  onnx::ElementType elementType(llvm::StringRef tensor) const;
  bool isFloat(llvm::StringRef tensor) const {
    return elementType(tensor) == onnx::ElementType::Float;
  }
  int64_t opset(llvm::StringRef domain = "") const;

  /// Every name of a tensor or node that exists, of new ones too.
  std::string uniqueName(const llvm::Twine &wish);

private:
  void nameNodes();
  void indexSubgraph(const proto::GraphProto &body, int owner);
  void sort();
  void inferElementTypes();
  void inferElementTypes(int node);

  ModelFile &file;
  proto::GraphProto *root;
  const ModelGraph *outer = nullptr;
  llvm::StringMap<int> producers;
  llvm::StringMap<llvm::SmallVector<int, 2>> consumers;
  llvm::StringMap<const proto::TensorProto *> initializers;
  llvm::StringMap<onnx::ElementType> elementTypes;
  llvm::StringSet<> inputs, outputs, captured, constants;
  std::shared_ptr<llvm::StringSet<>> names; // of all graphs of the file
  llvm::DenseMap<const proto::NodeProto *, std::string> nodeNames;
  std::vector<int> sorted;
};

/// Calls `visit` for the bodies of all nodes, those inside of a body before it;
/// ends at the first error.
llvm::Error
forEachBody(const ModelGraph &graph,
            llvm::function_ref<llvm::Error(ModelGraph &body)> visit);

/// An attribute of a node, or null.
const proto::AttributeProto *findAttribute(const proto::NodeProto &node,
                                           llvm::StringRef name);
int64_t intAttribute(const proto::NodeProto &node, llvm::StringRef name,
                     int64_t otherwise);
float floatAttribute(const proto::NodeProto &node, llvm::StringRef name,
                     float otherwise);
std::vector<int64_t> intsAttribute(const proto::NodeProto &node,
                                   llvm::StringRef name);
std::string stringAttribute(const proto::NodeProto &node, llvm::StringRef name,
                            llvm::StringRef otherwise);
void removeAttribute(proto::NodeProto &node, llvm::StringRef name);
void setIntAttribute(proto::NodeProto &node, llvm::StringRef name,
                     int64_t value);

} // namespace ashlar::quantization

#endif
