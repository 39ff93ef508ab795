#include "passes/convert/RecurrentCell.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace ashlar {

using Values = Emitter::Values;

Value product(Emitter &e, Value lhs, Value rhs, OpFoldResult rows) {
  if (elementType(lhs).isF32())
    return multiplyF32(e, lhs, rhs, rows);
  return multiply(e, lhs, rhs, elementType(lhs), false, false, rows);
}

//===--- Activations
//-----------------------------------------------------------------------------------------------===//

static Scalar sigmoid(Scalar x) { return 1.0 / (exp(-x) + 1.0); }

Scalar CellFunction::apply(Scalar x) const {
  Scalar zero = x.same(0.0);
  if (name == "sigmoid")
    return sigmoid(x);
  if (name == "tanh")
    return tanh(x);
  if (name == "relu")
    return max(x, zero);
  if (name == "affine")
    return x * alpha + beta;
  if (name == "leakyrelu")
    return select(x < zero, x * alpha, x);
  if (name == "thresholdedrelu")
    return select(x > x.same(alpha), x, zero);
  if (name == "scaledtanh")
    return tanh(x * beta) * alpha;
  if (name == "hardsigmoid")
    return max(min(x * alpha + beta, x.same(1.0)), zero);
  if (name == "elu")
    return select(x < zero, (exp(min(x, zero)) - 1.0) * alpha, x);
  if (name == "softsign")
    return x / (abs(x) + 1.0);
  // softplus: log(1 + e^x) without overflow.
  return max(x, zero) + log(exp(-abs(x)) + 1.0);
}

namespace {

/// Default parameters; nothing for a name that is not known.
struct Defaults {
  bool known = true, takesAlpha = false, takesBeta = false;
  double alpha = 0, beta = 0;
};

Defaults defaultsOf(StringRef name) {
  return llvm::StringSwitch<Defaults>(name)
      .Cases({"sigmoid", "tanh", "relu", "softsign", "softplus"}, Defaults{})
      .Case("affine", Defaults{true, true, true, 1, 0})
      .Case("scaledtanh", Defaults{true, true, true, 1, 1})
      .Case("hardsigmoid", Defaults{true, true, true, 0.2, 0.5})
      .Case("leakyrelu", Defaults{true, true, false, 0.01, 0})
      .Case("thresholdedrelu", Defaults{true, true, false, 1, 0})
      .Case("elu", Defaults{true, true, false, 1, 0})
      .Default(Defaults{false});
}

} // namespace

bool CellFunctions::fill(ArrayRef<StringRef> names, ArrayRef<float> alphas,
                         ArrayRef<float> betas, CellKind kind,
                         int64_t directions) {
  SmallVector<StringRef> standard =
      kind == CellKind::Lstm ? SmallVector<StringRef>{"Sigmoid", "Tanh", "Tanh"}
      : kind == CellKind::Gru ? SmallVector<StringRef>{"Sigmoid", "Tanh"}
                              : SmallVector<StringRef>{"Tanh"};
  perDirection = standard.size();
  size_t count = perDirection * directions;
  for (size_t i = 0; i < count; ++i) {
    // One direction's list serves both.
    StringRef name =
        names.empty() ? standard[i % perDirection] : names[i % names.size()];
    CellFunction function{name.lower()};
    Defaults defaults = defaultsOf(function.name);
    if (!defaults.known)
      return false;
    function.alpha = defaults.alpha;
    function.beta = defaults.beta;
    if (defaults.takesAlpha && !alphas.empty()) {
      function.alpha = alphas.front();
      alphas = alphas.drop_front();
    }
    if (defaults.takesBeta && !betas.empty()) {
      function.beta = betas.front();
      betas = betas.drop_front();
    }
    list.push_back(function);
  }
  return true;
}

CellFunctions CellFunctions::ofDirection(int64_t direction) const {
  CellFunctions result = *this;
  result.list.assign(list.begin() + direction * perDirection,
                     list.begin() + (direction + 1) * perDirection);
  return result;
}

//===--- Steps
//-----------------------------------------------------------------------------------------------------===//

Scalar Cell::activate(unsigned number, Scalar x) const {
  if (functions.clip)
    x = clamp(x, x.same(-*functions.clip), x.same(*functions.clip));
  return functions.list[number].apply(x);
}

