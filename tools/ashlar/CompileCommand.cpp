// ashlar compile: a model file to an object, a header and a manifest.
#include "compiler/api/Compile.h"
#include "compiler/import/ModelFile.h"
#include "compiler/report/HeaderWriter.h"
#include "compiler/report/Manifest.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/Progress.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

namespace {
/// What the command is to write, and where.
struct Plan {
  std::string model;
  std::string emit = "obj", stage; // stage: of "mlir:STAGE"
  std::string object, header, manifest, weights, depfile, calibration;
  CompileOptions options;
  unsigned threads = 1;
};
} // namespace

static std::string withExtension(StringRef path, StringRef extension) {
  llvm::SmallString<256> result(path);
  llvm::sys::path::replace_extension(result, extension);
  return result.str().str();
}

static std::string stageNames() {
  std::vector<std::string> names;
  for (const Stage &stage : stages())
    names.push_back(stage.name.str());
  return llvm::join(names, ", ");
}

// What --emit and --stop-after ask for; an exit code where they are wrong.
static std::optional<int> readEmit(const Arguments &arguments, Plan &plan) {
  plan.emit = arguments.valueOr("emit", "obj");
  if (auto stage = arguments.value("stop-after")) {
    if (arguments.has("emit"))
      return fail(ExitUsage, "options '--emit' and '--stop-after' exclude "
                             "each other");
    plan.emit = "nothing";
    plan.stage = stage->str();
  } else if (StringRef(plan.emit).starts_with("mlir:")) {
    plan.stage = plan.emit.substr(5);
    plan.emit = "mlir";
  } else if (plan.emit == "so") {
    return fail(ExitUsage,
                "--emit=so is not available: link the object with 'cc -shared "
                "-o model.so model.o -lashlar_rt -pthread'");
  } else if (plan.emit != "obj" && plan.emit != "asm" && plan.emit != "llvm") {
    return fail(ExitUsage, "option '--emit' got '" + plan.emit +
                               "', expected obj, asm, llvm or mlir:STAGE");
  }
  if (!plan.stage.empty() && !findStage(plan.stage))
    return fail(ExitUsage, "unknown stage '" + plan.stage +
                               "', expected one of " + stageNames());
  return std::nullopt;
}

static std::optional<int> makePlan(const Arguments &arguments, Plan &plan) {
  plan.model = arguments.positional().front();
  if (auto code = readEmit(arguments, plan))
    return code;
  if (auto code = readModelOptions(arguments, plan.options))
    return code;
  std::string weights = arguments.valueOr("weights", "embed");
  if (weights != "embed" && weights != "file")
    return fail(ExitUsage, "option '--weights' got '" + weights +
                               "', expected embed or file");
  plan.options.embedWeights = weights == "embed";
  if (auto jobs = arguments.value("j")) {
    auto count = parseNumber("j", *jobs, 1024);
    if (!count)
      return fail(ExitUsage, count.takeError());
    plan.threads = unsigned(*count);
  }
  std::string stem = prefixFromPath(plan.model);
  bool text = plan.emit == "mlir" || plan.emit == "asm" || plan.emit == "llvm";
  plan.object = arguments.valueOr("o", text ? "-" : stem + ".o");
  plan.depfile = arguments.valueOr("depfile", "");
  plan.calibration = arguments.valueOr("calibration", "");
  std::vector<StringRef> outputs;
  if (plan.emit != "nothing")
    outputs.push_back(plan.object);
  if (plan.emit == "obj") {
    if (plan.object == "-" &&
        !(arguments.has("header") && arguments.has("manifest")))
      return fail(ExitUsage, "the object goes to standard output: say where "
                             "with --header and --manifest");
    plan.header = arguments.valueOr("header", withExtension(plan.object, ".h"));
    plan.manifest = arguments.valueOr(
        "manifest", withExtension(plan.object, ".ashlar.json"));
    if (!plan.options.embedWeights)
      plan.weights = withExtension(plan.object, ".weights");
    outputs.push_back(plan.header);
    outputs.push_back(plan.manifest);
  }
  if (!plan.depfile.empty())
    outputs.push_back(plan.depfile);
  for (StringRef output : outputs)
    if (llvm::Error error = checkWritable(output))
      return fail(ExitUsage, std::move(error));
  return std::nullopt;
}

