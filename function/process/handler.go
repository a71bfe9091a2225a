package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bootstrapName is the program of the runtimes "provided...".
const bootstrapName = "bootstrap"

// defaultExport is what a handler that names only a file exports.
const defaultExport = "handler"

// A handler is where the code starts.
type handler struct {
	file   string // in full
	module string // Python's dotted name of file
	export string // empty for programs
}

func nodeExts() []string  { return []string{".js", ".mjs", ".cjs"} }
func typedExts() []string { return []string{".ts", ".mts", ".cts", ".tsx"} }

func isTyped(file string) bool { return slices.Contains(typedExts(), filepath.Ext(file)) }

func isNodeExt(ext string) bool {
	return slices.Contains(nodeExts(), ext) || slices.Contains(typedExts(), ext)
}

// find returns the handler that the Spec names, as it is on disk now.
func (r *engine) find(s *Spec) (handler, error) {
	switch r.kind {
	case kindNode:
		return findNode(s)
	case kindPython:
		return findPython(s)
	}
	return findProgram(s)
}

func findProgram(s *Spec) (handler, error) {
	file := s.Binary
	if file == "" {
		file = filepath.Join(s.Dir, bootstrapName)
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return handler{}, s.fault(CodeNoHandler, "no program "+file, "build it there: GOOS=linux go build -o "+file)
	case !info.Mode().IsRegular():
		return handler{}, s.fault(CodeNotExecutable, file+" is not a file", "build the program there")
	case info.Mode()&0o111 == 0:
		return handler{}, s.fault(CodeNotExecutable, file+" is not executable", "chmod +x "+file)
	}
	return handler{file: file}, nil
}

// findNode understands "dir/file.export" and "dir/file.ts". As on Lambda, the
// file's name ends at its first dot.
func findNode(s *Spec) (handler, error) {
	if isNodeExt(filepath.Ext(s.Handler)) {
		if file := filepath.Join(s.Dir, s.Handler); isFile(file) {
			return handler{file: file, export: defaultExport}, nil
		}
	}
	dir, base := filepath.Split(s.Handler)
	name, export, ok := strings.Cut(base, ".")
	if !ok || name == "" || export == "" {
		return handler{}, s.fault(CodeNoHandler, fmt.Sprintf("handler %q names no export", s.Handler), `write it as "index.handler"`)
	}
	stem := filepath.Join(s.Dir, dir, name)
	for _, ext := range append(nodeExts(), typedExts()...) {
		if isFile(stem + ext) {
			return handler{file: stem + ext, export: export}, nil
		}
	}
	return handler{}, s.missing(stem + ".js")
}

// findPython understands "dir/file.function", "package.module.function" and
// "dir/file.py". As on Lambda, the function's name starts after the last dot.
func findPython(s *Spec) (handler, error) {
	name, export := strings.TrimSuffix(s.Handler, ".py"), defaultExport
	if name == s.Handler {
		i := strings.LastIndexByte(s.Handler, '.')
		if i <= 0 || i == len(s.Handler)-1 {
			return handler{}, s.fault(CodeNoHandler, fmt.Sprintf("handler %q names no function", s.Handler),
				`write it as "lambda_function.lambda_handler"`)
		}
		name, export = s.Handler[:i], s.Handler[i+1:]
	}
	module := strings.ReplaceAll(filepath.ToSlash(name), "/", ".")
	stem := filepath.Join(s.Dir, filepath.FromSlash(strings.ReplaceAll(module, ".", "/")))
	for _, file := range []string{stem + ".py", filepath.Join(stem, "__init__.py")} {
		if isFile(file) {
			return handler{file: file, module: module, export: export}, nil
		}
	}
	return handler{}, s.missing(stem + ".py")
}

func (s *Spec) missing(file string) *Error {
	return s.fault(CodeNoHandler, fmt.Sprintf("handler %q: no file %s", s.Handler, file),
		"check the handler and the directory; they are written as on Lambda")
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
