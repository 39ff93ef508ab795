#include "passes/simplify/ShapeAnalysis.h"

#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxDialect.h"
#include "passes/simplify/ShapeRegistry.h"
#include "passes/simplify/evaluate/Evaluate.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

constexpr unsigned maxArgumentElements = 8;

RankedTensorType typeOfDims(ArrayRef<DimExpr> dims, Type element) {
  SmallVector<int64_t> sizes;
  for (const DimExpr &dim : dims)
    sizes.push_back(dim.constant().value_or(ShapedType::kDynamic));
  return RankedTensorType::get(sizes, element);
}

bool isTrackedElement(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  return integer && integer.getWidth() <= 64;
}

} // namespace

std::string ashlar::onnx::toString(ArrayRef<DimExpr> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleave(
      shape,
      [&](const DimExpr &dim) {
        if (auto value = dim.constant())
          os << *value;
        else
          os << '*';
      },
      [&] { os << ','; });
  os << ']';
  return text;
}

std::optional<SmallVector<DimExpr, 4>>
ashlar::onnx::elementsOfConstant(ElementsAttr attr) {
  if (!attr || !isTrackedElement(attr.getElementType()) ||
      attr.getNumElements() > maxTrackedElements)
    return std::nullopt;
  auto values = integersOf(attr);
  if (!values)
    return std::nullopt;
  return SmallVector<DimExpr, 4>(values->begin(), values->end());
}

DenseElementsAttr ashlar::onnx::constantOfElements(RankedTensorType type,
                                                   ArrayRef<DimExpr> elements) {
  unsigned width = type.getElementTypeBitWidth();
  if (width == 1) {
    SmallVector<bool> values;
    for (const DimExpr &element : elements)
      values.push_back(*element.constant() != 0);
    return DenseElementsAttr::get(type, values);
  }
  SmallVector<APInt> values;
  for (const DimExpr &element : elements)
    values.push_back(
        APInt(64, static_cast<uint64_t>(*element.constant())).trunc(width));
  return DenseElementsAttr::get(type, values);
}

//===----------------------------------------------------------------------===//
// Atoms
//===----------------------------------------------------------------------===//

unsigned ShapeAnalysis::newAtom(bool isDimLike, bool isOfInputs) {
  dimLike.push_back(isDimLike);
  ofInputs.push_back(isOfInputs);
  return dimLike.size() - 1;
}

bool ShapeAnalysis::decidedByInputs(const DimExpr &expr) const {
  return llvm::all_of(expr.getTerms(), [&](const DimExpr::Term &term) {
    return llvm::all_of(term.atoms,
                        [&](unsigned atom) { return ofInputs[atom]; });
  });
}

DimExpr ShapeAnalysis::freshAtom(const void *key, unsigned index,
                                 bool isDimLike) {
  auto [it, inserted] = freshAtoms.try_emplace({key, index}, 0);
  if (inserted)
    it->second = newAtom(isDimLike, false);
  return DimExpr::atom(it->second);
}

DimExpr ShapeAnalysis::namedAtom(StringRef name) {
  auto [it, inserted] = internedAtoms.try_emplace(("$" + name).str(), 0);
  if (inserted)
    it->second = newAtom(true, true);
  return DimExpr::atom(it->second);
}

DimExpr ShapeAnalysis::opaque(StringRef name, const DimExpr &a,
                              const DimExpr &b, bool isDimLike) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << name << '(';
  a.print(os);
  os << ',';
  b.print(os);
  os << ')';
  auto [it, inserted] = internedAtoms.try_emplace(key, 0);
  if (inserted)
    it->second = newAtom(isDimLike, decidedByInputs(a) && decidedByInputs(b));
  return DimExpr::atom(it->second);
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

ValueFacts ShapeAnalysis::declaredFacts(Value value) {
  ValueFacts facts;
  facts.type = value.getType();
  if (auto type = dyn_cast<RankedTensorType>(facts.type))
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      facts.dims.push_back(
          ShapedType::isDynamic(size)
              ? freshAtom(value.getAsOpaquePointer(), axis, true)
              : DimExpr(size));
  return facts;
}

const ValueFacts &ShapeAnalysis::facts(Value value) {
  auto &entry = known[value];
  if (!entry) {
    auto declared = declaredFacts(value);
    known[value] = std::make_unique<ValueFacts>(std::move(declared));
    return *known[value];
  }
  return *entry;
}

bool ShapeAnalysis::sameDim(Value a, unsigned axisA, Value b, unsigned axisB) {
  const ValueFacts &left = facts(a), &right = facts(b);
  return left.ranked() && right.ranked() && axisA < left.dims.size() &&
         axisB < right.dims.size() && left.dims[axisA] == right.dims[axisB];
}

