package lambda

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// hotReload is the bucket whose keys are directories of this machine.
const hotReload = "hot-reload"

// codeMembers say where code is.
type codeMembers struct {
	ZipFile                                    []byte
	S3Bucket, S3Key, S3ObjectVersion, ImageUri *string
}

// code returns the code that a request gives.
func (c *codeMembers) code() (function.Code, error) {
	switch {
	case c.ImageUri != nil:
		return function.Code{}, invalid("Container images do not run here. Give a zip file, or a directory.")
	case c.S3Bucket == nil && c.ZipFile == nil:
		return function.Code{}, invalid("Please provide a source for function code.")
	case c.S3Bucket == nil && len(c.ZipFile) > function.MaxZipBytes:
		return function.Code{}, &awsjson.Error{Type: tooLarge, Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("Zipped size must be smaller than %d bytes", function.MaxZipBytes)}
	case c.S3Bucket == nil:
		return function.Code{Zip: c.ZipFile}, nil
	case *c.S3Bucket != hotReload:
		return function.Code{}, invalid("Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")
	case !filepath.IsAbs(value(c.S3Key)):
		return function.Code{}, invalid("S3Key must be the absolute path of a directory when S3Bucket is " + hotReload + ".")
	}
	return function.Code{Dir: filepath.Clean(*c.S3Key)}, nil
}

// settings are the members that CreateFunction and UpdateFunctionConfiguration
// share.
type settings struct {
	Runtime, Handler, Role, Description *string
	Timeout, MemorySize                 *int
	Environment                         *environment
	Layers                              []string
}

func (s *settings) validate(v *awsjson.Validator) {
	v.Text(s.Role, "role", roleText)
	v.Text(s.Handler, "handler", awsjson.Text{Max: 128})
	v.Text(s.Description, "description", awsjson.Text{Max: 256})
	awsjson.Range(v, s.Timeout, "timeout", 1, 900)
	awsjson.Range(v, s.MemorySize, "memorySize", 128, 10240)
}

// check finds what the model allows and Lambda or this node refuses.
func (s *settings) check() error {
	if len(s.Layers) > 0 {
		return invalid("Layers are not offered here. Put what they hold into the function's code.")
	}
	if r := value(s.Runtime); r != "" && !strings.HasPrefix(r, "nodejs") && !strings.HasPrefix(r, "python") && !strings.HasPrefix(r, "provided") && r != "go1.x" {
		return invalid("The runtime parameter of " + r + " is not supported here. Use nodejs, python or provided.al2023.")
	}
	if s.Environment == nil {
		return nil
	}
	var reserved []string
	size := 0
	for _, name := range slices.Sorted(maps.Keys(s.Environment.Variables)) {
		size += len(name) + len(s.Environment.Variables[name])
		if process.ReservedEnv(name) {
			reserved = append(reserved, name)
		}
	}
	switch {
	case len(reserved) > 0:
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: " + strings.Join(reserved, ", "))
	case size > 4096:
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}

// apply sets what the request has.
func (s *settings) apply(c *function.Config) {
	set(&c.Runtime, s.Runtime)
	set(&c.Handler, s.Handler)
	set(&c.Role, s.Role)
	set(&c.Description, s.Description)
	set(&c.Seconds, s.Timeout)
	set(&c.MemoryMB, s.MemorySize)
	if s.Environment != nil {
		c.Env = s.Environment.Variables
	}
}

func set[T any](field, given *T) {
	if given != nil {
		*field = *given
	}
}

func (a *api) createFunction(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in struct {
		FunctionName, PackageType *string
		Code                      *codeMembers
		Tags                      map[string]string
		settings
	}
	if err := decodeValid(r, &in, func(v *awsjson.Validator) {
		v.Required(in.FunctionName != nil, "functionName")
		v.Required(in.Role != nil, "role")
		v.Required(in.Code != nil, "code")
		in.validate(v)
	}); err != nil {
		return nil, err
	}
	name, err := a.nameOf(*in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	code, err := in.Code.code()
	switch {
	case err != nil:
		return nil, err
	case in.Runtime == nil || in.Handler == nil:
		return nil, invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case strings.Contains(name, ".") || len(name) > 64:
		return nil, invalid("A function name consists of 1 to 64 letters, digits, - and _.")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	f := function.Function{Name: name, Code: code, Tags: in.Tags}
	in.apply(&f.Config)
	if f, err = a.functions.Create(f); err != nil {
		return nil, err
	}
	out := a.describe(&f)
	out.State, out.StateReason, out.StateReasonCode = "Pending", "The function is being created.", "Creating"
	return answer(http.StatusCreated, out)
}

func (a *api) updateFunctionCode(ctx context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in struct {
		codeMembers
		RevisionId *string
		DryRun     *bool
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	code, err := in.code()
	if err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return a.getFunctionConfiguration(ctx, r)
	}
	f, err := a.functions.SetCode(name, value(in.RevisionId), code)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, a.describe(&f))
}

func (a *api) updateFunctionConfiguration(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in struct {
		settings
		RevisionId *string
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	var v awsjson.Validator
	in.validate(&v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	f, err := a.functions.Configure(name, value(in.RevisionId), in.apply)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, a.describe(&f))
}
