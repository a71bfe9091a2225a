package process

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A code is one generation of a function's code: what was on disk at one
// moment. It does not change.
type code struct {
	generation uint64
	handler    handler
	bundle     *bundle // nil unless the handler is TypeScript
	err        error   // an *Error: why this generation cannot run
}

// refresh returns the newest code, after looking whether the disk holds other
// code than last time.
func (f *Function) refresh() *code {
	f.codeMu.Lock()
	defer f.codeMu.Unlock()
	if f.tree == nil || !f.tree.same() {
		f.load()
	}
	return f.code
}

// load makes the next generation of what is on disk. The tree is read before
// the code is, so that a change made meanwhile is seen the next time.
func (f *Function) load() {
	next := &code{generation: 1}
	if f.code != nil {
		next.generation = f.code.generation + 1
	}
	f.code = next
	if f.tree, next.err = f.watch(); next.err != nil {
		return
	}
	if next.handler, next.err = f.engine.find(&f.spec); next.err != nil {
		return
	}
	if f.engine.kind != kindNode || !isTyped(next.handler.file) {
		return
	}
	if f.opts.User != nil {
		// This program would read the sources, with rights that the user lacks.
		next.err = f.spec.fault(CodeBuild, "TypeScript is not built where functions run as another user", "name a handler in JavaScript")
		return
	}
	if next.bundle, next.err = bundleSource(&f.spec, next.handler.file); next.err == nil {
		f.watchInputs(next.bundle.inputs)
	}
}

// watchInputs adds the files of a bundle that lie outside the function's
// directory to those that are watched.
func (f *Function) watchInputs(inputs []string) {
	known := len(f.outside)
	for _, file := range inputs {
		if !strings.HasPrefix(file, f.spec.Dir+string(filepath.Separator)) && !slices.Contains(f.outside, file) {
			f.outside = append(f.outside, file)
		}
	}
	for _, file := range f.outside[known:] {
		f.tree.files = append(f.tree.files, stampOf(file))
	}
	f.tree.extra = f.outside
	f.tree.sort()
}

func (f *Function) watch() (*tree, error) {
	t, err := readTree(f.spec.Dir, f.outside)
	if errors.Is(err, errManyFiles) {
		return nil, f.spec.fault(CodeInvalid, f.spec.Dir+" holds "+err.Error(), "set the directory that holds only its code")
	}
	return t, nil
}

// A launch is how to start a process for one generation.
type launch struct {
	argv       []string
	env        map[string]string
	runtimeDir string
}

// launch writes what the generation needs below the function's temporary folder,
// and returns the command line. It fails for this one launch, as when there is no
// room for the folder.
func (f *Function) launch(c *code) (*launch, error) {
	dir, err := f.scratch.folder()
	if err != nil {
		return nil, err
	}
	l := &launch{runtimeDir: dir}
	switch f.engine.kind {
	case kindNode:
		file, flags := c.handler.file, []string(nil)
		if c.bundle != nil {
			flags = []string{"--enable-source-maps"}
			file = filepath.Join(generationDir(dir, c), c.bundle.name)
			if err := writeOnce(file, c.bundle.text); err != nil {
				return nil, err
			}
		}
		l.argv = append([]string{f.engine.program}, flags...)
		l.argv = append(l.argv, filepath.Join(dir, nodeBootstrap), file, c.handler.export)
	case kindPython:
		l.argv = []string{f.engine.program, "-u", filepath.Join(dir, pythonBootstrap), c.handler.module, c.handler.export}
		// Python tells whether a compiled file is old by the second and the
		// size, which misses a quick change; and the directory is the user's.
		l.env = map[string]string{"PYTHONDONTWRITEBYTECODE": "1"}
	default:
		l.argv = []string{c.handler.file}
	}
	return l, nil
}

// generationDir holds what was made of one generation, while it has processes.
func generationDir(scratch string, c *code) string {
	return filepath.Join(scratch, "code-"+strconv.FormatUint(c.generation, 10))
}

// writeOnce writes the file unless it is there, whole or not at all.
func writeOnce(file string, text []byte) error {
	if isFile(file) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "part-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Close()); err != nil {
		_ = os.Remove(tmp.Name()) // with the disk full, what was written counts
		return err
	}
	return os.Rename(tmp.Name(), file)
}