// A path as make and ninja read it.
static std::string dependencyName(StringRef path) {
  std::string name;
  for (char c : path) {
    if (c == ' ' || c == '#' || c == '\\')
      name += '\\';
    else if (c == '$')
      name += '$';
    name += c;
  }
  return name;
}

static std::string dependencies(const Plan &plan,
                                llvm::ArrayRef<std::string> files) {
  std::string text;
  for (StringRef output : {StringRef(plan.object), StringRef(plan.header),
                           StringRef(plan.manifest)})
    if (!output.empty() && output != "-")
      text += (text.empty() ? "" : " ") + dependencyName(output);
  text += ":";
  for (StringRef file : files)
    text += " " + dependencyName(file);
  return text + "\n";
}

// Files beside the model that hold its weights.
static void addExternalFiles(const ::onnx::GraphProto &graph, StringRef folder,
                             std::vector<std::string> &files) {
  auto add = [&](const ::onnx::TensorProto &tensor) {
    for (const ::onnx::StringStringEntryProto &entry : tensor.external_data()) {
      if (entry.key() != "location")
        continue;
      llvm::SmallString<256> path(folder);
      llvm::sys::path::append(path, entry.value());
      if (!llvm::is_contained(files, path.str().str()))
        files.push_back(path.str().str());
    }
  };
  for (const ::onnx::TensorProto &tensor : graph.initializer())
    add(tensor);
  for (const ::onnx::NodeProto &node : graph.node())
    for (const ::onnx::AttributeProto &attribute : node.attribute()) {
      add(attribute.t());
      if (attribute.has_g())
        addExternalFiles(attribute.g(), folder, files);
    }
}

static std::vector<std::string> filesOfModel(const Plan &plan) {
  std::vector<std::string> files = {plan.model};
  StringRef folder = llvm::sys::path::parent_path(plan.model);
  auto buffer = openMapped(plan.model);
  if (!buffer) {
    llvm::consumeError(buffer.takeError());
    return files;
  }
  auto parsed =
      parseModelFile(*buffer, plan.model, folder, isTextModel(plan.model));
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return files;
  }
  addExternalFiles((*parsed)->model.graph(), folder, files);
  if (!plan.calibration.empty())
    files.push_back(plan.calibration);
  return files;
}

// After success: --strict makes warnings errors.
static std::optional<int> checkStrict(Session &session, const Plan &plan,
                                      const Arguments &arguments) {
  size_t warnings =
      session.diagnostics().warnings() + plan.options.warningsBefore;
  if (!arguments.has("strict") || !warnings)
    return std::nullopt;
  return fail(ExitInvalid,
              llvm::Twine(warnings) +
                  (warnings == 1 ? " warning" : " warnings") +
                  ", and --strict allows none: nothing was written");
}

static llvm::Error writeObject(const Plan &plan, CompiledModel &compiled,
                               OutputFiles &files) {
  auto add = [&](StringRef path, auto &&content) -> llvm::Error {
    return path.empty() ? llvm::Error::success() : files.add(path, content);
  };
  if (llvm::Error error = add(plan.object, [&](llvm::raw_ostream &os) {
        compiled.object.write(os);
      }))
    return error;
  if (llvm::Error error = add(plan.weights, [&](llvm::raw_ostream &os) {
        compiled.object.getWeights().write(os);
      }))
    return error;
  if (llvm::Error error =
          add(plan.header, StringRef(writeHeader(compiled.description))))
    return error;
  return add(plan.manifest, StringRef(writeManifest(compiled.description)));
}

static int finish(OutputFiles &files, llvm::Error written) {
  if (written)
    return fail(ExitResources, std::move(written));
  if (llvm::Error error = files.commit())
    return fail(ExitResources, std::move(error));
  return ExitOk;
}

