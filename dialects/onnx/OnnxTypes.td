// Types of ONNX that builtin types do not have.
#ifndef ASHLAR_DIALECTS_ONNX_ONNXTYPES_TD
#define ASHLAR_DIALECTS_ONNX_ONNXTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "dialects/onnx/OnnxDialect.td"

class Onnx_Type<string name, string typeMnemonic, list<Trait> traits = []> : TypeDef<Onnx_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Onnx_StringType : Onnx_Type<"String", "string",
    [DeclareTypeInterfaceMethods<VectorElementTypeInterface>]> {
  let summary = "element type of string tensors";
}

def Onnx_SeqType : Onnx_Type<"Seq", "seq"> {
  let summary = "sequence of tensors or of other values";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def Onnx_OptType : Onnx_Type<"Opt", "opt"> {
  let summary = "value that may be absent";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

#endif // ASHLAR_DIALECTS_ONNX_ONNXTYPES_TD
