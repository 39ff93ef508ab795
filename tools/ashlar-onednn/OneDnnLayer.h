//===- OneDnnLayer.h - the same layer in oneDNN ---------------------------===//
#ifndef ASHLAR_TOOLS_ONEDNN_ONEDNNLAYER_H
#define ASHLAR_TOOLS_ONEDNN_ONEDNNLAYER_H

#include <memory>
#include <string>

#include "llvm/ADT/StringRef.h"

#include "tools/ashlar-onednn/ContractionShape.h"

namespace ashlar::perf {

/// Holds oneDNN to an instruction set, by the name that its environment
/// variable takes ("avx2", "avx512_core_vnni" ...); before anything else is
/// asked of it. False where the name is unknown or it is too late.
bool limitOneDnn(llvm::StringRef isa);
std::string oneDnnVersion();

/// One primitive with weights packed beforehand, for one thread.
class OneDnnLayer {
public:
  OneDnnLayer(const Shape &shape, Type type, const LayerData &data,
              Result result);
  ~OneDnnLayer();

  void run();
  /// The result in the model's order; bf16 widened to floats.
  std::vector<float> floats();
  std::vector<int32_t> sums(); // Result::Sums of u8s8
  std::string implementation() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace ashlar::perf

#endif
