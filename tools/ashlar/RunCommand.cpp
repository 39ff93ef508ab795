// ashlar run: runs a model or an object on data and compares with expectations.
#include "compiler/data/Compare.h"
#include "compiler/data/TensorProtoFile.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/import/ModelFile.h"
#include "compiler/report/ModelDescription.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelInputs.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/Progress.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::tool;
using data::Comparison;
using data::Tensor;
using llvm::Error;
using llvm::StringRef;

namespace {
struct Tolerances {
  double relative = 1e-3; // of floats; integers have to be equal
  bool givenRelative = false, givenAbsolute = false;
  std::vector<double> absolute = {1e-7};

  data::Tolerance of(size_t output, int32_t dtype) const {
    bool integer = isInteger(dtype);
    data::Tolerance tolerance;
    tolerance.relative = integer && !givenRelative ? 0 : relative;
    tolerance.absolute = integer && !givenAbsolute
                             ? 0
                             : absolute[absolute.size() == 1 ? 0 : output];
    return tolerance;
  }
  static bool isInteger(int32_t dtype) {
    StringRef name = dtypeName(dtype);
    return name.starts_with("int") || name.starts_with("uint") ||
           name == "bool" || name == "string";
  }
};

/// What came of one output.
struct OutputReport {
  Tensor got;
  std::vector<int64_t> expectedShape;
  int32_t expectedType = 0;
  data::Tolerance tolerance;
  std::optional<Comparison> comparison; // none: no expectation
  bool random = false;                  // no values to compare
};

struct SetReport {
  std::string name;
  std::vector<OutputReport> outputs;
};
} // namespace

static Error readTolerances(const Arguments &arguments,
                            Tolerances &tolerances) {
  if (auto text = arguments.value("rtol")) {
    auto value = parseReal("rtol", *text);
    if (!value)
      return value.takeError();
    tolerances.relative = *value;
    tolerances.givenRelative = true;
  }
  auto text = arguments.value("atol");
  if (!text)
    return Error::success();
  tolerances.givenAbsolute = true;
  tolerances.absolute.clear();
  llvm::SmallVector<StringRef> parts;
  text->split(parts, ',');
  for (StringRef part : parts) {
    auto value = parseReal("atol", part);
    if (!value)
      return value.takeError();
    tolerances.absolute.push_back(*value);
  }
  return Error::success();
}

// One value, or one for each output.
static Error checkTolerances(const Tolerances &tolerances, size_t outputs) {
  size_t given = tolerances.absolute.size();
  if (given != 1 && given != outputs)
    return usageError("option '--atol' has " + llvm::Twine(given) +
                      " values, the model has " + llvm::Twine(outputs) +
                      " outputs");
  return Error::success();
}

// The same before a long compilation, where the file can be read.
static Error checkTolerancesEarly(const Tolerances &tolerances,
                                  StringRef path) {
  if (tolerances.absolute.size() == 1)
    return Error::success();
  auto buffer = openMapped(path);
  if (!buffer || isObjectFile((*buffer)->getBuffer())) {
    llvm::consumeError(buffer.takeError());
    return Error::success();
  }
  auto parsed = parseModelFile(
      *buffer, path, llvm::sys::path::parent_path(path), isTextModel(path));
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return Error::success();
  }
  return checkTolerances(tolerances,
                         size_t((*parsed)->model.graph().output_size()));
}

static std::string numberText(std::complex<double> value) {
  char buffer[64];
  snprintf(buffer, sizeof buffer, "%.7g", value.real());
  std::string text = buffer;
  if (value.imag() != 0) {
    snprintf(buffer, sizeof buffer, "%+.7gi", value.imag());
    text += buffer;
  }
  return text;
}

