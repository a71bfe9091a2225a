package lambda

import (
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/local"
)

type environment struct {
	Variables map[string]string
}

// configuration is a function's, as answers have it.
type configuration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string `json:",omitzero"`
	Role             string
	Handler          string `json:",omitzero"`
	CodeSize         int64
	Description      string
	Timeout          int
	MemorySize       int
	LastModified     string
	CodeSha256       string
	Version          string
	Environment      *environment `json:",omitzero"`
	TracingConfig    map[string]string
	RevisionId       string
	State            string
	StateReason      string `json:",omitzero"`
	StateReasonCode  string `json:",omitzero"`
	LastUpdateStatus string
	PackageType      string
	Architectures    []string
	EphemeralStorage map[string]int
	SnapStart        map[string]string
	LoggingConfig    map[string]string
}

const lastModified = "2006-01-02T15:04:05.000+0000"

func (a *api) describe(f *function.Function) configuration {
	c := configuration{
		FunctionName: f.Name, FunctionArn: a.functions.ARN(f.Name), Runtime: f.Runtime, Role: f.Role, Handler: f.Handler,
		CodeSize: f.Code.Size, Description: f.Description, Timeout: f.Seconds, MemorySize: f.MemoryMB,
		LastModified: f.Modified.UTC().Format(lastModified), CodeSha256: f.Code.SHA256, Version: process.Version,
		TracingConfig: map[string]string{"Mode": "PassThrough"}, RevisionId: f.Revision, State: "Active", LastUpdateStatus: "Successful",
		PackageType: "Zip", Architectures: []string{"x86_64"}, EphemeralStorage: map[string]int{"Size": 512},
		SnapStart:     map[string]string{"ApplyOn": "None", "OptimizationStatus": "Off"},
		LoggingConfig: map[string]string{"LogFormat": "Text", "LogGroup": "/aws/lambda/" + f.Name},
	}
	if c.Role == "" {
		// The file declares functions without roles.
		own, _ := arn.Parse(c.FunctionArn) // the node made it
		c.Role = local.ARN("iam", "", own.AccountID, "role/none")
	}
	if len(f.Env) > 0 {
		c.Environment = &environment{f.Env}
	}
	if f.State.Failed() {
		c.State, c.StateReason, c.StateReasonCode = "Failed", f.State.Reason, reasonCode(f.State.Code)
	}
	return c
}

// reasonCode is Lambda's code of why a function cannot run.
func reasonCode(code string) string {
	switch code {
	case process.CodeNoRuntime, process.CodeUnsupported:
		return "InvalidRuntime"
	case process.CodeInvalid:
		return "InvalidConfiguration"
	}
	return "FunctionError"
}