bool ShapeAnalysis::record(Value value, ValueFacts inferred) {
  ValueFacts declared = declaredFacts(value);
  bool consistent = true;
  auto declaredShaped = dyn_cast<TensorType>(declared.type);
  auto inferredShaped = dyn_cast_or_null<TensorType>(inferred.type);
  if (!inferredShaped || !declaredShaped) {
    // Sequences, optionals: what was inferred is the better.
    if (!inferred.type)
      inferred = std::move(declared);
  } else if (!inferred.ranked()) {
    Type element = inferredShaped.getElementType();
    consistent = element == declaredShaped.getElementType();
    inferred = std::move(declared);
    if (inferred.ranked())
      inferred.type = typeOfDims(inferred.dims, element);
  } else {
    Type element = inferredShaped.getElementType();
    consistent = element == declaredShaped.getElementType();
    if (declared.ranked()) {
      if (declared.dims.size() != inferred.dims.size()) {
        consistent = false;
      } else {
        for (auto [mine, theirs] : llvm::zip(inferred.dims, declared.dims)) {
          if (!theirs.isConstant())
            continue;
          // Where the inputs' sizes decide, a declaration that names one
          // of them was made for that one; it says nothing of others.
          if (mine.isConstant())
            consistent &= mine == theirs;
          else if (!decidedByInputs(mine))
            mine = theirs;
        }
      }
    }
    inferred.type = typeOfDims(inferred.dims, element);
  }
  if (inferred.constant && !inferred.elements)
    inferred.elements = elementsOfConstant(inferred.constant);
  known[value] = std::make_unique<ValueFacts>(std::move(inferred));
  return consistent;
}

void ShapeAnalysis::seedArguments() {
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    ValueFacts seeded = declaredFacts(argument);
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      "onnx.dim_names");
    for (auto [axis, dim] : llvm::enumerate(seeded.dims)) {
      if (dim.isConstant() || !names || axis >= names.size())
        continue;
      auto name = dyn_cast<StringAttr>(names[axis]);
      if (name && !name.empty())
        dim = namedAtom(name.getValue());
    }
    // A scalar or short list of integers may well become a shape.
    if (type.hasStaticShape() && type.getRank() <= 1 &&
        type.getNumElements() <= maxArgumentElements &&
        isTrackedElement(type.getElementType())) {
      seeded.elements.emplace();
      for (int64_t i = 0; i < type.getNumElements(); ++i)
        seeded.elements->push_back(
            freshAtom(argument.getAsOpaquePointer(), 64 + i, false));
    }
    known[argument] = std::make_unique<ValueFacts>(std::move(seeded));
  }
}

//===----------------------------------------------------------------------===//
// The visit
//===----------------------------------------------------------------------===//

LogicalResult ShapeAnalysis::run() {
  seedArguments();
  for (Block &block : function.getBody())
    visit(block);
  if (!failed)
    reportUnranked();
  return failure(failed);
}

void ShapeAnalysis::visit(Block &block) {
  for (Operation &op : block)
    visit(&op);
}

void ShapeAnalysis::visit(Operation *op) {
  if (op->getNumResults() == 0)
    return;
  OpShapes shapes(op, *this);
  ShapeFunction function =
      ShapeRegistry::get().find(op->getName().getStringRef());
  bool succeeded = true;
  if (function) {
    std::optional<ScopedDiagnosticHandler> silence;
    if (isSpeculative())
      silence.emplace(getContext(), [](Diagnostic &) { return success(); });
    succeeded = mlir::succeeded(function(op, shapes));
    if (succeeded)
      inferElements(op, shapes);
  }
  shapes.commit(succeeded);
}

// Problems of rank that remain when nothing contradicts: name the first
// operation of each chain only.
void ShapeAnalysis::reportUnranked() {
  auto unranked = [&](Value value) {
    return isa<UnrankedTensorType>(facts(value).type);
  };
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (dead.contains(op->getParentRegion()))
      return WalkResult::skip();
    if (llvm::none_of(op->getResults(), unranked) ||
        llvm::any_of(op->getOperands(), unranked))
      return WalkResult::advance();
    emitUnsupported(op) << "the rank of the result depends on data";
    failed = true;
    return WalkResult::skip();
  });
  for (BlockArgument argument : function.getArguments())
    if (unranked(argument)) {
      emitUnsupported(function.getLoc())
          << "input " << argument.getArgNumber() << " has no declared rank";
      failed = true;
    }
}