// What can be said of an output without an expectation.
static void printSummary(const Tensor &tensor, llvm::raw_ostream &os) {
  int64_t count = tensor.elements();
  if (!count || tensor.bytes.empty()) {
    os << "empty\n";
    return;
  }
  double low = INFINITY, high = -INFINITY, sum = 0;
  int64_t odd = 0;
  for (int64_t i = 0; i != count; ++i) {
    double value = tensor.value(i).real();
    if (!std::isfinite(value)) {
      ++odd;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (odd != count)
    os << "from " << numberText(low) << " to " << numberText(high) << ", mean "
       << numberText(sum / double(count - odd));
  if (odd)
    os << (odd == count ? "" : ", ") << odd << " not finite";
  os << '\n';
}

static void printOutput(const OutputReport &report, llvm::raw_ostream &os) {
  const Tensor &got = report.got;
  os << "  '" << got.name << "' " << dtypeName(got.dtype) << ' '
     << data::shapeText(got.shape) << ": ";
  if (!report.comparison)
    return printSummary(got, os);
  const Comparison &result = *report.comparison;
  if (!result.sameType) {
    os << "WRONG TYPE, expected " << dtypeName(report.expectedType) << '\n';
  } else if (!result.sameShape) {
    os << "WRONG SHAPE, expected " << data::shapeText(report.expectedShape)
       << '\n';
  } else if (report.random) {
    os << "drawn at random: type and shape are as expected, values are not "
          "compared\n";
  } else if (result.worstIndex < 0) {
    os << "empty, as expected\n";
  } else {
    os << "worst deviation " << numberText(result.worst) << " at "
       << data::indexText(result.worstIndex, got.shape) << " (got "
       << numberText(result.worstGot) << ", expected "
       << numberText(result.worstExpected) << "), ";
    if (result.mismatches)
      os << result.mismatches << " of " << result.elements
         << " BEYOND TOLERANCE (absolute "
         << numberText(report.tolerance.absolute) << ", relative "
         << numberText(report.tolerance.relative) << ")\n";
    else
      os << "agrees\n";
  }
}

static void printJson(llvm::ArrayRef<SetReport> sets, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 1);
  auto real = [&](StringRef key, double value) {
    if (std::isfinite(value))
      json.attribute(key, value);
    else
      json.attribute(key, nullptr);
  };
  auto writeOutput = [&](const OutputReport &report) {
    json.attribute("name", llvm::json::fixUTF8(report.got.name));
    json.attribute("dtype", dtypeName(report.got.dtype));
    json.attributeArray("shape", [&] {
      for (int64_t dim : report.got.shape)
        json.value(dim);
    });
    if (!report.comparison)
      return;
    const Comparison &result = *report.comparison;
    json.attribute("agrees", result.agrees());
    json.attribute("random", report.random);
    json.attribute("elements", result.elements);
    json.attribute("beyond_tolerance", result.mismatches);
    json.attribute("atol", report.tolerance.absolute);
    json.attribute("rtol", report.tolerance.relative);
    real("worst", result.worst);
    real("worst_relative", result.worstRelative);
    json.attribute("worst_index", result.worstIndex);
  };
  json.object([&] {
    json.attributeArray("data_sets", [&] {
      for (const SetReport &set : sets)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(set.name));
          json.attributeArray("outputs", [&] {
            for (const OutputReport &report : set.outputs)
              json.object([&] { writeOutput(report); });
          });
        });
    });
  });
  os << '\n';
}

static SetReport compareSet(const DataSet &set, std::vector<Tensor> outputs,
                            const ashlar_model_info &info,
                            const Tolerances &tolerances, bool &agrees) {
  SetReport result{set.name, {}};
  for (size_t i = 0; i != outputs.size(); ++i) {
    OutputReport report;
    report.got = std::move(outputs[i]);
    if (!set.expected.empty()) {
      const Tensor &expected = set.expected[i];
      report.expectedShape = expected.shape;
      report.expectedType = expected.dtype;
      report.tolerance = tolerances.of(i, expected.dtype);
      report.random =
          info.tensors[info.num_inputs + i].flags & ASHLAR_TENSOR_RANDOM;
      report.comparison =
          report.random ? data::compareForm(report.got, expected)
                        : data::compare(report.got, expected, report.tolerance);
      agrees &= report.comparison->agrees();
    }
    result.outputs.push_back(std::move(report));
  }
  return result;
}

// output_K.pb into DIR, or one folder below it for each of several data sets.
static Error writeOutputs(StringRef folder, llvm::ArrayRef<SetReport> sets,
                          OutputFiles &files) {
  for (size_t index = 0; index != sets.size(); ++index) {
    llvm::SmallString<256> path(folder);
    if (sets.size() > 1)
      llvm::sys::path::append(path,
                              llvm::sys::path::filename(sets[index].name));
    if (std::error_code code = llvm::sys::fs::create_directories(path))
      return usageError(path +
                        ": error: cannot make the folder: " + code.message());
    for (size_t i = 0; i != sets[index].outputs.size(); ++i) {
      llvm::SmallString<256> file(path);
      llvm::sys::path::append(file, "output_" + llvm::Twine(i) + ".pb");
      if (Error error = files.add(file, StringRef(data::writeTensorProto(
                                            sets[index].outputs[i].got))))
        return error;
    }
  }
  return Error::success();
}

