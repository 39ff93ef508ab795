// Shapes of If, Loop, Scan: their regions are visited with the facts of what
// comes in; where branches or iterations disagree, a dim is unknown.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// What holds for both values. Null type when their kinds differ.
ValueFacts join(OpShapes &shapes, const ValueFacts &a, const ValueFacts &b) {
  ValueFacts result;
  if (!isa<TensorType>(a.type) || !isa<TensorType>(b.type)) {
    if (a.type == b.type)
      result.type = a.type;
    return result;
  }
  if (a.element() != b.element())
    return result;
  if (!a.ranked() || !b.ranked() || a.dims.size() != b.dims.size()) {
    result.type = UnrankedTensorType::get(a.element());
    return result;
  }
  SmallVector<int64_t> sizes;
  for (auto [left, right] : llvm::zip(a.dims, b.dims)) {
    result.dims.push_back(left == right ? left : shapes.unknown());
    sizes.push_back(
        result.dims.back().constant().value_or(ShapedType::kDynamic));
  }
  result.type = RankedTensorType::get(sizes, a.element());
  if (a.elements && b.elements && *a.elements == *b.elements)
    result.elements = a.elements;
  return result;
}

ValueRange yieldedBy(Region &region) {
  return region.front().getTerminator()->getOperands();
}

// Branches of different rank: exporters write them where a dim may be 1. Each
// is tried on the operations that follow; if only one of them fits the types
// that the model declares there, that one is meant.
std::optional<bool> decideBranch(IfOp op, OpShapes &shapes) {
  ShapeAnalysis &analysis = shapes.getAnalysis();
  auto problemsWith = [&](Region &taken) {
    ShapeAnalysis::Speculation trial(analysis);
    for (auto [result, value] : llvm::zip(op.getResults(), yieldedBy(taken)))
      analysis.record(result, analysis.facts(value));
    for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
      analysis.visit(next);
    return trial.problems;
  };
  bool yes = problemsWith(op.getThenBranch()) == 0;
  bool no = problemsWith(op.getElseBranch()) == 0;
  if (yes == no)
    return std::nullopt;
  return yes;
}

LogicalResult inferIf(IfOp op, OpShapes &shapes) {
  ShapeAnalysis &analysis = shapes.getAnalysis();
  if (shapes.ranked(op.getCond())) {
    auto count = shapes.product(shapes.dims(op.getCond())).constant();
    if (count && *count != 1)
      return shapes.error()
             << "condition is " << toString(shapes.dims(op.getCond()))
             << ", expected one element";
  }
  // The branch that is never taken may contradict the shapes; nobody asks it.
  if (auto condition = shapes.integers(op.getCond());
      condition && condition->size() == 1) {
    Region &taken =
        condition->front() ? op.getThenBranch() : op.getElseBranch();
    Region &other =
        condition->front() ? op.getElseBranch() : op.getThenBranch();
    analysis.visit(taken.front());
    {
      ShapeAnalysis::Speculation quiet(analysis);
      analysis.visit(other.front());
      analysis.neverTaken(other);
    }
    for (auto [result, value] : llvm::zip(op.getResults(), yieldedBy(taken)))
      (void)shapes.resultLike(result, value);
    return success();
  }
  analysis.visit(op.getThenBranch().front());
  analysis.visit(op.getElseBranch().front());
  auto yes = yieldedBy(op.getThenBranch()), no = yieldedBy(op.getElseBranch());
  if (yes.size() != op->getNumResults() || no.size() != op->getNumResults())
    return shapes.error() << "branches have " << yes.size() << " and "
                          << no.size() << " outputs, expected "
                          << op->getNumResults();
  bool sameRanks = llvm::all_of(llvm::zip(yes, no), [&](auto pair) {
    auto [a, b] = pair;
    return !shapes.ranked(a) || !shapes.ranked(b) ||
           shapes.rank(a) == shapes.rank(b);
  });
  // Trials within trials would multiply: they go by what was decided before.
  if (!sameRanks) {
    auto before = analysis.getDecisions().find(op);
    std::optional<bool> taken;
    if (!analysis.isSpeculative())
      taken = decideBranch(op, shapes);
    else if (before != analysis.getDecisions().end())
      taken = before->second;
    if (taken) {
      analysis.decide(op, *taken);
      analysis.neverTaken(*taken ? op.getElseBranch() : op.getThenBranch());
      Region &region = *taken ? op.getThenBranch() : op.getElseBranch();
      for (auto [result, value] : llvm::zip(op.getResults(), yieldedBy(region)))
        (void)shapes.resultLike(result, value);
      return success();
    }
  }
  for (auto [result, a, b] : llvm::zip(op.getResults(), yes, no)) {
    ValueFacts both = join(shapes, analysis.facts(a), analysis.facts(b));
    if (!both.type)
      return shapes.error()
             << "branches give " << shapes.type(a) << " and " << shapes.type(b);
    (void)shapes.resultFacts(result, std::move(both));
  }
  return success();
}