static int emitText(const Plan &plan, Session &session) {
  OutputFiles files;
  if (plan.emit == "asm" || plan.emit == "llvm") {
    CodeText kind = plan.emit == "asm" ? CodeText::Assembly : CodeText::Llvm;
    auto text =
        compileToText(session.context(), plan.model, plan.options, kind);
    if (mlir::failed(text))
      return session.failed(plan.model);
    return finish(files, files.add(plan.object, StringRef(*text)));
  }
  mlir::OwningOpRef<mlir::ModuleOp> module =
      compileToStage(session.context(), plan.model, plan.options, plan.stage);
  if (!module)
    return session.failed(plan.model);
  if (plan.emit == "nothing")
    return ExitOk;
  mlir::OpPrintingFlags flags;
  flags.enableDebugInfo().elideLargeElementsAttrs(64);
  flags.elideLargeResourceString(256);
  return finish(files, files.add(plan.object, [&](llvm::raw_ostream &os) {
    module->print(os, flags);
    os << '\n';
  }));
}

static int run(const Arguments &arguments) {
  Plan plan;
  if (auto code = makePlan(arguments, plan))
    return *code;
  Session session(plan.threads);
  if (plan.emit != "obj")
    return emitText(plan, session);
  std::optional<Progress> progress;
  progress.emplace("compiling " + llvm::sys::path::filename(plan.model));
  plan.options.stages.onStage = [&](StringRef stage) {
    progress->update("compiling " + llvm::sys::path::filename(plan.model) +
                     ": " + stage);
  };
  auto compiled = compileModel(session.context(), plan.model, plan.options);
  progress.reset();
  if (mlir::failed(compiled))
    return session.failed(plan.model);
  if (auto code = checkStrict(session, plan, arguments))
    return *code;
  OutputFiles files;
  llvm::Error written = writeObject(plan, *compiled, files);
  if (!written && !plan.depfile.empty())
    written = files.add(plan.depfile, dependencies(plan, filesOfModel(plan)));
  int code = finish(files, std::move(written));
  if (code == ExitOk && !arguments.has("cpu"))
    llvm::errs() << "ashlar: note: compiled for this machine's CPU ("
                 << compiled->description.variants.front().cpu
                 << "); --cpu=LIST names others\n";
  return code;
}

Command ashlar::tool::compileCommand() {
  std::vector<Option> options = {
      {"o", "FILE", "the object; default: the model's name with .o"},
      {"name", "PREFIX", "prefix of the C names; default: the model's name"}};
  for (Option &option : modelOptions())
    options.push_back(option);
  std::vector<Option> more = {
      {"weights", "WHERE",
       "embed (default), or file: OUT.weights, to be mapped"},
      {"emit", "WHAT", "obj (default), asm, llvm, or mlir:STAGE"},
      {"stop-after", "STAGE", "check the model up to a stage, write nothing"},
      {"header", "FILE", "the C header; default: beside the object"},
      {"manifest", "FILE", "the manifest; default: beside the object"},
      {"depfile", "FILE", "dependencies, as make and ninja read them"},
      {"strict", "", "warnings are errors"},
      {"j", "N", "threads that passes may use; the result is the same"}};
  options.insert(options.end(), more.begin(), more.end());
  return {"compile",
          "MODEL -o OUT.o [OPTION...]",
          "compile a model to an object, a C header and a manifest",
          "Compiles an ONNX model to an object that a program links with "
          "libashlar_rt.a, with\na C header and a manifest beside it.\n\n"
          "  ashlar compile resnet50.onnx -o resnet50.o\n"
          "  ashlar compile m.onnx -o m.o --cpu=x86-64-v3,sapphirerapids\n"
          "  ashlar compile m.onnx -o m.o --shape 'images[1,3,640,640]'\n"
          "  ashlar compile m.onnx -o m.o --dim batch=1..32\n"
          "  ashlar compile m.onnx --emit=mlir:simplify\n",
          options,
          1,
          1,
          run};
}
