//===- NodeInsertion.h - new nodes among those of a graph -----------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_NODEINSERTION_H
#define ASHLAR_COMPILER_QUANTIZATION_NODEINSERTION_H

#include "compiler/quantization/ModelGraph.h"

#include <optional>

namespace ashlar::quantization {

/// Collects new nodes by the place where they go; the indices of the graph stay
/// valid until apply().
class NodeInsertion {
public:
  explicit NodeInsertion(ModelGraph &graph)
      : graph(graph), before(graph.nodeCount()), after(graph.nodeCount()),
        replaced(graph.nodeCount(), false) {}

  void insertBefore(int node, proto::NodeProto added) {
    before[node].push_back(std::move(added));
  }
  /// Behind what makes a tensor, an input or a node.
  void insertBehind(llvm::StringRef tensor, proto::NodeProto added);
  /// The node goes; what was inserted before it stays.
  void remove(int node) { replaced[node] = true; }
  void apply();

private:
  ModelGraph &graph;
  std::vector<std::vector<proto::NodeProto>> before, after;
  std::vector<proto::NodeProto> first;
  std::vector<bool> replaced;
};

/// A node with one result.
proto::NodeProto makeNode(llvm::StringRef op, llvm::StringRef domain,
                          llvm::StringRef name,
                          llvm::ArrayRef<std::string> inputs,
                          llvm::StringRef output,
                          std::optional<int64_t> axis = std::nullopt);

/// The domain of QuantizeLinear and DequantizeLinear in a model: before opset
/// 13 the standard's have one scale and no axis, before 10 there are none.
llvm::StringRef domainOfQuantization(const ModelGraph &graph, bool withAxis);
/// Has the model import a domain.
void importDomain(ModelGraph &graph, llvm::StringRef domain);

} // namespace ashlar::quantization

#endif
