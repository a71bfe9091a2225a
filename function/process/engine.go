package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An engine is what runs the code.
type engine struct {
	name    string // Lambda's: "nodejs22.x"
	kind    kind
	program string // node or python3, in full; empty for kindProgram
}

type kind int

const (
	kindProgram kind = iota // speaks the Runtime API itself
	kindNode
	kindPython
)

// findEngine returns the engine that the Spec names or implies.
func findEngine(s *Spec, o *Options) (engine, error) {
	name := s.Runtime
	if name == "" {
		name = impliedRuntime(s)
	}
	switch {
	case strings.HasPrefix(name, "provided") || name == "go1.x":
		return engine{name: name}, nil
	case strings.HasPrefix(name, "nodejs"):
		return interpreter(s, engine{name: name, kind: kindNode}, o.Node)
	case strings.HasPrefix(name, "python"):
		return interpreter(s, engine{name: name, kind: kindPython}, o.Python)
	case name == "":
		return engine{}, s.fault(CodeInvalid, "no runtime", "set provided.al2023, nodejs22.x or python3.12, or name the handler's file")
	}
	return engine{}, s.fault(CodeUnsupported, "runtime "+name+" does not run here",
		"use provided.al2023, nodejs or python, or build it as a bootstrap program")
}

// impliedRuntime returns the runtime that the binary, the handler or the files imply;
// empty if none.
func impliedRuntime(s *Spec) string {
	switch ext := filepath.Ext(s.Handler); {
	case s.Binary != "":
		return "provided.al2023"
	case isNodeExt(ext):
		return "nodejs22.x"
	case ext == ".py":
		return "python3.12"
	}
	if _, err := os.Stat(filepath.Join(s.Dir, bootstrapName)); err == nil {
		return "provided.al2023"
	}
	return ""
}

func interpreter(s *Spec, r engine, program string) (engine, error) {
	found, err := exec.LookPath(program)
	if err != nil {
		return r, s.fault(CodeNoRuntime, "runtime "+r.name+" needs "+program+": "+err.Error(),
			"install it, or put it in PATH")
	}
	if r.program, err = filepath.Abs(found); err != nil {
		return r, s.fault(CodeNoRuntime, err.Error(), "install "+program)
	}
	return r, nil
}