// Gives the carried arguments of a loop body facts that hold for every
// iteration: those of the initial values, with what an iteration changes made
// unknown, until nothing changes. Each dim changes at most once.
LogicalResult visitCarried(OpShapes &shapes, Block &body, ValueRange initial,
                           unsigned firstArgument, unsigned firstYield) {
  ShapeAnalysis &analysis = shapes.getAnalysis();
  SmallVector<ValueFacts, 0> carried;
  for (Value value : initial) {
    carried.push_back(analysis.facts(value));
    // The first value is not that of later iterations.
    carried.back().elements.reset();
    carried.back().constant = {};
  }
  auto assume = [&] {
    for (auto [index, facts] : llvm::enumerate(carried))
      analysis.record(body.getArgument(firstArgument + index), facts);
  };
  for (bool changed = true; changed;) {
    changed = false;
    assume();
    {
      ShapeAnalysis::Speculation speculation(analysis);
      analysis.visit(body);
    }
    auto yielded = body.getTerminator()->getOperands().drop_front(firstYield);
    for (auto [index, facts] : llvm::enumerate(carried)) {
      const ValueFacts &next = analysis.facts(yielded[index]);
      const void *key =
          body.getArgument(firstArgument + index).getAsOpaquePointer();
      if (!facts.ranked())
        continue;
      if (!next.ranked() || next.dims.size() != facts.dims.size()) {
        if (!isa<TensorType>(next.type) || next.element() != facts.element())
          return shapes.error()
                 << "carried value " << index << " begins as " << facts.type
                 << ", but an iteration gives " << next.type;
        facts.dims.clear();
        facts.type = UnrankedTensorType::get(facts.element());
        changed = true;
        continue;
      }
      SmallVector<int64_t> sizes;
      for (auto [axis, pair] :
           llvm::enumerate(llvm::zip(facts.dims, next.dims))) {
        auto &[mine, theirs] = pair;
        if (mine != theirs) {
          DimExpr widened = analysis.freshAtom(key, 1024 + axis, true);
          if (mine != widened) {
            mine = widened;
            changed = true;
          }
        }
        sizes.push_back(mine.constant().value_or(ShapedType::kDynamic));
      }
      facts.type = RankedTensorType::get(sizes, facts.element());
    }
  }
  assume();
  analysis.visit(body);
  return success();
}

void recordScalar(ShapeAnalysis &analysis, Value value, Type element) {
  ValueFacts facts;
  facts.type = RankedTensorType::get({}, element);
  analysis.record(value, std::move(facts));
}

// The dims of values stacked along a new axis.
LogicalResult stack(OpShapes &shapes, Value result, Value value, int64_t axis,
                    const DimExpr &count) {
  if (!shapes.ranked(value))
    return shapes.resultUnranked(result, shapes.element(value));
  Shape dims(shapes.dims(value));
  auto where = shapes.axis(axis, dims.size() + 1, "scan_output_axes");
  if (failed(where))
    return failure();
  // What an iteration computes may differ in shape from one to the next, unless
  // it is constant.
  dims.insert(dims.begin() + *where, count);
  return shapes.result(result, shapes.element(value), dims);
}

