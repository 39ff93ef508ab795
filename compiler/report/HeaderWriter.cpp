#include "compiler/report/HeaderWriter.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <optional>

using namespace ashlar;
using llvm::raw_ostream;
using llvm::StringRef;

std::string ashlar::shapeText(const ModelDescription &model,
                              const TensorDescription &tensor) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  for (size_t axis = 0; axis != tensor.dims.size(); ++axis) {
    if (axis)
      os << ',';
    int32_t symbol =
        axis < tensor.dimSymbols.size() ? tensor.dimSymbols[axis] : -1;
    if (symbol >= 0)
      os << model.dims[symbol].name;
    else if (tensor.dims[axis] < 0)
      os << '?';
    else
      os << tensor.dims[axis];
  }
  os << ']';
  return text;
}

// C has no portable half, brain or 8-bit float: those are passed as their bits.
static StringRef cType(int32_t dtype) {
  switch (dtype) {
  case ASHLAR_FLOAT32:
  case ASHLAR_COMPLEX64:
    return "float";
  case ASHLAR_FLOAT64:
  case ASHLAR_COMPLEX128:
    return "double";
  case ASHLAR_INT8:
  case ASHLAR_INT4:
  case ASHLAR_INT2:
    return "int8_t";
  case ASHLAR_UINT16:
  case ASHLAR_FLOAT16:
  case ASHLAR_BFLOAT16:
    return "uint16_t";
  case ASHLAR_INT16:
    return "int16_t";
  case ASHLAR_INT32:
    return "int32_t";
  case ASHLAR_INT64:
    return "int64_t";
  case ASHLAR_UINT32:
    return "uint32_t";
  case ASHLAR_UINT64:
    return "uint64_t";
  default:
    return "uint8_t";
  }
}