Value Cell::part(Value tensor, int64_t number) {
  TensorBuilder::Sizes sizes = e.dims(tensor), offsets(sizes.size(), e.size(0)),
                       strides(sizes.size(), e.size(1));
  sizes.back() = e.size(hidden);
  offsets.back() = e.size(number * hidden);
  return tensor::ExtractSliceOp::create(e, tensor, offsets, sizes, strides);
}

void Cell::prepare() {
  int64_t gates = kind == CellKind::Lstm ? 4 : kind == CellKind::Gru ? 3 : 1;
  for (int64_t gate = 0; bias && gate < gates; ++gate) {
    inputBias.push_back(part(bias, gate));
    recurrentBias.push_back(part(bias, gates + gate));
  }
  if (kind != CellKind::Gru || linearBeforeReset)
    return;
  // The candidate's product comes after the reset gate.
  TensorBuilder::Sizes sizes = e.dims(recurrence), strides(2, e.size(1));
  sizes[1] = e.size(2 * hidden);
  updateAndReset = tensor::ExtractSliceOp::create(
      e, recurrence, {e.size(0), e.size(0)}, sizes, strides);
  candidate = part(recurrence, 2);
}

Values Cell::update(Scalar time, ValueRange inputs, ValueRange states,
                    Update body) {
  SmallVector<Value> operands(inputs);
  SmallVector<AffineMap> maps;
  AffineMap identity = e.getMultiDimIdentityMap(2),
            row = AffineMap::get(2, 0, {e.getAffineDimExpr(1)}, e.getContext());
  for (Value input : inputs)
    maps.push_back(cast<RankedTensorType>(input.getType()).getRank() == 1
                       ? row
                       : identity);
  if (lengths) {
    operands.push_back(lengths);
    maps.push_back(
        AffineMap::get(2, 0, {e.getAffineDimExpr(0)}, e.getContext()));
  }
  maps.append(states.size(), identity);
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(e, states.getTypes(), operands,
                                           states, maps, iterators);
  OpBuilder::InsertionGuard guard(e);
  SmallVector<Type> types;
  for (Value operand : generic->getOperands())
    types.push_back(elementType(operand));
  Block *block = e.createBlock(&generic.getRegion(), {}, types,
                               SmallVector<Location>(types.size(), e.getLoc()));
  Emitter::Scalars in, old;
  for (Value argument : block->getArguments().take_front(inputs.size()))
    in.push_back(e.wrap(argument));
  for (Value argument : block->getArguments().take_back(states.size()))
    old.push_back(e.wrap(argument));
  Values next = body(in, old);
  if (lengths) {
    // Behind the end of its sequence a batch keeps its state.
    Scalar isRunning =
        time < e.wrap(block->getArgument(inputs.size())).toIndex();
    for (auto [value, before] : llvm::zip(next, old))
      value = select(isRunning, e.wrap(value), before);
  }
  linalg::YieldOp::create(e, next);
  return Values(generic.getResults());
}

Value Cell::output(Scalar time, Value h) {
  if (!lengths)
    return h;
  Value zero = e.zero(type);
  return e.generic(
      {batch, e.size(hidden)}, type, {h, lengths},
      {e.getMultiDimIdentityMap(2),
       AffineMap::get(2, 0, {e.getAffineDimExpr(0)}, e.getContext())},
      [&](TensorBuilder &b, ValueRange x) {
        return b.select(b.lt(time, b.toIndex(x[1])), x[0], zero);
      });
}

Value Cell::fromState(Scalar time, Value h) {
  if (!bytes)
    return product(e, h, recurrence, batch);
  // All batches share one range; those that have ended have no part in it.
  Value counted = backwards ? h : output(time - 1, h);
  return multiplyBytes(e, quantizeDynamically(e, counted), *bytes);
}

Values Cell::step(Scalar time, Value gates, ValueRange states) {
  if (kind == CellKind::Lstm)
    return stepLstm(time, gates, states);
  return kind == CellKind::Gru ? stepGru(time, gates, states[0])
                               : stepRnn(time, gates, states[0]);
}

