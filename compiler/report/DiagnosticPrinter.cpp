#include "compiler/report/DiagnosticPrinter.h"
#include "dialects/onnx/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"

using namespace ashlar;
using llvm::StringRef;
using namespace mlir;

// Where in the model, as far as locations say: the file and the node.
static void readLocation(Location location, PrintedDiagnostic &printed) {
  printed.node = onnx::nodeName(location).str();
  location->walk([&](Location inner) {
    if (auto file = dyn_cast<FileLineColLoc>(inner)) {
      printed.file = file.getFilename().getValue().str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
}

// MLIR begins messages about an operation with its name, "'onnx.Conv' op ...".
// The operator is shown beside the node's name instead. Messages about
// operations of other dialects speak of Ashlar's own work.
static void readOperation(PrintedDiagnostic &printed) {
  StringRef message = printed.message;
  if (!message.starts_with("'"))
    return;
  auto [name, rest] = message.drop_front().split('\'');
  if (rest.empty() || !name.contains('.') || name.contains(' '))
    return;
  if (!name.consume_front("onnx.")) {
    if (printed.fault == Fault::Invalid)
      printed.fault = Fault::Internal;
    return;
  }
  name.consume_front("ms.");
  printed.op = name.str();
  rest = rest.ltrim();
  if (!rest.consume_front("op: "))
    rest.consume_front("op ");
  rest.consume_front(": ");
  printed.message = rest.str();
}

static PrintedDiagnostic readDiagnostic(Diagnostic &diagnostic) {
  PrintedDiagnostic printed;
  printed.severity = diagnostic.getSeverity();
  printed.message = diagnostic.str();
  bool unsupported = onnx::isUnsupported(diagnostic);
  if (unsupported)
    printed.fault = Fault::Unsupported;
  else if (StringRef(printed.message).starts_with("failed to legalize"))
    printed.fault = Fault::Internal;
  readLocation(diagnostic.getLocation(), printed);
  readOperation(printed);
  for (Diagnostic &note : diagnostic.getNotes()) {
    std::string text = note.str();
    // MLIR shows the whole operation: pages, for a graph.
    if (StringRef(text).starts_with("see current operation") &&
        printed.fault != Fault::Internal)
      continue;
    if (text.size() > 2000)
      text = text.substr(0, 2000) + " ...";
    printed.notes.push_back(std::move(text));
  }
  return printed;
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context,
                                     llvm::raw_ostream &os)
    : context(context), os(os) {
  context.printOpOnDiagnostic(false);
  handler = context.getDiagEngine().registerHandler(
      [this](Diagnostic &diagnostic) { handle(diagnostic); });
}

DiagnosticPrinter::~DiagnosticPrinter() {
  context.getDiagEngine().eraseHandler(handler);
}

static StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Remark:
    return "remark";
  case DiagnosticSeverity::Error:
    return "error";
  }
  return "error";
}

void DiagnosticPrinter::print(const PrintedDiagnostic &diagnostic,
                              llvm::raw_ostream &os) {
  os << (diagnostic.file.empty() ? "ashlar" : diagnostic.file) << ": "
     << (diagnostic.fault == Fault::Internal ? "internal " : "")
     << severityName(diagnostic.severity) << ": ";
  if (!diagnostic.node.empty())
    os << '"' << diagnostic.node << '"';
  if (!diagnostic.op.empty())
    os << (diagnostic.node.empty() ? "(" : " (") << diagnostic.op << ')';
  if (!diagnostic.node.empty() || !diagnostic.op.empty())
    os << ": ";
  os << diagnostic.message << '\n';
  for (StringRef note : diagnostic.notes)
    os << (note.starts_with("hint: ") ? "  " : "  note: ") << note << '\n';
}

void DiagnosticPrinter::handle(Diagnostic &diagnostic) {
  PrintedDiagnostic printed = readDiagnostic(diagnostic);
  // The same problem found again by a later stage, or for the next CPU.
  std::string key = printed.node + '\0' + printed.op + '\0' + printed.message;
  if (!seen.insert(key).second)
    return;
  if (printed.severity == DiagnosticSeverity::Error)
    ++errorCount;
  if (printed.severity == DiagnosticSeverity::Warning)
    ++warningCount;
  if (!quiet)
    print(printed, os);
  all.push_back(std::move(printed));
}

int DiagnosticPrinter::exitCode() const {
  bool invalid = false, unsupported = false;
  for (const PrintedDiagnostic &diagnostic : all) {
    if (diagnostic.severity != DiagnosticSeverity::Error)
      continue;
    if (diagnostic.fault == Fault::Internal)
      return 1;
    invalid |= diagnostic.fault == Fault::Invalid;
    unsupported |= diagnostic.fault == Fault::Unsupported;
  }
  return invalid ? 3 : unsupported ? 4 : 0;
}
