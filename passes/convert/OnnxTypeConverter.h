// Types after conversion: signless integers, everything else as in the onnx
// dialect.
#ifndef ASHLAR_PASSES_CONVERT_ONNXTYPECONVERTER_H
#define ASHLAR_PASSES_CONVERT_ONNXTYPECONVERTER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Transforms/DialectConversion.h"

namespace ashlar {

/// uiN becomes iN, also as element type of tensors.
class OnnxTypeConverter : public mlir::TypeConverter {
public:
  OnnxTypeConverter();

  mlir::RankedTensorType tensorType(mlir::Type type) const {
    return llvm::cast<mlir::RankedTensorType>(convertType(type));
  }
};

/// The same bits with the converted type; blobs are shared, not copied.
mlir::ElementsAttr withSignlessElements(mlir::ElementsAttr elements);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_ONNXTYPECONVERTER_H
