// Types after conversion: signless integers, bytes for elements of fewer bits,
// everything else as in the onnx dialect.
#ifndef ASHLAR_PASSES_CONVERT_ONNXTYPECONVERTER_H
#define ASHLAR_PASSES_CONVERT_ONNXTYPECONVERTER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Transforms/DialectConversion.h"

namespace ashlar {

/// uiN becomes iN; integers of two to seven bits and floats below 16 bits
/// become i8, the integers extended by their sign or by zeros; also as element
/// type of tensors.
class OnnxTypeConverter : public mlir::TypeConverter {
public:
  OnnxTypeConverter();

  mlir::RankedTensorType tensorType(mlir::Type type) const {
    return llvm::cast<mlir::RankedTensorType>(convertType(type));
  }

  /// Why the last pattern tried on an operation did not apply, for the report
  /// of what is not supported. `reason` reads on after "operator 'X' is not
  /// supported ".
  void rememberFailure(mlir::Operation *op, const llvm::Twine &reason) const {
    failureReasons[op->getLoc()] = reason.str();
  }
  llvm::StringRef failureReason(mlir::Operation *op) const {
    auto found = failureReasons.find(op->getLoc());
    return found == failureReasons.end() ? llvm::StringRef()
                                         : llvm::StringRef(found->second);
  }

private:
  mutable llvm::DenseMap<mlir::Location, std::string> failureReasons;
};

/// The same elements in the converted type; blobs are shared, not copied.
mlir::ElementsAttr withStorageElements(mlir::ElementsAttr elements);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_ONNXTYPECONVERTER_H