LogicalResult inferLoop(LoopOp op, OpShapes &shapes) {
  ShapeAnalysis &analysis = shapes.getAnalysis();
  Block &body = op.getBody().front();
  unsigned carried = op.getVInitial().size();
  Operation *terminator = body.getTerminator();
  if (body.getNumArguments() != carried + 2 ||
      terminator->getNumOperands() != op->getNumResults() + 1 ||
      op->getNumResults() < carried)
    return shapes.error() << "body has " << body.getNumArguments()
                          << " inputs and " << terminator->getNumOperands()
                          << " outputs, expected " << carried + 2 << " and "
                          << op->getNumResults() + 1;
  MLIRContext *context = op.getContext();
  recordScalar(analysis, body.getArgument(0), IntegerType::get(context, 64));
  recordScalar(analysis, body.getArgument(1), IntegerType::get(context, 1));
  if (failed(visitCarried(shapes, body, op.getVInitial(), 2, 1)))
    return failure();

  // The trip count is M when nothing ends the loop early.
  auto always = [&](Value value) {
    auto constant = shapes.integers(value);
    return constant && constant->size() == 1 && constant->front();
  };
  Value next = terminator->getOperand(0);
  while (auto identity = next.getDefiningOp<IdentityOp>())
    next = identity.getInput();
  bool counted = (!op.getCond() || always(op.getCond())) &&
                 (always(next) || next == body.getArgument(1));
  auto trips = shapes.elements(op.getM());
  DimExpr count =
      counted && trips && trips->size() == 1 ? (*trips)[0] : shapes.unknown();
  if (auto value = count.constant(); value && *value < 0)
    count = 0;
  for (unsigned i = 0; i < carried; ++i)
    (void)shapes.resultFacts(op->getResult(i),
                             analysis.facts(body.getArgument(i + 2)));
  for (unsigned i = carried; i < op->getNumResults(); ++i)
    if (failed(stack(shapes, op->getResult(i), terminator->getOperand(i + 1), 0,
                     count)))
      return failure();
  return success();
}

LogicalResult inferScan(ScanOp op, OpShapes &shapes) {
  ShapeAnalysis &analysis = shapes.getAnalysis();
  Block &body = op.getBody().front();
  Operation *terminator = body.getTerminator();
  auto operands = op.getInitialStateAndScanInputs();
  int64_t scans = op.getNumScanInputs();
  int64_t states = int64_t(operands.size()) - scans;
  if (scans < 1 || states < 0 || body.getNumArguments() != operands.size() ||
      terminator->getNumOperands() != op->getNumResults() ||
      int64_t(op->getNumResults()) < states)
    return shapes.error() << "body has " << body.getNumArguments()
                          << " inputs and " << terminator->getNumOperands()
                          << " outputs, expected " << operands.size() << " and "
                          << op->getNumResults();
  DimExpr count = shapes.unknown();
  for (int64_t i = 0; i < scans; ++i) {
    Value input = operands[states + i];
    if (!shapes.ranked(input))
      continue;
    Shape dims(shapes.dims(input));
    auto axes = op.getScanInputAxes();
    auto axis = shapes.axis(axes && i < int64_t(axes->size()) ? (*axes)[i] : 0,
                            dims.size(), "scan_input_axes");
    if (failed(axis))
      return failure();
    auto length = shapes.unify(count, dims[*axis], "length of a scan input");
    if (failed(length))
      return failure();
    count = i == 0 ? dims[*axis] : *length;
    dims.erase(dims.begin() + *axis);
    ValueFacts facts;
    SmallVector<int64_t> sizes;
    for (const DimExpr &dim : dims)
      sizes.push_back(dim.constant().value_or(ShapedType::kDynamic));
    facts.type = RankedTensorType::get(sizes, shapes.element(input));
    facts.dims = dims;
    analysis.record(body.getArgument(states + i), std::move(facts));
  }
  if (failed(visitCarried(shapes, body, operands.take_front(states), 0, 0)))
    return failure();
  for (int64_t i = 0; i < int64_t(op->getNumResults()); ++i) {
    if (i < states) {
      (void)shapes.resultFacts(op->getResult(i),
                               analysis.facts(body.getArgument(i)));
      continue;
    }
    auto axes = op.getScanOutputAxes();
    int64_t axis =
        axes && i - states < int64_t(axes->size()) ? (*axes)[i - states] : 0;
    if (failed(stack(shapes, op->getResult(i), terminator->getOperand(i), axis,
                     count)))
      return failure();
  }
  return success();
}

} // namespace

void ashlar::onnx::registerControlFlowShapes(ShapeRegistry &registry) {
  registry.add<IfOp, inferIf>();
  registry.add<LoopOp, inferLoop>();
  registry.add<ScanOp, inferScan>();
}
