//===- TensorObserver.h - sees the values inside a model while it runs ----===//
//
// A model compiled with ImportOptions::observe calls back with each tensor that
// was asked for, where its value is computed. Calibration, comparison and the
// search for the first wrong layer are built on this one mechanism.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_EXECUTION_TENSOROBSERVER_H
#define ASHLAR_COMPILER_EXECUTION_TENSOROBSERVER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace ashlar {

class TensorObserver {
public:
  virtual ~TensorObserver() = default;
  /// A run begins. One that did not have room enough begins again: what was
  /// seen since the last call of this does not count then.
  virtual void beginRun() {}
  /// `tensor`: its name in the model file; `dtype`: an ashlar_dtype; `data`:
  /// its elements in C order, valid during the call only. Called by the thread
  /// that runs the model.
  virtual void observe(llvm::StringRef tensor, int32_t dtype,
                       llvm::ArrayRef<int64_t> shape, const void *data) = 0;
};

} // namespace ashlar

#endif
