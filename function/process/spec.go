package process

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tablecast/tablecast/internal/local"
)

// MaxPayloadBytes is the most of an event and of an answer: 6 MiB and 100 bytes.
const MaxPayloadBytes = 6<<20 + 100

// Defaults of a Spec.
const (
	DefaultTimeout     = 3 * time.Second
	DefaultMemoryMB    = 128
	defaultConcurrency = 10
)

// A Spec says what a function is.
type Spec struct {
	// Name is the function's name on the wire and in its environment.
	Name string
	// Dir holds the code; it is the process's working directory. The default
	// is the directory of Binary.
	Dir string
	// Binary is a program that speaks the Runtime API; relative names start at
	// Dir. The default for the runtimes "provided..." is "bootstrap".
	Binary string
	// Runtime is Lambda's name: "provided.al2023", "nodejs22.x",
	// "python3.12". The version is not checked: the machine's node or python3
	// runs the code. The default follows from Binary, or from the handler's file.
	Runtime string
	// Handler is Lambda's "file.export", or the name of a source file that
	// exports "handler". Programs get it as it is.
	Handler string
	// Env is added to the environment. It cannot set what ReservedEnv reports.
	Env map[string]string
	// Timeout is the most time from handing an event to a process to its
	// answer. The default is 3 s.
	Timeout time.Duration
	// MemoryMB is the most memory of a process and its children, in MiB,
	// without what is mapped from files. The default is 128.
	MemoryMB int
	// Concurrency is the most processes at once. The default is 10.
	Concurrency int
	// Account and Region are those of the function's ARN. The defaults are
	// local.Account and local.Region.
	Account, Region string
	// Endpoint is the URL that the SDKs in the function call instead of AWS.
	Endpoint string
	// Credentials are what the SDKs in the function sign with.
	Credentials Credentials
}

// Credentials sign the requests that a function makes. The default is a pair
// that opens nothing on AWS.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// ARN returns the function's name as Lambda writes it in full, without a
// version.
func (s *Spec) ARN() string {
	return local.ARN("lambda", s.Region, s.Account, "function:"+s.Name)
}

// complete returns a copy with the defaults in the place of zero values.
func (s *Spec) complete() (Spec, error) {
	out := *s
	out.Env = maps.Clone(s.Env)
	setDefault(&out.Timeout, DefaultTimeout)
	setDefault(&out.MemoryMB, DefaultMemoryMB)
	setDefault(&out.Concurrency, defaultConcurrency)
	setDefault(&out.Account, local.Account)
	setDefault(&out.Region, local.Region)
	setDefault(&out.Credentials, Credentials{AccessKeyID: "tablecast", SecretAccessKey: "tablecast"})
	if out.Dir == "" && filepath.IsAbs(out.Binary) {
		out.Dir = filepath.Dir(out.Binary)
	}
	return out, out.check()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check reports the first wrong field, and makes Dir and Binary absolute.
func (s *Spec) check() error {
	switch {
	case !validName(s.Name):
		return s.fault(CodeInvalid, fmt.Sprintf("name %q", s.Name), "use at most 64 letters, digits, - and _")
	case s.Dir == "":
		return s.fault(CodeInvalid, "no directory", "set the directory that holds its code")
	case s.Endpoint == "":
		return s.fault(CodeInvalid, "no endpoint", "set the URL of this node: without it the function would call AWS")
	case s.Timeout < 0 || s.MemoryMB < 0 || s.Concurrency < 0:
		return s.fault(CodeInvalid, "negative timeout, memory or concurrency", "set a positive number, or leave it out")
	}
	if err := s.checkEnv(); err != nil {
		return err
	}
	return s.checkDir()
}

func validName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

func (s *Spec) checkEnv() error {
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		switch {
		case ReservedEnv(name):
			return s.fault(CodeInvalid, "environment variable "+name+" is reserved", "remove it: Lambda sets it too")
		case name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(s.Env[name], "\x00"):
			return s.fault(CodeInvalid, fmt.Sprintf("environment variable %q", name), "use a name without = and a value without NUL")
		}
	}
	return nil
}

func (s *Spec) checkDir() error {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return s.fault(CodeInvalid, err.Error(), "name its directory in full")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return s.fault(CodeNoHandler, dir+" is not a directory", "set the directory that holds its code")
	}
	s.Dir = dir
	if s.Binary != "" && !filepath.IsAbs(s.Binary) {
		s.Binary = filepath.Join(dir, s.Binary)
	}
	return nil
}

func (s *Spec) fault(code, msg, fix string) *Error {
	return &Error{Function: s.Name, Code: code, Msg: msg, Fix: fix}
}