static int finish(const Arguments &arguments, llvm::ArrayRef<SetReport> sets,
                  bool agrees) {
  OutputFiles files;
  if (auto folder = arguments.value("output"))
    if (Error error = writeOutputs(*folder, sets, files))
      return fail(ExitUsage, std::move(error));
  auto json = arguments.value("json");
  if (json)
    if (Error error = files.add(
            *json, [&](llvm::raw_ostream &os) { printJson(sets, os); }))
      return fail(ExitUsage, std::move(error));
  if (!json || *json != "-")
    for (const SetReport &set : sets) {
      llvm::outs() << (set.name.empty() ? "outputs" : set.name) << ":\n";
      for (const OutputReport &report : set.outputs)
        printOutput(report, llvm::outs());
    }
  if (Error error = files.commit())
    return fail(ExitResources, std::move(error));
  return agrees ? ExitOk : ExitMissed;
}

static int run(const Arguments &arguments) {
  const std::string &path = arguments.positional().front();
  int code = ExitOk;
  uint64_t threads = 0;
  if (auto text = arguments.value("threads")) {
    auto number = parseNumber("threads", *text, 4096);
    if (!number)
      return fail(ExitUsage, number.takeError());
    threads = *number;
  }
  Tolerances tolerances;
  if (Error error = readTolerances(arguments, tolerances))
    return fail(ExitUsage, std::move(error));
  if (Error error = checkTolerancesEarly(tolerances, path))
    return fail(ExitUsage, std::move(error));
  RunnableModel model = obtainModel(path, arguments, code);
  if (!model)
    return code;
  if (Error error = checkTolerances(tolerances, model->info().num_outputs))
    return fail(ExitUsage, std::move(error));
  auto sets = readInputs(arguments, model->info());
  if (!sets)
    return failInputs(sets.takeError());
  auto runner = ModelRunner::create(*model, unsigned(threads));
  if (!runner)
    return failRun(path, runner.takeError());
  std::vector<SetReport> reports;
  bool agrees = true;
  Progress progress("running");
  for (DataSet &set : *sets) {
    if (Error error = (*runner)->bind(std::move(set.inputs))) {
      progress.clear();
      return failRun(set.name.empty() ? path : set.name, std::move(error));
    }
    if (Error error = (*runner)->execute()) {
      progress.clear();
      return failRun(set.name.empty() ? path : set.name, std::move(error));
    }
    reports.push_back(compareSet(set, (*runner)->outputs(), model->info(),
                                 tolerances, agrees));
  }
  progress.clear();
  return finish(arguments, reports, agrees);
}

Command ashlar::tool::runCommand() {
  std::vector<Option> options = inputOptions();
  std::vector<Option> more = {
      {"rtol", "R", "relative tolerance; default 1e-3, integers 0"},
      {"atol", "A[,A...]",
       "absolute tolerance, one or one for each output; default 1e-7,\n"
       "integers 0"},
      {"output", "DIR", "write the outputs as DIR/output_K.pb"},
      {"threads", "N", "worker threads; default: all that may be used"},
      {"json", "FILE", "write the comparison as JSON; '-' is standard output"}};
  options.insert(options.end(), more.begin(), more.end());
  for (Option &option : weightsOptions())
    options.push_back(option);
  for (Option &option : modelOptions())
    options.push_back(option);
  return {
      "run",
      "MODEL|OBJECT (--data FOLDER | --input [NAME=]FILE ... | --random SEED) "
      "[OPTION...]",
      "run a model or an object on data, compare with expectations",
      "Runs an ONNX model (compiled in memory) or a compiled object. With "
      "--data the\noutputs are compared with those of the folder: exit code "
      "0 where all agree, 6 where\nnot. An element agrees where |got - "
      "expected| <= atol + rtol * |expected|.\n\n"
      "  ashlar run mnist.onnx --data test_data_set_0\n"
      "  ashlar run mnist.o --data test_data_set_0 --rtol=0 --atol=1e-5\n"
      "  ashlar run m.onnx --input x=x.npy --input y=y.npy --output=results\n"
      "  ashlar run m.onnx --random 1 --dim batch=4 --threads=1\n",
      options,
      1,
      1,
      run};
}