// ONNX names may hold anything; a comment must not be closed or broken by one.
static std::string commentText(StringRef text) {
  std::string safe;
  for (char c : text) {
    bool closes = c == '/' && !safe.empty() && safe.back() == '*';
    bool opens = c == '*' && !safe.empty() && safe.back() == '/';
    safe += closes || opens ? "_" : "";
    safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  // A trigraph or a line continuation would be read inside comments too.
  if (!safe.empty() && safe.back() == '\\')
    safe += ' ';
  return safe;
}

static std::optional<uint64_t> staticBytes(const TensorDescription &tensor) {
  uint64_t bytes = tensor.elementBytes;
  for (int64_t dim : tensor.dims) {
    if (dim < 0)
      return std::nullopt;
    bytes *= uint64_t(dim);
  }
  return bytes;
}

namespace {
class HeaderWriter {
public:
  HeaderWriter(const ModelDescription &model, raw_ostream &os)
      : model(model), os(os), prefix(model.prefix),
        upper(StringRef(model.prefix).upper()) {}

  void write() {
    open();
    sizes();
    dims();
    shapes();
    arguments();
    functions();
    os << "#ifdef __cplusplus\n}\n#endif\n#endif\n";
  }

private:
  void open() {
    os << "/* " << prefix << ": C interface of " << commentText(model.modelFile)
       << ".\n"
       << " * Written by " << commentText(model.producer)
       << "; do not edit. Model SHA-256 " << model.modelHash << ". */\n"
       << "#ifndef ASHLAR_MODEL_" << upper << "_H\n"
       << "#define ASHLAR_MODEL_" << upper << "_H\n\n"
       << "#include \"ashlar_rt.h\"\n\n"
       << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
       << "#if ASHLAR_ABI_VERSION != " << ASHLAR_ABI_VERSION << "\n"
       << "#error \"" << prefix
       << ".h was written for another version of ashlar_rt.h\"\n#endif\n\n";
  }

  // Byte counts of static tensors, and the workspace where it is static.
  void sizes() {
    for (const TensorDescription *tensor : tensors())
      if (auto bytes = staticBytes(*tensor))
        os << "#define " << upper << '_' << StringRef(tensor->cName).upper()
           << "_BYTES ((size_t)" << *bytes << "u)\n";
    int64_t shared = 0, worker = 0;
    for (const VariantDescription &variant : model.variants) {
      if (variant.sharedWorkspaceBytes < 0 || variant.workerWorkspaceBytes < 0)
        shared = -1;
      if (shared < 0)
        break;
      shared = std::max(shared, variant.sharedWorkspaceBytes);
      worker = std::max(worker, variant.workerWorkspaceBytes);
    }
    if (shared >= 0 && !model.variants.empty())
      os << "/* What " << prefix
         << "_workspace_size() returns for `workers` workers (at least 1). */\n"
         << "#define " << upper << "_WORKSPACE_SIZE(workers) ((size_t)"
         << shared << "u + (size_t)(workers) * " << worker << "u)\n";
    os << "#define " << upper << "_WEIGHTS_BYTES ((size_t)"
       << model.weightsBytes << "u)\n\n";
  }

  void dims() {
    os << "/* Values of the symbolic dimensions";
    if (model.dims.empty())
      os << ": this model has none; pass a null pointer. */\n";
    else
      os << "; set args.head.dims to the first. */\n";
    os << "typedef struct " << prefix << "_dims {\n";
    for (const DimDescription &dim : model.dims) {
      os << "  int64_t " << dim.cName << "; /* '" << commentText(dim.name)
         << "', from " << dim.minimum;
      if (dim.maximum != INT64_MAX)
        os << " to " << dim.maximum;
      os << " */\n";
    }
    if (model.dims.empty())
      os << "  int64_t unused;\n";
    os << "} " << prefix << "_dims;\n\n";
  }

  void shapes() {
    os << "/* Shapes of the outputs, ASHLAR_DYNAMIC where a dimension depends "
          "on data. Outputs without dimensions have\n * no field. */\n"
       << "typedef struct " << prefix << "_shapes {\n";
    bool any = false;
    for (const TensorDescription &output : model.outputs) {
      if (output.dims.empty())
        continue;
      any = true;
      os << "  int64_t " << output.cName << '[' << output.dims.size()
         << "]; /* " << commentText(shapeText(model, output)) << " */\n";
    }
    if (!any)
      os << "  int64_t unused;\n";
    os << "} " << prefix << "_shapes;\n\n";
  }

  void arguments() {
    os << "/* Arguments of " << prefix << "_run(). Start from " << upper
       << "_ARGS_INIT. */\n"
       << "typedef struct " << prefix << "_args {\n"
       << "  ashlar_args head; /* workspace, dims, executor and so on */\n";
    for (const TensorDescription &input : model.inputs)
      field(input, "input", "const ");
    for (const TensorDescription &output : model.outputs)
      field(output, "output", "");
    os << "} " << prefix << "_args;\n\n";
    os << "#define " << upper << "_ARGS_INIT \\\n  {{sizeof(" << prefix
       << "_args), NULL, 0, NULL, 0, NULL, 0, NULL, NULL, NULL, NULL, NULL}";
    for (size_t i = 0, e = tensors().size(); i != e; ++i)
      os << (i % 8 ? ", " : ", \\\n   ") << "NULL, 0";
    os << "}\n\n";
  }

  void field(const TensorDescription &tensor, StringRef kind,
             StringRef qualifier) {
    os << "  /* " << kind << " '" << commentText(tensor.name)
       << "': " << dtypeName(tensor.dtype) << ' '
       << commentText(shapeText(model, tensor));
    if (tensor.scale != 0)
      os << ", value = (stored - " << tensor.zeroPoint << ") * "
         << llvm::formatv("{0:e9}", tensor.scale).str();
    os << " */\n  " << qualifier << cType(tensor.dtype) << " *" << tensor.cName
       << ";\n  size_t " << tensor.cName << "_bytes;\n";
  }

  void functions() {
    os << "/* Constant tables: tensors, dimensions, layers, compiled variants. "
          "*/\n"
       << "const ashlar_model_info *" << prefix << "_info(void);\n"
       << "/* ASHLAR_OK, or the reason why no variant runs on this CPU. */\n"
       << "ashlar_status " << prefix << "_check_cpu(void);\n"
       << "/* Bytes of workspace for `workers` workers, SIZE_MAX where dims "
          "are "
          "out of range. */\n"
       << "size_t " << prefix << "_workspace_size(const " << prefix
       << "_dims *dims, uint32_t workers);\n"
       << "/* Bytes of state kept between runs. */\n"
       << "size_t " << prefix << "_state_size(const " << prefix
       << "_dims *dims);\n"
       << "/* Shapes of the outputs for these dimensions. */\n"
       << "ashlar_status " << prefix << "_infer_shapes(const " << prefix
       << "_dims *dims, " << prefix << "_shapes *shapes);\n"
       << "/* Runs the model. Buffers must not overlap. Reentrant: calls with "
          "different outputs and workspaces may go on at\n * once. */\n"
       << "ashlar_status " << prefix << "_run(const " << prefix
       << "_args *args);\n\n";
  }

  std::vector<const TensorDescription *> tensors() const {
    std::vector<const TensorDescription *> all;
    for (const TensorDescription &input : model.inputs)
      all.push_back(&input);
    for (const TensorDescription &output : model.outputs)
      all.push_back(&output);
    return all;
  }

  const ModelDescription &model;
  raw_ostream &os;
  std::string prefix, upper;
};
} // namespace

std::string ashlar::writeHeader(const ModelDescription &model) {
  std::string text;
  llvm::raw_string_ostream os(text);
  HeaderWriter(model, os).write();
  return text;
}
