// One time step of LSTM, GRU and RNN.
#ifndef ASHLAR_PASSES_CONVERT_RECURRENTCELL_H
#define ASHLAR_PASSES_CONVERT_RECURRENTCELL_H

#include "passes/convert/Contraction.h"
#include "passes/convert/DynamicProduct.h"

namespace ashlar {

enum class CellKind { Lstm, Gru, Rnn };

/// An activation function with its parameters.
struct CellFunction {
  std::string name;
  double alpha = 0, beta = 0;

  Scalar apply(Scalar x) const;
};

/// The activations of all directions, and the clipping of their inputs.
class CellFunctions {
public:
  llvm::SmallVector<CellFunction> list;
  std::optional<double> clip;
  unsigned perDirection = 1;

  /// From the attributes; nothing where one is not known.
  template <typename OpT>
  static std::optional<CellFunctions> read(OpT op, CellKind kind,
                                           int64_t directions) {
    llvm::SmallVector<llvm::StringRef> names;
    if (mlir::ArrayAttr given =
            op->template getAttrOfType<mlir::ArrayAttr>("activations"))
      for (mlir::Attribute name : given)
        names.push_back(mlir::cast<mlir::StringAttr>(name).getValue());
    CellFunctions functions;
    if (op.getClip())
      functions.clip = op.getClip()->convertToFloat();
    auto orNone = [](std::optional<llvm::ArrayRef<float>> values) {
      return values.value_or(llvm::ArrayRef<float>());
    };
    if (!functions.fill(names, orNone(op.getActivationAlpha()),
                        orNone(op.getActivationBeta()), kind, directions))
      return std::nullopt;
    return functions;
  }

  CellFunctions ofDirection(int64_t direction) const;

private:
  bool fill(llvm::ArrayRef<llvm::StringRef> names, llvm::ArrayRef<float> alphas,
            llvm::ArrayRef<float> betas, CellKind kind, int64_t directions);
};

/// [rows, K] x [K, N], by the fast path where there is one.
mlir::Value product(Emitter &e, mlir::Value lhs, mlir::Value rhs,
                    mlir::OpFoldResult rows);

/// The computation of one direction at one time step. States are [batch,
/// hidden]; `gates` is what the input adds, [batch, gates * hidden].
class Cell {
public:
  Cell(Emitter &e, CellKind kind, CellFunctions functions,
       mlir::OpFoldResult batch, int64_t hidden, mlir::Type type)
      : e(e), kind(kind), functions(std::move(functions)), batch(batch),
        hidden(hidden), type(type) {}

  Emitter &e;
  CellKind kind;
  CellFunctions functions;
  mlir::OpFoldResult batch;
  int64_t hidden;
  mlir::Type type;
  /// [hidden, gates * hidden], [2 * gates * hidden], [3 * hidden], [batch]; all
  /// but the first may be absent.
  mlir::Value recurrence, bias, peepholes, lengths;
  /// In the place of `recurrence`: the state is quantized at every step.
  std::optional<ByteMatrix> bytes;
  bool coupled = false, linearBeforeReset = false, backwards = false;

  /// What does not change over time; to be called before the loop.
  void prepare();
  /// The next states: h and, of an LSTM, c.
  Emitter::Values step(Scalar time, mlir::Value gates, mlir::ValueRange states);
  /// What Y shows of `h` at this time: nothing behind the end of a sequence.
  mlir::Value output(Scalar time, mlir::Value h);

private:
  /// What state `h` adds to all gates.
  mlir::Value fromState(Scalar time, mlir::Value h);

  using Update = llvm::function_ref<Emitter::Values(
      llvm::ArrayRef<Scalar> inputs, llvm::ArrayRef<Scalar> states)>;

  Emitter::Values stepLstm(Scalar time, mlir::Value gates,
                           mlir::ValueRange states);
  Emitter::Values stepGru(Scalar time, mlir::Value gates, mlir::Value h);
  Emitter::Values stepRnn(Scalar time, mlir::Value gates, mlir::Value h);
  /// One gate's part of [batch, gates * hidden] or of a vector of several
  /// parts.
  mlir::Value part(mlir::Value tensor, int64_t number);
  /// Updates the states elementwise and in place; inputs are [batch, hidden] or
  /// [hidden].
  Emitter::Values update(Scalar time, mlir::ValueRange inputs,
                         mlir::ValueRange states, Update body);
  Scalar activate(unsigned number, Scalar x) const;

  /// Bias of the input's and of the recurrence's part of each gate.
  llvm::SmallVector<mlir::Value> inputBias, recurrentBias;
  mlir::Value updateAndReset, candidate;
};

} // namespace ashlar

#endif
