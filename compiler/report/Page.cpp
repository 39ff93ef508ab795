#include "compiler/report/Page.h"

#include "llvm/Support/ErrorHandling.h"

using namespace ashlar;
using llvm::StringRef;

namespace {
struct PageFile {
  StringRef name, content;
};
} // namespace

// Made by compiler/CMakeLists.txt from the files in compiler/report/page.
static const PageFile files[] = {
#include "compiler/report/PageFiles.inc"
};

static StringRef fileNamed(const llvm::Twine &name) {
  std::string wanted = name.str();
  for (const PageFile &file : files)
    if (file.name == wanted)
      return file.content;
  llvm_unreachable("a page without its files");
}

static void writeEscaped(StringRef text, llvm::raw_ostream &os) {
  for (char c : text) {
    if (c == '<')
      os << "&lt;";
    else if (c == '&')
      os << "&amp;";
    else
      os << c;
  }
}

void ashlar::writePage(StringRef kind, StringRef title,
                       llvm::ArrayRef<StringRef> scripts, StringRef json,
                       llvm::raw_ostream &os) {
  os << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
        "charset=\"utf-8\">\n<title>";
  writeEscaped(title, os);
  os << "</title>\n<style>\n"
     << fileNamed("page.css") << "</style>\n</head>\n<body class=\"" << kind
     << "\">\n"
     << fileNamed(kind + ".html")
     << "<script type=\"application/json\" id=\"data\">";
  // Text may hold what would end the script.
  for (char c : json) {
    if (c == '<')
      os << "\\u003c";
    else
      os << c;
  }
  os << "</script>\n";
  auto script = [&](const llvm::Twine &name) {
    os << "<script>\n" << fileNamed(name) << "</script>\n";
  };
  script("page.js");
  for (StringRef name : scripts)
    script(name);
  script(kind + ".js");
  os << "</body>\n</html>\n";
}
