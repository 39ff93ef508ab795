// ashlar report: a manifest or a comparison as a page to look at.
#include "compiler/data/JsonFile.h"
#include "compiler/report/Page.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/OutputFiles.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;

// The fields that the pages read; a file without them is none of ours.
static Error checkFields(const llvm::json::Object &object,
                         llvm::ArrayRef<StringRef> texts,
                         llvm::ArrayRef<StringRef> lists) {
  std::string missing;
  for (StringRef field : texts)
    if (!object.getString(field))
      missing += (missing.empty() ? "'" : ", '") + field.str() + "'";
  for (StringRef field : lists) {
    auto *list = object.getArray(field);
    bool objects = list && llvm::all_of(*list, [](auto &entry) {
                     return entry.getAsObject() || entry.getAsString();
                   });
    if (!objects)
      missing += (missing.empty() ? "'" : ", '") + field.str() + "'";
  }
  if (missing.empty())
    return Error::success();
  return usageError("fields are missing or damaged: " + missing);
}

static Error writeReport(StringRef text, llvm::raw_ostream &os) {
  auto json = data::parseJson(text);
  if (!json)
    return usageError("not JSON: " + llvm::toString(json.takeError()));
  const llvm::json::Object *object = json->getAsObject();
  StringRef format;
  if (object)
    format = object->getString("format").value_or("");
  if (format == "ashlar-manifest-1") {
    if (Error error =
            checkFields(*object, {"name", "model", "model_sha256", "producer"},
                        {"layers", "inputs", "outputs", "variants"}))
      return error;
    if (!object->getObject("weights"))
      return usageError("field 'weights' is missing");
    writePage("report", ("Report: " + *object->getString("name")).str(), {},
              text, os);
    return Error::success();
  }
  if (format == "ashlar-comparison-1") {
    if (Error error = checkFields(*object, {"reference", "test"},
                                  {"layers", "outputs", "notes"}))
      return error;
    writePage("comparison", ("Comparison: " + *object->getString("test")).str(),
              {"graph.js"}, text, os);
    return Error::success();
  }
  return usageError("neither a manifest ('ashlar compile' writes it) nor a "
                    "comparison ('ashlar compare --json')");
}

static int run(const Arguments &arguments) {
  const std::string &path = arguments.positional().front();
  auto output = arguments.value("o");
  if (!output)
    return fail(ExitUsage, "say where the page goes: -o REPORT.html");
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return fail(ExitInvalid, path + ": error: cannot read the file: " +
                                 file.getError().message());
  std::string page;
  llvm::raw_string_ostream os(page);
  if (Error error = writeReport((*file)->getBuffer(), os))
    return fail(ExitInvalid,
                path + ": error: " + llvm::toString(std::move(error)));
  OutputFiles files;
  if (Error error = files.add(*output, page))
    return fail(ExitUsage, std::move(error));
  if (Error error = files.commit())
    return fail(ExitResources, std::move(error));
  return ExitOk;
}

Command ashlar::tool::reportCommand() {
  return {"report",
          "MANIFEST|COMPARISON -o REPORT.html",
          "a page to look at, of a compiled model or a comparison",
          "Makes one page, which needs no network, of the manifest that "
          "'ashlar compile' writes\n(layers, kernels, precisions, reasons) or "
          "of what 'ashlar compare --json' writes.\n\n"
          "  ashlar report resnet50.ashlar.json -o resnet50.html\n",
          {{"o", "FILE", "the page; '-' is standard output"}},
          1,
          1,
          run};
}
