package main

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/config"
)

// program is the package that is the function's program.
const program = "github.com/tablecast/tablecast/cmd/tablecast"

// machines are the architectures of AWS Lambda, by its names.
var machines = map[string]struct {
	goarch string
	elf    elf.Machine
}{"arm64": {"arm64", elf.EM_AARCH64}, "x86_64": {"amd64", elf.EM_X86_64}}

// packageFlags are the flags of `tablecast package`.
type packageFlags struct {
	config, arch, binary, out string
	json                      bool
}

func newPackage() *cobra.Command {
	var f packageFlags
	cmd := &cobra.Command{
		Use:   "package",
		Short: "Write the zip file of the function for AWS Lambda",
		Long: `Writes a zip file for a function of the runtime provided.al2023: this program as
its bootstrap, tablecast.yaml and the files that it names. Given the same program
and files, it is the same byte for byte.

The program is the one that --binary names; or this one, if it runs on Linux of
that architecture without other libraries; or else it is built by the Go toolchain
from the module that the working directory is in.

` + exitHelp,
		Example: `  tablecast package
  tablecast package --arch x86_64 --out function.zip
  aws lambda create-function --function-name tablecast --runtime provided.al2023 --architectures arm64 \
      --handler bootstrap --role arn:aws:iam::111122223333:role/tablecast --zip-file fileb://tablecast.zip`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	addConfig(cmd, &f.config)
	cmd.Flags().StringVar(&f.arch, "arch", "arm64", "`ARCHITECTURE`: arm64 or x86_64")
	cmd.Flags().StringVar(&f.binary, "binary", "", "`FILE` of a build of this program for Linux of that architecture")
	cmd.Flags().StringVarP(&f.out, "out", "o", "tablecast.zip", "`FILE` to write")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (f *packageFlags) run(ctx context.Context, out io.Writer) error {
	if _, ok := machines[f.arch]; !ok {
		return usageError{fmt.Errorf("--arch is %s; write arm64 or x86_64", f.arch)}
	}
	file, err := needConfig(f.config)
	if err != nil {
		return err
	}
	bootstrap, err := f.bootstrap(ctx)
	if err != nil {
		return err
	}
	text, err := zipped(bootstrap, file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.out, text, 0o600); err != nil {
		return err
	}
	if f.json {
		return writeJSON(out, map[string]any{"file": f.out, "bytes": len(text), "version": file.Version})
	}
	_, err = fmt.Fprintf(out, "%s: %.1f MB, %s, version %s of the mapping\n", f.out, float64(len(text))/1e6, f.arch, file.Version)
	return err
}

// bootstrap returns the function's program.
func (f *packageFlags) bootstrap(ctx context.Context) ([]byte, error) {
	if f.binary != "" {
		if err := runnable(f.binary, f.arch); err != nil {
			return nil, usageError{fmt.Errorf("--binary: %w", err)}
		}
		return os.ReadFile(f.binary)
	}
	self, err := os.Executable()
	if err == nil && runtime.GOOS == "linux" && runnable(self, f.arch) == nil {
		return os.ReadFile(self)
	}
	dir, err := os.MkdirTemp("", "tablecast")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", path, program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+machines[f.arch].goarch)
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("this program does not run on Linux of %s without other libraries, and none can be built here: %w\n%s\nrun this in a checkout of Tablecast, or give --binary", f.arch, err, bytes.TrimSpace(text))
	}
	return os.ReadFile(path)
}

// runnable returns why a file is no program that AWS Lambda can start as it is.
func runnable(path, arch string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s is no program for Linux: %w", path, err)
	}
	defer f.Close()
	if f.Machine != machines[arch].elf {
		return fmt.Errorf("%s is for %s, not for %s", path, f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs libraries that AWS Lambda may not have; build it with CGO_ENABLED=0", path)
		}
	}
	return nil
}

// zipped returns the zip file, with fixed times, modes and order.
func zipped(bootstrap []byte, file *config.File) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	add := func(name string, mode os.FileMode, content []byte) error {
		h := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(mode)
		to, err := w.CreateHeader(h)
		if err == nil {
			_, err = to.Write(content)
		}
		return err
	}
	if err := add("bootstrap", 0o755, bootstrap); err != nil {
		return nil, err
	}
	if err := add("tablecast.yaml", 0o644, file.Text); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(file.Files)) {
		if !filepath.IsLocal(name) {
			return nil, usageError{fmt.Errorf("%s names the file %s, which is outside its folder: the function will not have that; move it beside the file", file.Path, name)}
		}
		if err := add(name, 0o644, file.Files[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}