Values Cell::stepLstm(Scalar time, Value gates, ValueRange states) {
  Value recurrent = fromState(time, states[0]);
  Values inputs;
  for (int64_t gate = 0; gate < 4; ++gate) {
    inputs.push_back(part(gates, gate));
    inputs.push_back(part(recurrent, gate));
    if (bias)
      llvm::append_range(inputs, Values{inputBias[gate], recurrentBias[gate]});
  }
  unsigned perGate = bias ? 4 : 2;
  for (int64_t i = 0; peepholes && i < 3; ++i)
    inputs.push_back(part(peepholes, i));
  return update(
      time, inputs, states, [&](ArrayRef<Scalar> in, ArrayRef<Scalar> old) {
        // Gates stand in the order input, output, forget, cell.
        auto sum = [&](unsigned gate) {
          Scalar total = in[gate * perGate];
          for (unsigned i = 1; i < perGate; ++i)
            total = total + in[gate * perGate + i];
          return total;
        };
        auto peep = [&](Scalar total, unsigned number, Scalar c) {
          return peepholes ? total + in[4 * perGate + number] * c : total;
        };
        Scalar input = activate(0, peep(sum(0), 0, old[1]));
        Scalar forget =
            coupled ? 1.0 - input : activate(0, peep(sum(2), 2, old[1]));
        Scalar c = forget * old[1] + input * activate(1, sum(3));
        Scalar output = activate(0, peep(sum(1), 1, c));
        return Values{output * functions.list[2].apply(c), c};
      });
}

Values Cell::stepGru(Scalar time, Value gates, Value h) {
  Values inputs = {part(gates, 0), part(gates, 1), part(gates, 2)};
  if (bias) {
    llvm::append_range(inputs, inputBias);
    llvm::append_range(inputs, recurrentBias);
  }
  auto biasOf = [&](ArrayRef<Scalar> in, unsigned gate, Scalar x) {
    return bias ? x + in[3 + gate] + in[6 + gate] : x;
  };
  auto blend = [&](Scalar z, Scalar fresh, Scalar old) {
    return Values{(1.0 - z) * fresh + z * old};
  };
  unsigned own = inputs.size();
  if (linearBeforeReset) {
    Value fromState = product(e, h, recurrence, batch);
    for (int64_t gate = 0; gate < 3; ++gate)
      inputs.push_back(part(fromState, gate));
    return update(
        time, inputs, h, [&](ArrayRef<Scalar> in, ArrayRef<Scalar> old) {
          Scalar z = activate(0, biasOf(in, 0, in[0] + in[own])),
                 r = activate(0, biasOf(in, 1, in[1] + in[own + 1]));
          Scalar inner = bias ? in[own + 2] + in[8] : in[own + 2];
          Scalar fresh = in[2] + r * inner;
          return blend(z, activate(1, bias ? fresh + in[5] : fresh), old[0]);
        });
  }
  Value fromState = product(e, h, updateAndReset, batch);
  inputs.push_back(part(fromState, 0));
  inputs.push_back(part(fromState, 1));
  // r * h, then its product, then the rest.
  Values resetInputs(inputs);
  resetInputs.push_back(h);
  AffineMap identity = e.getMultiDimIdentityMap(2),
            row = AffineMap::get(2, 0, {e.getAffineDimExpr(1)}, e.getContext());
  SmallVector<AffineMap> maps;
  for (Value input : resetInputs)
    maps.push_back(cast<RankedTensorType>(input.getType()).getRank() == 1
                       ? row
                       : identity);
  Value reset = e.generic(
      {batch, e.size(hidden)}, type, resetInputs, maps,
      [&](TensorBuilder &b, ValueRange x) -> Value {
        Emitter::Scalars in;
        for (Value value : x)
          in.push_back(Scalar(b, value));
        return activate(0, biasOf(in, 1, in[1] + in[own + 1])) * in.back();
      });
  inputs.push_back(product(e, reset, candidate, batch));
  return update(
      time, inputs, h, [&](ArrayRef<Scalar> in, ArrayRef<Scalar> old) {
        Scalar z = activate(0, biasOf(in, 0, in[0] + in[own]));
        return blend(z, activate(1, biasOf(in, 2, in[2] + in[own + 2])),
                     old[0]);
      });
}

Values Cell::stepRnn(Scalar time, Value gates, Value h) {
  Values inputs = {gates, product(e, h, recurrence, batch)};
  if (bias)
    llvm::append_range(inputs, Values{inputBias[0], recurrentBias[0]});
  return update(time, inputs, h, [&](ArrayRef<Scalar> in, ArrayRef<Scalar>) {
    Scalar total = in[0];
    for (Scalar term : in.drop_front())
      total = total + term;
    return Values{activate(0, total)};
  });
}

} // namespace ashlar
